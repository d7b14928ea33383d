/// Whether we may use that server, and the sender's address.
let senderRules: [BounceRule] = [
  BounceRule(
    "relay", .relay,
    any: """
      authorized to relay|public relay|to relay through|relay access denied|relay denied|relay not permitted|\
      relay not allowed|relay prohibited|relay rejected|relay is not|relay not|relay attempt+|relay operation|\
      relay access|relay for|relay mail|relay here|relay check|relay restriction|relay rejected for policy|\
      relay is denied|relay refused|relay forbidden|relay service|relaying denied|relaying not|relaying is|\
      relaying to|relaying mail|relaying prohibited|relaying temporarily denied|relaying disallowed|\
      relaying forbidden|relaying for|relaying blocked|relaying attempted|no relaying|no relay|not relay|\
      not relaying|cannot relay|can not relay|not allowed to relay|not permitted to relay|not configured to relay|\
      unable to relay|will not relay|wont relay|do not relay|dont relay|we do not relay|denied relay|denies relay|\
      refuse to relay|refused to relay|open relay * not|authorized to relay|unauthorized relay|illegal relay|\
      mail relay|mail relaying|third party relay|rcpthosts|allowed rcpthosts|list of allowed rcpthosts|\
      my list of allowed|isnt in my list of|not local|not a local domain|not a local address|not an open relay|\
      not a gateway|not a relay|non local recipient|non local domain|domain isnt in|domain is not hosted|\
      domain not hosted|domain is not local|domain not local|domain not handled|domain not accepted|\
      domain is not accepted|domain not configured|domain is not configured|domain not served|domain not in|\
      not hosted here|not hosting|not handle mail for|dont handle mail for|do not handle mail|do not host|\
      does not host|not responsible for|not accept mail for|not accepting mail for|doesnt accept mail for|\
      dont accept mail for|use the smtp relay|invalid credentials for relay|smtp relay service|invalid relay|\
      accept mail for this domain|tenantattribution|not a verified domain|must authenticate to relay|\
      authenticate before relay+|is currently not permitted to relay|not one of our domains|local user only|\
      non accepted domain|nonaccepted domain|mail for this domain not
      """,
    unless: """
      relay recipient table|relay limit exceeded|dynamic ip|rbl|blocked using|mailing list|spamhaus+|user unknown|\
      $spamhaus.org|in relay recipient|authentication failed|quota
      """,
    from: "Postfix, Sendmail, qmail, Exim, Exchange", since: "1998",
    example: "554 5.7.1 <user@example.org>: Relay access denied"),
  BounceRule(
    "auth.login", .auth, .login,
    any: """
      authentication required|authentication is required|authentication failed|authentication failure|\
      authentication unsuccessful|authentication credentials|authentication rejected|authentication error|\
      authentication denied|authentication not|authentication needed|authentication disabled|must authenticate|\
      must be authenticated|need to authenticate|please authenticate|requires authentication|\
      require authentication|not authenticated|client was not authenticated|client not authenticated|\
      smtp authentication|smtp auth|auth required|auth failed|auth error|login failed|login required|login denied|\
      log in|please log in|need to log|bad username|bad password|wrong password|incorrect password|\
      incorrect authentication|invalid login|invalid password|invalid username or password|invalid credentials|\
      bad credentials|username and password|password required|password not accepted|application specific password|\
      application password|pop before smtp|pop3 before smtp|check your mail before|first check|identity changes|\
      no identity changes permitted|auth login|auth mechanism|fail authentication|too much fail authentication|\
      authorization required|authorization failed|^support.google.com/mail/?p=badcredentials|\
      ^support.google.com/accounts/answer/185833|web login required|user not authorized|unauthorized user|\
      turn on smtp|account is not authorized
      """,
    unless: """
      temporary system problem|temporary authentication failure|spf|dkim|sender authentication|relay access|\
      email authentication
      """,
    from: "RFC 4954, Gmail, Exchange, qmail", since: "1998",
    example: "530 5.7.0 Authentication required"),
  BounceRule(
    "sender.domain", .sender, .senderDomain,
    any: """
      sender domain not found|sender domain does not|sender domain must|sender domain is|sender domain not|\
      sender domain has|sender domain unknown|senders domain|domain of sender|domain of sender address|\
      sender address rejected : domain not found|sender address rejected * domain not found|\
      sender address rejected : undefined|unresolvable * from domain|unresolvable rfc+|unresolvable domain|\
      domain in sender address|unable to resolve sender|cannot resolve sender|cannot resolve domain of|\
      sender does not resolve|domain does not resolve : sender|could not resolve sender|unknown sender domain|\
      invalid sender domain|invalid domain : sender|mail from domain|mailfrom domain|envelope from domain|\
      from domain|return path domain|sender mx|sender * null mx|does not have * mx or a record|no mx or a record|\
      no mx for sender|no mx record for sender|bad domain in sender|bogus domain|domain name required|\
      domain required for sender|sender * domain not found|sender * domain does not exist|domain must exist|\
      domain must resolve|must resolve|must be resolvable|must exist
      """,
    unless: "dmarc|spf|recipient domain|header|ptr", from: "Postfix reject_unknown_sender_domain, Sendmail",
    since: "1998",
    example: "450 4.1.8 <user@example.org>: Sender address rejected: Domain not found"),
  BounceRule(
    "sender.refused", .sender,
    any: """
      sender address|senders address|invalid return|return address|sender required|your address has been rejected|\
      sender address rejected|sender address denied|sender address is|sender address not|sender address invalid|\
      sender address has|sender address blocked|sender address verification|sender address does|\
      sender address unverified|sender address blacklisted|sender address * rejected|sender address * invalid|\
      sender rejected|sender is rejected|sender was rejected|sender denied|sender is denied|sender refused|\
      sender blocked|sender is blocked|sender blacklisted|sender not allowed|sender is not allowed|\
      sender not permitted|sender not accepted|sender not authorized|sender not registered|sender unknown|\
      sender is unknown|sender invalid|sender is invalid|sender not valid|sender not exist+|sender not in|\
      sender does not exist|sender doesnt exist|sender * does not exist|sender verify|sender verify failed|\
      sender verification|sender callout|sender callback|sender could not be verified|sender cannot be verified|\
      sender unverified|sender unvalidated|sender banned|sender prohibited|sender mismatch|sender user|\
      sender must|sender name|sender access|sender is listed|sender domain rejected|sender domain blocked|\
      sender domain denied|sender domain banned|sender domain * blocked|sender domain * rejected|invalid sender|\
      unknown sender|illegal sender|bad sender|banned sender|fake sender|forged sender|unauthorized sender|\
      unauthorised sender|blocked sender|blacklisted sender|denies the sender|deny the sender|reject sender|\
      rejected sender|unverified sender|mail from address|mail from command|mail from rejected|mail from denied|\
      mail from blocked|mail from invalid|mail from not|mail from must|mail from * rejected|\
      mail from * not allowed|mail from * denied|mail from * refused|mailfrom rejected|mail from blacklisted|\
      from address|from address is|from address rejected|from address not|from address invalid|envelope sender|\
      envelope from|null sender|empty sender|empty envelope|empty from|null reverse path|bounce messages|\
      bounce not|does not accept bounces|not accept bounces|accept bounces|backscatter|batv|\
      not a registered gateway user|sender was rejected|domain * sender * rejected|your address * blocked|\
      your email address * blocked|your email address has been|your address has been|your domain has been|\
      your domain is|your domain * blocked|your domain * rejected|domain is blocked|domain has been blocked|\
      domain blocked|domain * blocked|domain is banned|domain banned|mail from your domain|\
      mail from domain * rejected|mail sending denied|blocked by recipient|blocked by the recipient|\
      recipients personal|recipient has blocked|blocked by user|user has blocked|you are blocked|\
      you have been blocked|you have been blacklisted|has blocked you|is not accepting mail from you|not welcome|\
      dont want mail from|refusing mail from|refuses mail from|doesnt accept mail from|does not accept mail from|\
      do not accept mail from|dont accept mail from|email from * not accepted|mail from * not accepted|\
      access denied : sender|messages from you|verification of sender|cannot verify sender|\
      unable to verify sender|could not verify sender|verify your sender|not allowed as sender|send as denied|\
      sendasdenied|^support.google.com/mail/?p=customfromdenied|send mail as|username * sender|not owned by user|\
      sender id mismatch|misconfigured or out of date
      """,
    unless: """
      from your host|from your server|from your ip|from your network|syntax|syntax error|user unknown|spf|\
      too many|null mx|dns|greylist+|rate|quota
      """,
    from: "Postfix, Sendmail, Exim, qmail", since: "1998",
    example: "550 5.1.0 <user@example.org> sender rejected"),
]
