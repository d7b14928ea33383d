/// Proofs of origin: SPF, DKIM, DMARC, reverse DNS.
let authenticationRules: [BounceRule] = [
  BounceRule(
    "auth.dmarc", .auth, .dmarc,
    any: """
      dmarc policy|dmarc check+|dmarc fail+|dmarc verification|dmarc reject+|dmarc evaluation|dmarc violation|\
      dmarc validation|dmarc authentication|dmarc results|dmarc status|dmarc record|dmarc quarantine|\
      dmarc alignment|dmarc test+|dmarc error|dmarc restriction+|dmarc did not|failed dmarc|fail dmarc|\
      fails dmarc|pass dmarc|passed dmarc|passing dmarc|by dmarc|to dmarc|of dmarc|with dmarc|violates dmarc|\
      dmarc : |dmarc * reject|dmarc * fail+|domains dmarc|owner dmarc|rejected per dmarc|per dmarc|\
      ^support.google.com/mail/?p=dmarcrejection|^support.google.com/mail/answer/2451690|\
      unauthenticated email from|unauthenticated mail from
      """,
    from: "Gmail, Yahoo, Microsoft, Mail.ru, QQ, OpenDMARC", since: "2012",
    example: """
      550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.
      """),
  BounceRule(
    "auth.dkim", .auth, .dkim,
    any: """
      dkim does not pass|dkim did not pass|dkim fail+|dkim check+|dkim signature+|dkim verification|\
      dkim validation|dkim error|dkim invalid|dkim policy|dkim required|dkim evaluation|dkim authentication|\
      dkim test|bad dkim|invalid dkim|no dkim|valid dkim|failed dkim|without dkim|missing dkim|dkim adsp|dkim : |\
      domainkeys|dkim reject+|dkim unaligned|unsigned by dkim|signed with dkim|dkim signed|not signed
      """,
    from: "Gmail, OpenDKIM", since: "2007",
    example: """
      550 5.7.30 This mail has been blocked because DKIM does not pass. Gmail requires all large senders to \
      authenticate with DKIM.
      """
  ),
  BounceRule(
    "auth.spf", .auth, .spf,
    any: """
      spf fail+|spf check+|spf softfail|spf hardfail|spf record+|spf validation|spf verification|spf reject+|\
      spf policy|spf error|spf permerror|spf temperror|spf result+|spf none|spf test+|spf deny|spf denied|\
      spf unauthorized|spf authentication|spf neutral|spf : |spf mismatch|spf violation|spf lookup|spf settings|\
      spf forgery|spf query|spf include|spf syntax|spf sender|spf does|spf not|spf mail from|spf ip|spf permanent|\
      spf hard|spf soft|spf incorrect|spf invalid|failed spf|fail spf|fails spf|pass spf|passed spf|passing spf|\
      bad spf|by spf|an spf|no spf|the spf|spf domain|invalid spf|sender policy framework|\
      senders policy framework|does not designate|not designated|designate permitted|domain does not designate|\
      not authorized to send mail for|not authorized to send for|not authorized to send from this domain|\
      not allowed to send mail for|not allowed to send from|not allowed to use|not permitted to send mail for|\
      not authorized by the domain|not a permitted sender|sender not permitted by|mail spf|openspf|^spf.pobox.com|\
      ^openspf.org|^openspf.net|^open-spf.org|domain mismatches client ip|sender id|senderid|sender id * fail+|\
      spoof+ * spf|address is not permitted by|domain * does not permit|not permitted to use this domain|\
      not authorized to use this domain|spf * fail+|spf * rejected|mi spf
      """,
    unless: "ptr|reverse dns", from: "Postfix policyd-spf, Gmail, GoDaddy, Exim", since: "2004",
    example: """
      550 5.7.23 <user@example.org>: Recipient address rejected: Message rejected due to: SPF fail - not \
      authorized.
      """),
  BounceRule(
    "auth.any", .auth,
    any: """
      isnt aligned|not aligned|aligned with|does not have authentication information|\
      fails to pass authentication+|authentication checks failed|authentication check failed|\
      multiple authentication checks|unauthenticated message|unauthenticated mail|unauthenticated email|\
      mail is unauthenticated|it is unauthenticated|because it is unauthenticated|message is unauthenticated|\
      not authenticated by|required authentication level|authentication requirements|authentication level|\
      doesnt meet the required authentication|email authentication|sender authentication|\
      could not be authenticated|cannot be authenticated|authentication results|arc validation|arc fail+|\
      unable to verify * sender domain|failed authentication checks|sender domain * not authenticated|\
      unauthenticated senders|sender is unauthenticated|sender unauthenticated|sender not authenticated|\
      sender is not authenticated|sender is unvalidated|domain authentication|ptr records and authentication
      """,
    unless: "ptr|smtp authentication|ipv6", from: "Gmail, Microsoft", since: "2013",
    example: """
      550-5.7.1 This message does not have authentication information or fails to pass authentication checks.
      """),
  BounceRule(
    "rdns", .dns, .reverseDNS,
    any: """
      rdns for|rdns of|your rdns|valid rdns|rdns is|rdns record|ip address lookup failed|address lookup failed|\
      reverse dns|reverse lookup|reverse hostname|reverse mapping|reverse address|reverse ip|reverse record|\
      reverse ptr|reverse name|reverse resolution|rdns|rdns lookup|rdns entry|rdns check|no rdns|ptr record+|\
      ptr lookup|ptr entry|ptr resource|ptr does not|no ptr|missing ptr|valid ptr|invalid ptr|a ptr|ptr and|\
      ptr mismatch|ptr dns|without ptr|pointer record|pointer ptr|inverse dns|inverse lookup|inverse record|\
      cannot find your hostname|cannot find your reverse hostname|cant find your hostname|cannot resolve your|\
      cannot resolve ip|client host rejected : cannot find|client host rejected : unverified|\
      ip name lookup failed|ip address could not be resolved|hostname of * ip|fcrdns|forward confirmed|\
      forward dns|matching dns|unresolvable ip|ip has no|ip * has no|ip * does not resolve|ip * doesnt resolve|\
      ip address does not resolve|your ip does not resolve|no dns|no valid dns|unverifyable sending ips|\
      unverifiable sending|unable to resolve your ip|hostname lookup failed|generic rdns|generic ptr|\
      generic reverse|fix reverse|fix your dns|mismatches client ip|domain * mismatches client ip|\
      unresolved hostname|host name lookup failed * ip|address * not resolve+|lookup for host % failed|\
      does not match the ip|does not match ip|doesnt match ip|not match * reverse|the ip you * ptr|\
      does not resolve|not resolvable|unresolvable client|not resolve to|\
      ^support.google.com/mail/?p=ipv6autherror|ipv6 sending guidelines|proper dns|proper reverse|\
      missing the proper dns|^fcrdns|no a record|hostname is not|no host name|ip is not resolvable
      """,
    unless: """
      sender domain|sender address|domain not found|domain of sender|from domain|mx record|name service error
      """,
    from: "Postfix reject_unknown_client_hostname, Gmail, AOL, Exim", since: "1998",
    example: "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]"),
]
