/// The message: spam, viruses, forbidden content, and policies.
let messageRules: [BounceRule] = [
  BounceRule(
    "virus", .virus,
    any: """
      virus * found|virus * detected|by virus scanner|virus scanner : infected|found to be infected|\
      virus detected|virus found|virus infected|virus in|virus alert|virus signature|virus name|virus email|\
      virus scan+|virus filter+|virus contained|virus reject+|a virus|contains virus|contains a virus|\
      contains * virus|contain * virus|contained * virus|infected with|infected by|infected message|\
      infected email|message infected|is infected|malware|malware detected|malicious content|malicious attachment|\
      malicious software|malicious code|malicious|trojan|ransomware|eicar|clamav|worm|infected|has a virus|\
      with virus|viruses detected|viruses|security threat
      """,
    unless: """
      virus or spam|spam or virus|spam virus|no virus|host is infected|your computer|botnet|ip|\
      anti virus engine busy|temporarily|scan timeout|lookup|scanner failed|scanner error
      """,
    from: "ClamAV and amavisd users, Mimecast, Gmail", since: "1999",
    example: "550 5.7.1 Virus detected: Eicar-Test-Signature"),
  BounceRule(
    "content.attachment", .content, .attachment,
    any: """
      attachment type|attachment name|attachment blocked|attachment rejected|attachment not allowed|\
      attachment * not allowed|attachment extension|attachment file|attachments are not|attachments not|\
      attachment is not|attachment with|attachment policy|attachments of|attachments with|banned attachment|\
      banned file|banned name|banned content|banned extension|banned filename|blocked attachment|blocked file|\
      blocked extension|forbidden attachment|forbidden file|prohibited attachment|prohibited file|\
      illegal attachment|illegal extension|dangerous attachment|dangerous file|dangerous extension|\
      executable attachment|executable file|executable content|executable|suspicious attachment|\
      suspect attachment|disallowed attachment|unacceptable attachment|unwanted attachment|file type+|\
      file extension+|extension * not allowed|encrypted attachment|password protected|zip file|potential security|\
      potential security issue|presents a potential|^support.google.com/mail/?p=blockedmessage|\
      ^support.google.com/mail/answer/6590|macro
      """,
    unless: "size", from: "Gmail, amavisd, MailScanner, Exchange", since: "2000",
    example: """
      552-5.7.0 This message was blocked because its content presents a potential security issue.
      """),
  BounceRule(
    "content.header", .content, .header,
    any: """
      too many content type|content type headers|rfc 5322 compliant|rfc 2822 compliant|rfc 822 compliant|\
      rfc 5322 specification+|rfc 5322 section|rfc compliant|not rfc|rfc2822|rfc5322|rfc 5322|rfc 2822|rfc 822|\
      non rfc|rfc violation|violates rfc|violation of rfc|not compliant|not comply|does not comply|noncompliant|\
      not conform+|does not conform|standards compliant|header from|from header|to header|subject header|\
      date header|message id header|sender header|headers are|headers is|headers missing|header missing|\
      header is missing|header is invalid|header invalid|header * missing|header * invalid|header syntax|\
      header contains|header error|header check|header violates|header rejected|header field+|header line+|\
      headers not|missing header+|missing message id|missing from|missing date|missing subject|missing or|\
      missing required|missing to|missing a valid|no from|no subject|no date|no message id|empty subject|\
      blank subject|invalid header+|bad header+|malformed header+|malformed mime|malformed message|malformed|\
      duplicate header+|duplicated header|duplicate from|multiple headers|multiple from|multiple subject|\
      multiple addresses|multiple date|multiple * headers|more than one|disallowed header|illegal header|\
      unicode character|bare line feeds|bare lf|bare newlines|bare cr|bare carriage|stray newline|lone cr|lone lf|\
      line endings|8 bit data|8bit data|improper use of 8 bit|8 bit characters|eight bit|nul characters|\
      null characters|nul byte|non ascii|invalid characters|illegal characters|control characters|invalid charset|\
      unsupported charset|invalid encoding|unsupported encoding|mime error|mime boundary|mime structure|\
      invalid mime|mime parse|broken mime|content transfer|content type|illegal mime|too many mime|nesting|nested|\
      conversion required|body type|8bitmime not|smtputf8|internationalized|transaction failed : message|\
      message * corrupt+|invalid message|header too long|invalid from|invalid date|date is in the future|\
      date in the|future date|invalid format|message format|format error|\
      ^support.google.com/mail/?p=rfcmessagenoncompliant
      """,
    unless: """
      spam|dmarc|virus|sender address rejected|unknown|authentication|syntax error|command
      """,
    from: "Gmail, Postfix header_checks, amavisd", since: "1998",
    example: """
      550 5.7.1 This message is not RFC 5322 compliant. There are multiple Subject headers.
      """),
  BounceRule(
    "spam", .spam,
    any: """
      spam detected|spam message|spam mail|spam email|spam content|spam score|spam rejected|spam reject|\
      spam blocked|spam filter+|spam found|spam denied|spam suspected|spam probability|spam check|spam policy|\
      spam like|spam refused|spam signature|spam pattern|spam characteristics|spam level|spam engine|spam deny|\
      spam not|spam is|spam or|spam in|spam by|spam system|spam discarded|spam words|spam * blocked|\
      spam * rejected|spam * denied|as spam|is spam|be spam|like spam|looks spammy|of spam|probable spam|\
      possible spam|possibly spam|likely spam|suspected spam|suspected to be spam|suspicious spam|considered spam|\
      considered as spam|considered to be spam|identified as spam|identified spam|classified as spam|\
      marked as spam|detected as spam|detected spam|flagged as spam|recognized as spam|scored as spam|\
      tagged as spam|treated as spam|determined to be spam|appears to be spam|looks like spam|seems to be spam|\
      sounds like spam|smells like|regarded as spam|reported as spam|listed as spam|high probability of spam|\
      high spam|hard spam|bulk spam|stop spam|due to spam|because of spam|for spam|contains spam|contain spam|\
      spamassassin|spam assassin|spammy|antispam|anti spam|anti spam engine|antispam policy|spamblock+|spamfilter|\
      spamtagged|spamprofiler|spambouncer|rspamd|spamd|ube|uce|uce reject|unsolicited mail|unsolicited email|\
      unsolicited bulk|unsolicited commercial|unsolicited message+|unsolicited content|unsolicited|\
      unsolicitedmessageerror|bulk mail|bulk email|bulk message+|junk mail|junk email|junk|unwanted mail|\
      unwanted email|unwanted message|unwanted content|phishing|phish|scam|fraud|fraudulent|advert+|\
      mail content denied|mail content rejected|message content rejected|content similar to spam|blocked by spam|\
      blocked for spam|blocked as spam|blocked by content|blocked by filter|content filter|content filtering|\
      content filter rejection|content rejected|content reject+|content blocked|content refused|content denied|\
      content not allowed|content unacceptable|content deemed|content scanner|content policy|content violation|\
      message content|message contents|message filtered|mail filtered|email filtered|filtered|classified as|\
      bayesian|bayes|dcc|razor|pyzor|vade|cloudmark|brightmail|ironport|message scored|score too high|scored|\
      score of|score exceeds|score is|score over|high score|heuristic+|suspicious content|suspicious message|\
      suspicious mail|suspicious email|suspicious|suspect|questionable content|objectionable|offensive|\
      inappropriate|mcspamsignature+|rejected by content|rejected by filter|rejected by antispam|\
      rejected by the antispam|rejected by anti|rejected by * filter|rejected due to content|\
      rejected because of content|rejected because * content|rejected for content|undesirable content|abuse|\
      dont want spam|^support.google.com/mail/?p=unsolicited+|^support.google.com/mail/answer/188131|\
      likely unsolicited|likely suspicious
      """,
    unless: """
      spam folder|report abuse|your ip|ip is|contact abuse|to avoid spam|to reduce * spam * try again|dnsbl|rbl|\
      service refused|to protect * from spam|multiple subject|greylist+|dmarc|user unknown|excessive
      """,
    from: "SpamAssassin, amavisd, Gmail, Exchange, QQ", since: "1999",
    example: "554 5.7.1 Message rejected as spam"),
]
let policyRules: [BounceRule] = [
  BounceRule(
    "policy.named", .policy,
    any: """
      policy reasons|policy reason|policy violation|policy restrictions|policy restriction|policy rejection|\
      policy reject|policy rejected|policy prohibits|policy that prohibited|policy prohibited|policy denied|\
      policy block+|policy refus+|policy check|policy decision|policy error|policy filter|policy rule|\
      policy settings|policy : |violates policy|violates our policy|violates local policy|violates * policy|\
      violation of policy|violation of * policy|against policy|against our policy|against * policy|by policy|\
      by local policy|by our policy|by administrative policy|by security policy|by * policy|due to policy|\
      due to local policy|due to our policy|due to security polic+|due to email policy|due to * policy|for policy|\
      per policy|because of policy|local policy|site policy|security policy|security policies|company policy|\
      email policy|mail policy|administrative policy|administrative prohibition|administratively denied|\
      administratively prohibited|administratively blocked|administrator has|by administrator|\
      by the administrator|by administrative|not permitted by|denied by policy|rejected by policy|\
      host network not allowed|prohibited by|terms of service|acceptable use|message refused|message rejected|\
      message was rejected|message has been rejected|message blocked|message was blocked|message has been blocked|\
      message denied|message not accepted|message not allowed|message was not accepted|message refused by|\
      mail rejected|mail refused|mail is rejected|mail was rejected|mail blocked|mail denied|mail not accepted|\
      mail not allowed|email rejected|email refused|email was rejected|email blocked|email denied|\
      email not accepted|email not allowed|transaction rejected|rule imposed|same message id|blocked message|\
      rejected message|blocked by security|security reasons|security violation|security restrictions|\
      not acceptable|unacceptable|not accepted here
      """,
    unless: "user unknown|temporarily rejected|temporarily deferred|try again later",
    from: "Yahoo, Gmail, Mimecast, Exchange", since: "1998",
    example: "550 5.7.1 Message rejected due to local policy"),
  BounceRule(
    "policy.refused", .policy, nil, .vague,
    any: """
      access denied|access rejected|access refused|access forbidden|access restricted|permission denied|\
      delivery not authorized|delivery not allowed|delivery denied|delivery refused|not authorized|not allowed|\
      not permitted|not accepted|unauthorized|forbidden|prohibited|connection rejected|connection refused|\
      connection denied|connection blocked|connection not|service refused|service denied|service rejected|\
      rejected|refused|denied|blocked|reject|deny|transaction failed|go away|you are not allowed|\
      failed to delivery
      """,
    from: "any", since: "1998",
    example: "550 5.7.1 Access denied"),
]
