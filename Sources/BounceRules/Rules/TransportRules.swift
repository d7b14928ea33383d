/// The way there: names, connections, TLS, loops, time, the protocol, and trouble inside the other system.
let tlsRules: [BounceRule] = [
  BounceRule(
    "tls.required", .tls,
    any: """
      tls required|tls is required|tls connection required|tls connection is required|tls encryption required|\
      tls encryption is required|tls not available|tls not supported|tls not|tls is not|tls unavailable|\
      tls currently|tls error|tls failed|tls failure|tls handshake|tls negotiation|tls session|tls connect+|\
      tls version|tls engine|tls only|tls policy|does not support tls|not support tls|doesnt support tls|\
      without tls|require tls|requires tls|requires encryption|required tls|encryption required|encryption needed|\
      encryption is required|encryption too weak|requires a secure|requiretls|use tls|using tls|starttls failed|\
      starttls not|starttls required|starttls is required|starttls refused|starttls error|starttls unsupported|\
      starttls support|starttls was|starttls timeout|ssl error|ssl handshake|ssl failed|ssl required|\
      ssl connection|handshake failure|handshake failed|certificate verify|certificate verif+|certificate expired|\
      certificate has expired|certificate is|certificate not|certificate rejected|certificate mismatch|\
      untrusted certificate|server certificate|certificate error|mandatory tls|secure connection|secure channel|\
      unencrypted|not encrypted|cannot start tls|dane|mta sts|sts policy|tlsa
      """,
    unless: "must issue * starttls|user unknown|spam", from: "Postfix, Gmail, Exchange", since: "2002",
    example: "421 4.7.0 TLS required for RCPT domain, closing connection.")
]

