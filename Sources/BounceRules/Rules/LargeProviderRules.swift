/// Codes and texts of single providers that say more, or other, than their words: the largest.
let largeProviderRules: [BounceRule] = [
  BounceRule(
    "policy.reasons", .policy, any: "for policy reasons|due to policy reasons",
    from: "Yahoo, Verizon, AOL", since: "2005", example: "554 Mail from user@example.org rejected for policy reasons."),
  BounceRule(
    "code.542", .userUnknown, nil, .vague, codes: [542], any: "rejected|denied",
    from: "various gateways", since: "2005", example: "542 user@example.org Rejected"),
  // Microsoft
  BounceRule(
    "microsoft.s3140", .blocklist, .addressListed,
    any: """
      s3140|s3150|s3113|s3114|s3115|s775|s844|oursenderpolicy|block list s3140|sc 001|sc 002|sc 004|dy 001|dy 002|\
      ou 001|ou 002|rp 001|rp 002|rp 003|bl 000001|werent sent : please contact your internet service provider|\
      ^mail.live.com/mail/troubleshooting.aspx
      """,
    from: "Outlook.com, Hotmail", since: "2007",
    example: """
      550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service \
      provider since part of their network is on our block list (S3140).
      """
  ),
  BounceRule(
    "microsoft.banned", .blocklist, .addressListed,
    any: """
      banned sending ip|banned sender * ip|traffic not accepted from this ip|access denied * banned|\
      ^go.microsoft.com/fwlink/?linkid=526655|^sender.office.com
      """,
    from: "Microsoft 365", since: "2014",
    example: """
      550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit \
      https://sender.office.com/
      """
  ),
  BounceRule(
    "microsoft.level", .auth, any: "meet the required authentication level|^go.microsoft.com/fwlink/p/?linkid=2319303",
    from: "Outlook.com", since: "2025",
    example: """
      550 5.7.515 Access denied, sending domain EXAMPLE.ORG doesn't meet the required authentication level.
      """),
  BounceRule(
    "microsoft.dmarc", .auth, .dmarc, any: "does not pass dmarc verification|rejected by * dmarc policy",
    from: "Microsoft 365", since: "2023",
    example: """
      550 5.7.509 Access denied, sending domain [EXAMPLE.ORG] does not pass DMARC verification and has a DMARC \
      policy of reject.
      """
  ),
  BounceRule(
    "microsoft.rate", .rateLimit, .volume,
    any: """
      limit for the number of messages|messages they can receive|receive limit|exceeded messaging limits|\
      recipients per hour|recipient thread limit exceeded|storedrv * thread limit|mailbox server * too many|\
      message limit exceeded|has exceeded * receive limit|tenant has exceeded threshold|submission quota exceeded|\
      submissionquotaexceeded+
      """,
    unless: "ip reputation", from: "Microsoft 365", since: "2013",
    example: "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded"),
  BounceRule(
    "microsoft.reputation", .blocklist, .reputation,
    any: """
      rate limited due to ip reputation|as 843|as 780090+|server busy : please try again later from|\
      access denied : please try again later : as+|^postmaster.live.com|traffic not accepted
      """,
    from: "Outlook.com", since: "2018",
    example: """
      451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.
      """),
  BounceRule(
    "microsoft.edge", .policy, .restrictedRecipient,
    any: """
      recipient address rejected : access denied|recipient addresses rejected : access denied|\
      recipient addresses rejected access denied
      """,
    from: "Microsoft 365, recipients not in the directory", since: "2013",
    example: """
      550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [host.prod.protection.outlook.com]
      """),
  BounceRule(
    "microsoft.recipient", .userUnknown,
    any: """
      resolver adr+|resolver * recipnotfound|resolver * recipientnotfound|resolver adr exrecipnotfound|\
      exrecipnotfound|recipient not found by smtp address lookup|badprimary|msexch imc * recipient not found|\
      legacyexchangedn
      """,
    unless: "ambiguous", from: "Exchange", since: "2007",
    example: """
      550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
      """),
  BounceRule(
    "microsoft.ambiguous", .system,
    any: """
      resolver adr ambiguous|ambiguous address|resolver grp expandingfailure|expandingfailure
      """,
    from: "Exchange", since: "2007", example: "451 4.3.0 RESOLVER.ADR.Ambiguous; ambiguous address"),
  BounceRule(
    "microsoft.spam", .spam,
    any: """
      message rejected as spam by content filtering|spam abuse detected|content filter agent|\
      high confidence phish|as spam * outlook
      """,
    unless: "ip",
    from: "Exchange", since: "2007", example: "550 5.7.1 Message rejected as spam by Content Filtering."),
  BounceRule(
    "microsoft.login", .auth, .login, any: "client was not authenticated to send anonymous mail",
    from: "Exchange", since: "2007",
    example: """
      530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM
      """),
  BounceRule(
    "exchange.unreachable", .dns, .domainUnknown, any: "domain is not reachable|domain not reachable",
    from: "1&1, Strato", since: "2008",
    example: """
      554 The mail could not be delivered to the recipient because the domain is not reachable.
      """),
  BounceRule(
    "microsoft.connector", .auth,
    any: """
      tenantinboundattribution|restrictdomainstocertificate|restrictdomainstoipaddresses|\
      partner connector configured
      """,
    from: "Microsoft 365", since: "2016",
    example: """
      550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's \
      recipient domain.
      """),
  // Google
  BounceRule(
    "google.same-id", .policy, .volume, any: "quota for sending messages with the same message id",
    from: "Gmail", since: "2021",
    example: """
      421 4.7.28 Gmail has detected this message exceeded its quota for sending messages with the same \
      Message-ID:.
      """),
  BounceRule(
    "google.allowlist", .blocklist, any: "ip not in whitelist for rcpt domain|ip not in allowlist for rcpt domain",
    from: "Google Workspace", since: "2010",
    example: "421 4.7.0 IP not in whitelist for RCPT domain, closing connection."),
  BounceRule(
    "google.auth-limit", .auth,
    any: """
      rate limited because it is unauthenticated|spf record of the sending domain|\
      rate limited * because * unauthenticated|requires all senders to authenticate|\
      requires all large senders to authenticate
      """,
    unless: "dkim does not pass", from: "Gmail", since: "2023",
    example: """
      421 4.7.26 This mail has been rate limited because it is unauthenticated. Gmail requires all senders to \
      authenticate with either SPF or DKIM.
      """
  ),
  BounceRule(
    "google.ptr", .dns, .reverseDNS,
    any: """
      doesnt have a ptr record|does not have a ptr record|does not meet ipv6 sending guidelines|\
      ipv6 sending guidelines regarding ptr|specified in the pointer|hostname specified in the pointer|\
      from ips with missing ptr
      """,
    from: "Gmail", since: "2013",
    example: """
      421 4.7.23 The sending IP address for this message doesn't have a PTR record, or the PTR record's forward \
      DNS entry doesn't match the sending IP address.
      """
  ),
  BounceRule(
    "google.domain", .userUnknown, .domainUnknown, any: "werent able to find the recipient domain",
    from: "Gmail", since: "2007",
    example: """
      553 5.1.2 We weren't able to find the recipient domain. Please check for any spelling errors.
      """),
  BounceRule(
    "google.rate", .blocklist, .reputation,
    any: """
      unusual rate of|^support.google.com/mail/?p=unsolicitedratelimiterror|\
      ^support.google.com/mail/?p=unsolicitediperror|suspicious due to the * reputation|\
      unsolicited mail originating from your ip
      """,
    from: "Gmail", since: "2009",
    example: """
      421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.
      """),
  BounceRule(
    "google.receiving", .rateLimit, .volume,
    any: """
      receiving mail at a rate that|receiving mail too quickly|^support.google.com/mail/?p=receivingrate+
      """,
    from: "Gmail", since: "2007",
    example: """
      450-4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages \
      from being delivered.
      """
  ),
  BounceRule(
    "google.sending", .sender, any: "mail sending denied", from: "Google Workspace", since: "2012",
    example: """
      550 5.7.0, Mail Sending denied. This error occurs if the sender account is disabled or not registered.
      """),
  // Yahoo, AOL
  BounceRule(
    "yahoo.permanent", .blocklist, .reputation, action: .reject,
    any: """
      permanently deferred : retrying will not succeed|will be permanently deferred|tss09|tss11|ts03|tss03
      """,
    from: "Yahoo", since: "2008",
    example: """
      553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed. See \
      https://postmaster.yahooinc.com/error-codes
      """
  ),
  BounceRule(
    "yahoo.deferred", .blocklist, .reputation,
    any: """
      ts01|ts02|ts04|tss01|tss02|tss04|tss05|tss06|unexpected volume or user complaints|\
      temporarily deferred due to user complaints|temporarily deferred due to * complaints|gl01
      """,
    from: "Yahoo", since: "2008",
    example: """
      421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints \
      - 4.16.55.1
      """
  ),
  BounceRule(
    "yahoo.list", .blocklist, .addressListed,
    any: """
      bl21|bl22|bl23|because the ip is in spamhaus+|ip addresses on spamhaus+|\
      connections will not be accepted from %|rbl 521|hvu b1|hvu b2|cnrbl|con b1|dyn t1|dyn b1|rly b1|dns b1|\
      rtr bl|rtr bb
      """,
    from: "Yahoo, AOL", since: "2006",
    example: """
      553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list; see \
      http://postmaster.yahoo.com/550-bl23.html
      """
  ),
  BounceRule(
    "yahoo.domain", .sender, .senderDomain,
    any: """
      unresolvable rfc 5321 from domain|unresolvable rfc 5321 from|unresolvable from domain
      """,
    from: "Yahoo", since: "2019",
    example: "451 Message temporarily deferred due to unresolvable RFC.5321 from domain."),
  BounceRule(
    "yahoo.user", .userUnknown,
    any: """
      doesnt have a * account|this user doesnt have|delivery error : dd this user|dd requested mail action|\
      ^help.yahoo.com/help/us/mail/yahoo/original/abuse
      """,
    from: "Yahoo", since: "2002",
    example: """
      554 delivery error: dd This user doesn't have a yahoo.com account (user@yahoo.com) [0] - \
      mta1.mail.example.com
      """),
  BounceRule(
    "yahoo.closed", .mailboxDisabled,
    any: """
      account has been disabled or discontinued|not receiving mail|recipient has been suspended|\
      mailbox has been disabled
      """,
    from: "Yahoo", since: "2002",
    example: """
      554 delivery error: dd Sorry your message to user@yahoo.com cannot be delivered. This account has been \
      disabled or discontinued [#102].
      """
  ),
  BounceRule(
    "ses.suppressed", .policy,
    any: """
      suppression list|recent history of bouncing|bounced address|previously bounced|unsubscribed address|\
      on your suppression
      """,
    from: "Amazon SES, SendGrid",
    since: "2012",
    example: """
      550 Amazon SES did not send the message to this address because it is on the suppression list for your \
      account.
      """),
  BounceRule(
    "domino.silent", .policy, nil, .vague, any: "did not report a specific reason|not report a specific reason",
    from: "Exchange 2003", since: "2003",
    example: """
      The e-mail system was unable to deliver the message, but did not report a specific reason.
      """),
  BounceRule(
    "facebook.codes", .userUnknown, any: "rcp p1|rcp p3|^postmaster.facebook.com/response_codes",
    unless: "con t1|msg t1|pol p+|dns p+|int p+|sys p+", from: "Facebook", since: "2010",
    example: """
      550 5.1.1 RCP-P1 http://postmaster.facebook.com/response_codes?ip=192.0.2.1#rcp Refused due to recipient \
      preferences
      """
  ),
  BounceRule(
    "messagelabs.relay", .relay, any: "insecure mail relay", from: "MessageLabs", since: "2004",
    example: "553-mail rejected: Insecure Mail Relay"),
  // Apple
  BounceRule(
    "apple.list", .blocklist, .addressListed,
    any: """
      blocked by proofpoint|proofpoint dynamic reputation|$ipcheck.proofpoint.com|^ipcheck.proofpoint.com|\
      ^support.proofpoint.com
      """,
    from: "Apple, Proofpoint", since: "2012",
    example: "550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1"),
  BounceRule(
    "apple.refusing", .blocklist, .connectionRefused, any: "esmtp not accepting connections|not accepting connections",
    from: "Apple", since: "2014", example: "554 st11p00im-smtpin013.me.com ESMTP not accepting connections"),
]
