/// Lists and reputation: the other side's opinion of us.
let reputationRules: [BounceRule] = [
  BounceRule(
    "list.domain", .blocklist, .domainListed,
    any: """
      spamhaus dbl|$dbl.spamhaus.org|domain * listed|domain * listed in|domain * blacklisted|\
      domain * is on * blacklist|domain present in the spamhaus|domain * blocklisted|sender domain * blacklist+|\
      domain is listed|domain is on|domain in blacklist|rhsbl|^spamhaus.org/dbl|^spamhaus.org/query/domain|\
      $rhsbl.sorbs.net|senders domain * blocked using|sender address * blocked using|helo * blocked using|\
      ehlo command rejected * listed|sender domain listed
      """,
    unless: "url * blacklist+|blacklisted url", from: "Spamhaus DBL users, Apple, Postfix reject_rhsbl_sender",
    since: "2010",
    example: """
      550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see \
      https://www.spamhaus.org/dbl/
      """
  ),
  BounceRule(
    "list.link", .spam, .link,
    any: """
      blacklisted url|blacklisted link|url * blacklist+|links * blacklist+|url in message|$uribl.com|$surbl.org|\
      $multi.surbl.org|^lookup.uribl.com|^surbl.org|uribl|surbl|bad url|spam url|link * blocked|url is listed|\
      contains a url|contains * spamvertised|spamvertised|phishing url|message contains * link
      """,
    from: "SURBL and URIBL users", since: "2004",
    example: """
      550 5.7.1 REJECTED - Blacklisted URL in message (example.com) in [black]. See http://lookup.uribl.com.
      """),
  BounceRule(
    "list.address", .blocklist, .addressListed,
    any: """
      connection refused * %|from your host|from your server|from your ip|from your network|from spammers|\
      allowed to send mail from this host|mail from this host|blocked using|blocked by rbl|blocked by dnsbl|\
      blocked by * rbl|dnsrbl|blocked by * dnsbl|blocked by * blacklist+|blocked by * block list|rejected by rbl|\
      rejected by * rbl|rejected by dnsbl|rbl reject|rbl deny|rbl match|rbl restriction+|rbl rejected|rbl failed|\
      rbl blocked|rbl lookup|rbl check|rbl listed|rbl filter|rbl policy|in rbl|on rbl|an rbl|in a rbl|rbls|\
      dnsbl reject|dnsbl listed|dnsbl match|dnsbl : |in dnsbl|on dnsbl|a dnsbl|found in dnsbl|\
      found on one or more|found on blacklist|found in blacklist|found * on * blacklist+|found on * rbl|\
      listed in $|listed at $|listed on $|listed by $|listed in dnsbl|listed in rbl|listed in one or more|\
      listed on one or more|listed in at least|listed on at least|listed in spamhaus|listed by spamhaus|\
      listed at spamhaus|listed in the spamhaus|listed in spamcop|listed in barracuda|listed in sorbs|\
      listed in * blacklist+|listed in * block list|listed in * blocklist+|listed in * rbl|listed in * dnsbl|\
      listed on * blacklist+|listed on * rbl|listed on * block list|listed by * rbl|listed in our|listed on our|\
      is listed on|ip * is listed|ip is listed|ip listed|ip * listed|% is listed|% listed|% * listed in|\
      % * listed at|% * listed by|% * listed on|host is listed|host * is listed|address is listed|address listed|\
      address % listed|client * is listed|sender ip * listed|currently listed|is blacklisted|is blocklisted|\
      are blacklisted|been blacklisted|been blocklisted|been black listed|ip blacklisted|ip address blacklisted|\
      ip is blacklisted|ip * blacklisted|ip * blocklisted|ip in blacklist|ip * in * blacklist+|\
      ip * on * blacklist+|ip * on * block list|ip * on * blocklist+|ip blacklist|ip is blocked|ip blocked|\
      ip * blocked|ip address blocked|ip has been blocked|ip address has been blocked|ip address is blocked|\
      ip * is blocked|ip * has been blocked|ip * was blocked|ips are blocked|ip is banned|ip banned|ip * banned|\
      ip * is denied|ip denied|ip rejected|ip is rejected|ip * rejected|ip deny|black ip|blacklisted ip|\
      blacklisted host|blacklisted by|blacklisted at|blacklisted in|blacklisted on|blacklist : |\
      blacklist : listed|on a blacklist|on our blacklist|on our block list|on our blocklist|on our black list|\
      on the blacklist|on blacklist|on blocklist|on block list|on a block list|in our blacklist|in our blocklist|\
      in our block list|in blacklist|in blocklist|in block list|in a blacklist|in the blacklist|in black list|\
      in local blacklist|in local block list|local blacklist|local block list|local blocklist|personal blacklist|\
      own blacklist|internal blacklist|client blacklisted|sender blacklisted|host blacklisted|server blacklisted|\
      your host is blacklisted|host is blacklisted|host is blocked|host blocked|host has been blocked|\
      host * is blocked|host * blocked|host is banned|your host was|mail server is blacklisted|\
      mail server * is listed|mail server * blocked|mail server * listed|mail server has been blocked|\
      mail server % has been|server is blocked|server has been blocked|banned sending ip|banned sender ip|\
      banned ip|banned host|access from ip address % blocked|access from ip * blocked|\
      connections not accepted from ip addresses on|ips blocked|the ip is in spamhaus+|because % is|\
      connection from % * blocked|connection from % rejected|connections from % * blocked|mail from % * blocked|\
      mail from % refused|mail from % rejected|mail from ip|email from % is currently blocked|\
      email from % * blocked|message from % rejected|messages from % * blocked|messages from % werent sent|\
      messages from % weren t sent|part of their network is on our block list|client host % blocked|\
      client host rejected|client host * blocked|client host * rejected|client % blocked|client % rejected|\
      client * blocked|connection refused from|connecting ip * listed|connecting ip * blocked|sending ip * listed|\
      sending ip * blocked|sending ip address * blocked|sender ip * blocked|sender ip * rejected|senderbase|\
      on the rbl|real time blackhole|realtime blackhole|realtime blacklist+|real time blacklist+|\
      realtime block list|real time block list|real time blocklist+|blackhole list|blackholed|black hole|\
      black hole list|dns blacklist+|dns block list|dns blocklist+|dns based black+|ip block list|ip blocklist+|\
      block list of|blocklist by|policy block list|exploits block list|composite blocking list|\
      spamcop blocking list|spamcop|spamhaus zen|spamhaus sbl|spamhaus xbl|spamhaus pbl|spamhaus block+|\
      spamhaus org|spamhaus zen list|in spamhaus+|by spamhaus+|barracuda reputation|barracudacentral|\
      barracuda blacklist|in sorbs|by sorbs|uceprotect+|$spamhaus.org|$spamcop.net|$sorbs.net|\
      $barracudacentral.org|$uceprotect.net|$abuseat.org|$surriel.com|$mailspike.net|$invaluement.com|$spfbl.net|\
      $s5h.net|$njabl.org|$dsbl.org|$backscatterer.org|$gbudb.net|$nordspam.com|$senderbase.org|\
      $talosintelligence.com|$inps.de|$manitu.net|$dnsbl.net|$rfc-ignorant.org|$nszones.com|$blocklist.de|\
      $spamrats.com|$abusix.zone|$abusix.com|$dnsrbl.swinog.ch|$rbl.jp|^spamhaus.org/|^check.spamhaus.org/|\
      ^spamcop.net/|^barracudacentral.org/|^abuseat.org/|^cbl.abuseat.org/|^sorbs.net/|^dnsbl.sorbs.net/|\
      ^uceprotect.net/|^psbl.surriel.com/|^senderbase.org/|^ipremoval.sms.symantec.com|^csi.cloudmark.com|\
      ^spfbl.net/|^mailspike.net/|^blocklist.de/|^spamrats.com/|^sender.office.com|^bl.spamcop.net|delist|\
      delisting|delisted|removal from this list|remove * from * blacklist|removed from * list|open relay|\
      open proxy|openrelay|dynamic ip|dynamic address|dynamic pool|dynamic range|dynamic or|dynamic client|\
      dial up|dialup|dul list|residential ip|not accept mail from dynamic|dynamically assigned|\
      no smtp from your ip|no smtp mx only|botnet|infected|compromised host|zombie
      """,
    unless: """
      too many connections|not a blacklist|user unknown|unknown user|no such user|url in message|spf record|dmarc|\
      attachment|not in whitelist
      """,
    from: "Postfix reject_rbl_client, Exim, Sendmail dnsbl", since: "1998",
    example: """
      554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; \
      https://www.spamhaus.org/query/ip/192.0.2.1
      """
  ),
  BounceRule(
    "reputation.poor", .blocklist, .reputation,
    any: """
      poor reputation|reputation|bad reputation|low reputation|ip reputation|sender reputation|domain reputation|\
      reputation of|reputation score|reputation too low|reputation is|mail reputation|negative reputation|\
      reputation filter+|email reputation|reputation service|reputation reject|reputation block|\
      sending reputation|reputationblock|bad senderscore|senderscore|sender score|low sender score|\
      score * too low|very low reputation|very bad reputation|due to the reputation|trend micro * reputation|\
      cloudmark sender intelligence|unusual rate of unsolicited|unusual rate of|unsolicited mail originating from|\
      suspicious due to the very low reputation|excessive user complaints|user complaints|user complaint+|\
      too many complaints|complaint rate|spam complaints|too many unwanted messages|too many spam|spam source|\
      spam sources|spam origin|spam sender|spam network|known spammer|known spam source|spammer|spammers|\
      suspected spammer|suspected spam sender|suspicious ip|suspicious activity * ip|malicious activity|\
      abusive behavior|abuse detected|abusive|spam abuse detected|spam activity|sending spam|sent spam|sends spam|\
      sent too much spam|source of spam|sources of spam|history of spam|high volume of spam|high rate of spam|\
      spamtrap+|honeypot|harvest+|dictionary attack|directory harvest|too many invalid recipients|\
      too many unknown+|invalid recipients sent|too many bad recipients|your ip has been|your ip address has been|\
      because of the ip|attack detected
      """,
    unless: "user unknown|content|message looks|spf|url", from: "Gmail, Microsoft, Cisco, Trend Micro, Barracuda",
    since: "2004",
    example: """
      554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.
      """),
]