let transportRules: [BounceRule] = [
  BounceRule(
    "loop", .network, .mailLoop,
    any: """
      hop limit|hops limit|points to local host|is the local host|local host|best preference mx|\
      already has my delivered to|too many received+|suspected mail loop|too many hops|too many received|\
      hop count exceeded|hop count|maximum hop count|max hop count|hops exceeded|exceeded * hops|hops|hopcount+|\
      mail loop|mail loops|loop detected|loops back to|loop back to|looping|looping message|routing loop|\
      message loop|mailloop|mail forwarding loop|forwarding loop|alias loop|address loop|loop in|loop|\
      received headers|relay loop|unrolling|recipient loop|ma ximum hop count|^support.google.com/mail/?p=mailloop
      """,
    from: "Sendmail, Postfix, Exchange", since: "1993",
    example: "554 5.4.6 Too many hops 26 (25 max)"),
  BounceRule(
    "dns.null", .dns, .nullMX,
    any: """
      indicated no smtp service|reject all mails|system not accepting mail|null mx|nullmx|doesnt receive email|\
      does not receive email|does not accept email for|domain does not accept mail|domain doesnt accept|\
      domain does not accept email|domain * does not accept mail|domain is not accepting|does not accept mail|\
      does not accept mail at all|does not accept any mail|doesnt accept mail|does not accept messages at|\
      not accepting mail|no mail service|no smtp service|no mail accepted|never accepts|does not accept incoming|\
      does not receive mail|does not handle mail|sends only|send only|outbound only|not accept smtp|\
      not accepting smtp|accept no mail|smtp service not available|smtp not available|smtp disabled|\
      not an inbound|does not support receiving|only for outgoing|mail server does not accept|\
      host does not accept mail
      """,
    unless: "sender|from|user|mailbox|account|dynamic|% ", from: "RFC 7504, RFC 7505", since: "2015",
    example: "556 5.1.10 Recipient address has null MX"),
  BounceRule(
    "dns.lookup", .dns, .lookupFailed,
    any: """
      cname lookup failed|host lookup did not complete|lookup did not complete|name server+ : |\
      name server * failure|name server timeout|name servers|name lookup failure|host name lookup failure|\
      host lookup|dns lookup failed|dns lookup failure|dns lookup * temporar+|dns query failed|dns query error|\
      dns query fail+|dns failure|dns failures|dns timeout|dns timed out|dns server|dns error|dns soft|\
      dns temporar+|dns resolution|dns problem|dns resolver|dns servfail|servfail|temporary dns|\
      temporary domain failure|temporary failure in name resolution|name resolution|host not found try again|\
      host not found : try again|malformed or unexpected name server reply|domain lookup failed|mx lookup failed|\
      mx lookup|could not resolve host temporarily|try again : name|cannot resolve|resolver error|resolve failed|\
      domain temporarily|failed to resolve|couldnt resolve|could not resolve|unable to resolve|\
      not resolve the domain
      """,
    unless: """
      nxdomain|does not exist|user|sender|ip name lookup|your|recipient lookup|directory|alias|dmarc
      """,
    from: "Postfix, Sendmail, Exim", since: "1993",
    example: "451 4.4.3 Name server: example.org.: host name lookup failure"),
  BounceRule(
    "dns.unknown", .dns, .domainUnknown,
    any: """
      host unknown|unknown host|hosts unknown|unknown mail host|host name unknown|unknown domain|domain unknown|\
      domain is unknown|domain not known|no such domain|no such host|no such mail host|domain does not exist|\
      domain doesnt exist|domain * does not exist|domain not exist+|domain not found|domain was not found|\
      domain name not found|domain * not found|domain could not be found|domain is invalid|domain invalid|\
      domain not valid|domain is not valid|domain name is invalid|domain name is not|domain must * exist|\
      domain * nxdomain|domain lookup * nxdomain|nxdomain|nonexistent domain|non existent domain|\
      non existing domain|invalid domain|invalid domain name|invalid host|invalid hostname|illegal host|\
      illegal domain|illegal host domain name|bad destination host|bad domain|bad host|host not found|\
      host or domain name not found|hostname not found|host * not found|host does not exist|host name not found|\
      host name is unknown|host domain name|name service error|name or service not known|name service|\
      name not known|find the recipient domain|recipient domain not found|recipient domain * not found|\
      recipient domain|unrouteable address|unroutable address|unrouteable domain|unroutable domain|\
      unrouteable mail domain|unroutable mail domain|all relevant mx records|mx records point to|no mx record+|\
      no mx|no mx hosts|no mail exchanger|no mail server+|no mail exchange|couldnt find any host|\
      couldnt find a mail exchanger|could not find a mail exchanger|cannot find * mail exchanger|\
      find a mail exchanger|cannot route|no route to domain|unable to route|couldnt route|not routable|\
      lookup returned no|domain literal|has no mx|does not have an mx|bad or unknown|responded with code nxdomain|\
      domain may not exist|server for the domain could not|exchange server|domain has expired|domain expired|\
      no route found to domain|domain has no|spelling errors|missing dns
      """,
    unless: """
      reachable|sender|relay|from domain|your|user unknown|client|host unknown : helo|helo|try again|\
      lookup failure|malformed|ptr|not in
      """,
    from: "Sendmail, Postfix, Exim, qmail, Gmail", since: "1993",
    example: """
      550 5.1.2 <user@example.invalid>... Host unknown (Authoritative answer from name server)
      """),
  BounceRule(
    "helo", .blocklist, .connectionRefused,
    any: """
      helo command rejected|ehlo command rejected|helo rejected|ehlo rejected|bad helo|invalid helo|helo name|\
      ehlo name|helo invalid|helo argument|helo hostname|helo host|helohost error|helo does not|helo mismatch|\
      helo is|helo string|helo access|helo reject+|helo with|helo needs|helo not|forged helo|helo * rejected|\
      helo : |helo used|helo must|fully qualified|need fully qualified|need fqdn|fqdn|invalid hostname in helo|\
      my name was rejected|your helo|your hostname|your host name|your server name|refused to talk to me|\
      smtp greeting * refused|not accepting connections|connections from * not accepted|connection not accepted|\
      connections not accepted|no connection|connections will not be accepted|connection is blocked|\
      closing connection by|may not be mail exchanger|use the smtp server of your isp|use your isp|\
      mail server of your isp|isps mail server|providers smtp server|use your providers|service refuse|\
      not accept connections|does not accept connections|dont accept connections|your smtp server|\
      your mail server|your server|your system|your network|your provider|your isp|your connection|your host|\
      your machine|your ip|your ip address|the ip youre using
      """,
    unless: """
      too many|spf|user unknown|unknown user|spam|content|shutting down|busy|load|message id|over quota|syntax|\
      reverse|ptr|timed out|timeout|lost connection|rate|not a registered|message size
      """,
    from: "Postfix reject_invalid_helo_hostname, qmail, Exim", since: "1998",
    example: "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"),
  BounceRule(
    "protocol", .protocol,
    any: """
      address syntax|no valid recipients|syntax : mail|syntax : rcpt|syntax : helo|syntax : ehlo|syntax mail|\
      syntax rcpt|syntax error|syntax error in|command not recognized|command unrecognized|\
      command not implemented|command not supported|command unknown|command out of sequence|command parameter|\
      command syntax|command not understood|command not permitted|commands not|unrecognized command|\
      unrecognised command|unknown command|unimplemented command|unimplemented|unsupported command|unsupported option|\
      invalid command|invalid parameter+|invalid argument+|illegal command|bad command|bad sequence|bad syntax|\
      bad parameter|bad argument|improper sequence|out of sequence|sequence error|sequence of commands|sequence|\
      wrong sequence|invalid sequence|improper command|need rcpt|need mail|need helo|need data|send helo|say helo|\
      say hello|polite people|no data after bdat|after bdat|must issue * starttls|issue a starttls|protocol error|\
      protocol violation|protocol synchronization|synchronization error|smtp protocol|smtp error|pipelining|\
      improper use of smtp|nested mail|mail first|rcpt first|helo first|ehlo first|valid rcpt|no valid rcpt|\
      sender already specified|mail already|unexpected command|unexpected|unsupported parameter|parameter not|\
      parameters not|extra parameters|malformed address|malformed command|malformed|unbalanced|missing argument|\
      line parse|parse error|end data with|bdat|chunking
      """,
    unless: """
      handshake|sorry|virus|sender address|user unknown|mime|message header|spam|header
      """,
    from: "RFC 5321 §4.2.3, Gmail",
    since: "1982",
    example: "503 5.5.1 Bad sequence of commands"),
  BounceRule(
    "network.connection", .network, .connection,
    any: """
      no mx host reachable|mx host * reachable|connection timed out|connection timeout|connection time out|\
      connection refused|connection reset|connection closed|connection dropped|connection lost|connection failed|\
      connection failure|connection error|connection aborted|connection was|connection broken|\
      connection unexpectedly|connection terminated|connect timeout|connect timed out|connect to $|connect to|\
      connect failed|connect error|connect attempt|timed out|time out|timeout|timeout exceeded|\
      operation timed out|lost connection|no route to host|network is unreachable|network unreachable|\
      network error|network problem|network failure|network congestion|network connection|network|\
      host unreachable|host is unreachable|host not reachable|host down|host is down|host * unreachable|\
      host not responding|not responding|no response|no answer|no reply|not reachable|unreachable|\
      unable to connect|unable to contact|unable to reach|unable to establish|could not connect|couldnt connect|\
      cannot connect|cant connect|failed to connect|wasnt able to establish|not able to connect|\
      could not establish|couldnt establish|establish an smtp connection|did not accept our requests to connect|\
      socket error|socket|read error|write error|io error|broken pipe|peer reset|reset by peer|\
      server is not available|remote host * not|remote server * not|server unavailable|servers unavailable|\
      server not available|server is unavailable|server unreachable|closed connection|closed by|\
      closing transmission channel * timeout|dropped connection|remote closed|remote server closed|\
      could not find a gateway|find a gateway|could not be contacted|all servers|all hosts|host * failed|no hosts|\
      no mail hosts|mail server is not responding|smtp connection|greeting * timeout|handshake * lost|\
      bad connection|bad gateway|port 25|not reach|delivery failed * attempts|delivery attempts
      """,
    unless: """
      connection refused * %|user unknown|ldap|directory|connection refused : your|spam|too many|policy|database|\
      dnsbl|rbl|lookup
      """,
    from: "Postfix, Sendmail, Exim, qmail, Gmail", since: "1993",
    example: "451 4.4.1 connect to mx.example.org[192.0.2.1]:25: Connection timed out"),
  BounceRule(
    "system.mailer", .system,
    any: """
      procmail|maildrop|vdelivermail|pipe to|local mailer|local delivery|local delivery failed|child process|\
      child status|exit status|exited with|command died|command failed|command output|command time limit|\
      mailer error|mailer terminated|unknown mailer error|unknown mailer|mailer|vacation|autoresponder|\
      lock failure|cannot open|cant open|couldnt open|couldnt create|cannot create|cant create|unable to open|\
      unable to write|unable to create|unable to lock|cannot lock|error writing|error while writing|write failure|\
      failed to write|cannot write|home directory|homedir|sieve|lda|cyrus|lmtp|lmtp error|deliver program|\
      dot forward|forward file|broken|aliases file|mail file
      """,
    unless: "user unknown|unknown user", from: "Postfix pipe, Sendmail prog mailer, procmail", since: "1993",
    example: "451 4.3.0 procmail: Couldn't create \"/var/spool/mail/user\""),
  BounceRule(
    "system.clear", .system,
    any: """
      encountered an error|internal error|internal server error|internal system error|internal failure|\
      ldap server|ldap error|ldap lookup|contact ldap|queue file write error|database error|sql error|\
      server configuration problem|server configuration error|configuration error|configuration problem|\
      system config error|directory server|directory service|cannot allocate|out of memory|too many open files|\
      read only file system|io error|disk error|temporary local problem|upstream error|local error in processing|\
      error in processing|mail system error|temporary lookup failure|unexpected exception|dependency failure|\
      software error|system failure|alias expansion|recipient user name not unique|several matches found|\
      could not load|unspecified failure
      """,
    unless: "mailbox full|over quota|user unknown", from: "RFC 5321 §4.2.3, Postfix, qmail-ldap, Exim", since: "1982",
    example: "451 Requested action aborted: local error in processing"),
  BounceRule(
    "system.trouble", .system, nil, .vague,
    any: """
      encountered an error|internal error|internal server error|internal system error|internal failure|\
      internal problem|system error|system failure|system problem|system temporarily|system not accepting|\
      system not available|system is not|system unavailable|system incorrectly configured|system busy|\
      system is busy|system overload+|system load|system resources|system config error|system maintenance|\
      local error|local problem|local configuration error|local configuration|local failure|local system|\
      error in processing|local processing|processing error|configuration error|configuration problem|\
      config error|config|misconfigured|misconfiguration|incorrectly configured|server error|server failure|\
      server problem|server busy|server is busy|server too busy|server overload+|server is overloaded|server load|\
      server configuration|server is down|server down|server temporarily|server is temporarily|\
      server shutting down|shutting down|going down|maintenance|under maintenance|temporarily unavailable|\
      temporary unavailable|currently unavailable|service unavailable|service not available|\
      service is not available|service temporarily|service is temporarily|service currently|\
      service is unavailable|service shutting|service closing|temporary failure|temporary error|temporary problem|\
      temporary system problem|temporary local problem|temporary server error|temporary internal|\
      temporarily rejected|temporarily deferred|temporarily refused|temporarily failed|temporarily|temporary|\
      transient|ldap|ldap server|ldap error|ldap lookup|database|database error|database temporary error|\
      sql error|mysql|backend+|back end|directory server|directory service|directory lookup|table lookup|\
      temporary lookup failure|lookup failure|lookup failed|lookup error|lookup timeout|lookup table|map lookup|\
      alias database|out of memory|memory|cannot allocate|resource+ * unavailable|resources unavailable|\
      insufficient resources|resources temporarily|load average|load too high|load is|high load|overload+|\
      overloaded|too busy|busy|queue file write error|queue full|queue is full|queue unavailable|queue * full|\
      queue size|spool|cannot process|unable to process|could not process|could not be processed|\
      processing failed|unable to complete|unable to accept|cannot accept|can not accept|could not accept|\
      unable to deliver|cannot deliver|could not deliver|could not load|could not be delivered due to * error|\
      scanner|scanner failed|scan failed|unable to scan|virus scanner|filter timeout|milter|milter error|\
      content filter error|policy service|policy server|server configuration problem|access problem|mailbox busy|\
      mailbox is busy|mailbox temporarily|mailbox is temporarily|storedrv+|mapi+|transport+|unknown error|\
      unexpected error|unspecified error|undefined error|error occurred|internalservererror|software error|\
      hardware|raid|disk error|disk i o|i o error|file system|filesystem|too many open files|fork|cannot fork|\
      no child|crash+|out of service|not in service|not in production|try later|try again|try again later|\
      please try|later|retry later|come back|resubmit
      """,
    unless: "user unknown|greylist+|too many|spam|rate|blocked|blacklist+|access denied|quota",
    from: "RFC 5321 §4.2.3, Postfix, Exchange", since: "1982",
    example: "450 4.3.2 Service currently unavailable"),
  BounceRule(
    "expired", .expired,
    any: """
      delivery time expired|message expired|envelope expired|queue expired|queue * expired|has expired|expired|\
      expiration|retry timeout|retry time|retry limit|retry period|retries exceeded|retry count|too long in queue|\
      been in the queue too long|in queue too long|queue too long|could not be delivered for|\
      not be delivered within|delivery time|lifetime|giving up|gave up|delivery expired|undelivered for|\
      undeliverable after|not delivered after|maximum retries|maximum number of retries|maximum queue|\
      maximum time|time limit|ttl expired|deferred too long|queue file|still being retried|will be retried|\
      delivery temporarily suspended|message is being retried
      """,
    unless: "account|password|certificate|domain|mailbox|user|queue file write error",
    from: "qmail, Postfix, Exchange, Sendmail", since: "1996",
    example: "421 4.4.7 Delivery time expired"),
]
