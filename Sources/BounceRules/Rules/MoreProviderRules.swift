/// Codes and texts of further providers, filters and regions.
let moreProviderRules: [BounceRule] = [
  // Mimecast, Symantec, Cloudmark, Cisco
  BounceRule(
    "mimecast.policy", .policy,
    any: """
      host network not allowed|email rejected due to administrative policy|\
      administrative prohibition : envelope blocked|envelope blocked|local cts+
      """,
    unless: "dmarc", from: "Mimecast", since: "2009",
    example: """
      550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550 [abc]
      """),
  BounceRule(
    "mimecast.signature", .spam,
    any: """
      mcspamsignature+|rejected due to security policies|email rejected due to security policies
      """,
    unless: "virus", from: "Mimecast", since: "2010",
    example: "554 Email rejected due to security policies - MCSpamSignature.sa.2.2"),
  BounceRule(
    "mimecast.rejected", .policy,
    any: """
      rejected by header based|rejected by recipient policy|rejected by manually blocked|manually blocked|\
      rejected prior to data|temporarily deferred : mimecast
      """,
    from: "Mimecast", since: "2010",
    example: "554 Rejected by header based manually Blocked Senders: block for manual block"),
  BounceRule(
    "cox.list", .blocklist,
    any: """
      aup cdrbl|cdrbl|cxbl|cxsnd|cxdns|cxthrt|cxmxrt|csi block+|aup i+|aup rbl|ib103|ib105|ib106|ib107|ib108|\
      ib401|bl000000|bl000010|bl00000|bl0000|rl000001|rl000010|rl000003|pt0000|flblk+|fblk+|blcks+
      """,
    from: "Cox, Comcast, GoDaddy, AT&T", since: "2010",
    example: """
      550 5.1.0 <user@example.org> sender rejected. Refer to Error Codes section at \
      https://www.cox.com/residential/support/email-error-codes.html for more information. AUP#CDRBL
      """
  ),
  // Orange, La Poste, SFR, Free
  BounceRule(
    "orange.spam", .spam,
    any: """
      ofr 506|ofr506|ofr 515|ofr 518|ofr 519|mail rejete+|mail rejected * ofr+|ofr 501|ofr 513|ofr 502|ofr 514|\
      lpn 506|lpn007 506|lpnaaa 506|lpn * 506|msg rejete
      """,
    from: "Orange, La Poste", since: "2010",
    example: "550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]"),
  BounceRule(
    "orange.recipient", .userUnknown,
    any: """
      ofr 416|ofr * 416|lpn * 416|lpn007 416|destinataire invalide|adresse destinataire invalide|\
      adresse d au moins un destinataire invalide|destinataire inconnu|boite aux lettres inconnue
      """,
    from: "Orange, La Poste", since: "2010",
    example: """
      550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]
      """),
  BounceRule(
    "orange.full", .mailboxFull,
    any: """
      ofr 417|ofr * 417|lpn * 417|boite pleine|boite aux lettres pleine|boite * pleine|quota depasse|\
      quota de la boite|espace disque * depasse
      """,
    from: "Orange, La Poste", since: "2010",
    example: "552 Boite du destinataire pleine. OFR_417 [417]"),
  BounceRule(
    "orange.busy", .system, codes: [421, 450, 451], any: "ofr005 505|ofr * 505|ofr 505",
    from: "Orange", since: "2012",
    example: """
      421 4.2.0 Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR005_505 [505]
      """
  ),
  BounceRule(
    "orange.refused", .blocklist, .reputation,
    any: """
      service refuse|service refused : please try later|ofr 999|ofr * 103|ofr * 105|ofr * 108|lpn001 108|\
      lpn006 107|lpn * 107|lpn * 108|ofr001+|ofr003+|ofr006+|lpn001+|lpn005+|lpn006+|connexion refusee
      """,
    from: "Orange, La Poste", since: "2010",
    example: """
      421 mwinf5c77 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999 \
      [999]
      """),
  BounceRule(
    "orange.size", .size, any: "message trop gros|message trop volumineux|taille du message|taille maximale",
    from: "Orange", since: "2010",
    example: "552 Taille du message depassee"),
  BounceRule(
    "orange.connections", .rateLimit, .connections, any: "too many connections : slow down|ofr004 104|ofr * 104",
    from: "Orange", since: "2010",
    example: """
      421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow \
      down. OFR004_104 [104]
      """
  ),
  // QQ, NetEase, Coremail
  BounceRule(
    "qq.recipient", .userUnknown,
    any: """
      mailbox not found|mailbox unavailable or access denied|id 20022 * 1000728|\
      ^service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728|\
      ^service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728
      """,
    unless: "sender", from: "QQ", since: "2010",
    example: """
      550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728
      """),
  BounceRule(
    "qq.rate", .rateLimit, .volume,
    any: """
      frequency limited|ip frequency limited|domain frequency limited|sender frequency limited|\
      connection frequency limited|hl icc|hl ifc|mi dmc|mi sfq|rp drc|rp qrc|mi sqr|mi ioh|mi spb|ratelimited|\
      mi ccl|rp ccl|mi cel|rp cel|mi stc|hl ita|mi qrc
      """,
    from: "QQ, NetEase", since: "2010",
    example: """
      550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725
      """),
  BounceRule(
    "netease.spam", .spam,
    any: """
      dt spm|dt sph|dt spa|dt sum|dt sur|dt pmb|dt shb|rp trc|suspected bounce attacks|suspected bounce attack+|\
      suspected spam sender|suspected spam ip|mail content denied|anti spam gateway|suspected bulk
      """,
    from: "NetEase (163, 126), QQ", since: "2009",
    example: "554 DT:SPM 163 mx1,abc, please see http://mail.163.com/help/help_spam_16.htm"),
  BounceRule(
    "netease.list", .blocklist, .addressListed,
    any: """
      hl rep|hl mep|dt rbl|wm bli|wm blu|mi nhd|mi isd|dt nhd|hl ipb|hl irl|ip is rejected|ip is hangup|ip hangup|\
      invalid ip
      """,
    from: "NetEase, Coremail", since: "2009",
    example: "421 HL:REP 163 mx1 please see http://mail.163.com/help/help_spam_16.htm"),
  BounceRule(
    "netease.spf", .auth, .spf, any: "mi spf|dt spf|mi dma|dt dma|fake sender",
    from: "NetEase, Coremail", since: "2009",
    example: "550 MI:SPF 163 mx1 please see http://mail.163.com/help/help_spam_16.htm"),
  // Mail.ru, Yandex, Naver
  BounceRule(
    "mailru.spam", .spam,
    any: """
      spam message rejected|spam message discarded rejected|^help.mail.ru/notspam support+|\
      this message was classified as spam|message rejected under suspicion of spam|^yandex.ru/support/mail/spam|\
      ^ya.cc/1irbc|^help.yandex.ru/mail/spam|suspicion of spam
      """,
    from: "Mail.ru, Yandex", since: "2009",
    example: "554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc"),
  BounceRule(
    "mailru.user", .userUnknown,
    any: """
      message was not accepted : invalid mailbox|invalid mailbox : local mailbox|local mailbox @ is unavailable|\
      local mailbox * unavailable|user is terminated|no such user
      """,
    unless: "sender|account is disabled", from: "Mail.ru, Yandex", since: "2009",
    example: """
      550 Message was not accepted -- invalid mailbox. Local mailbox user@mail.ru is unavailable: user not found
      """),
  BounceRule(
    "mailru.ip", .blocklist, .addressListed,
    any: """
      we do not accept mail from this ip|try to contact abuse|non local recipient verification failed|\
      ip address is not trusted|not accept mail from hosts with dynamic ip|not accept mail from hosts with generic
      """,
    from: "Mail.ru", since: "2012",
    example: "550 We do not accept mail from hosts with dynamic IP or generic PTR-records"),
  // United Internet, T-Online
  BounceRule(
    "gmx.refused", .blocklist, .reputation,
    any: """
      requested action aborted : local policy|transaction failed : reject due to policy restrictions|\
      reject due to policy restrictions|bad dns ptr resource record|ip address is black listed|\
      ip address is blacklisted|nemesis esmtp service not available : no smtp service|no smtp service
      """,
    unless: "message size|record indicated", from: "GMX, web.de, mail.com, 1&1", since: "2012",
    example: """
      554 gmx.net (mxgmx001) Nemesis ESMTP Service not available No SMTP service IP address is black listed. For \
      explanation visit http://postmaster.gmx.com/en/error-messages?ip=192.0.2.1&c=bl
      """
  ),
  BounceRule(
    "tonline.blocked", .blocklist, .addressListed,
    any: """
      ask your postmaster for help|none bad reputation|please contact your service provider
      """,
    from: "T-Online", since: "2012",
    example: """
      554 IP=192.0.2.1 - None/bad reputation. Ask your postmaster for help or to contact tosa@rx.t-online.de for \
      reset. (NOWL)
      """
  ),
  BounceRule(
    "barracuda.list", .blocklist, .addressListed,
    any: """
      ^barracudanetworks.com/reputation|^barracudacentral.org/reputation|^bbl.barracudacentral.com|\
      barracuda reputation|blocked using barracuda+|blocked by barracuda reputation|comcast block for spam|\
      block for spam
      """,
    from: "Barracuda", since: "2008",
    example: """
      554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; \
      http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1
      """
  ),
  BounceRule(
    "zimbra.blocked", .policy, any: "blocked by the recipients|blocked : see|message blocked due to",
    unless: "spam|content", from: "Zimbra, Barracuda", since: "2008",
    example: """
      550 permanent failure for one or more recipients (user@example.org:blocked): Message blocked due to policy
      """),
]
