/// The recipient: moved, closed, or choosy about who may write; unknown in clear words.
let addressRules: [BounceRule] = [
  BounceRule(
    "user.moved", .userUnknown, .moved,
    any: """
      has been replaced by|recipient no longer on server|user has moved|mailbox has moved|has moved please try|\
      please try new address|user no longer on server|no longer on this server|has changed * address to|\
      address has changed|email address has changed|new email address is|mail address has changed|user moved|\
      account has moved
      """,
    from: "Apple, Sendmail redirects", since: "2000",
    example: "550 5.1.6 recipient no longer on server: user@icloud.com"),
  BounceRule(
    "user.closed", .mailboxDisabled,
    any: """
      administratively disabled|mailaddress is administrative+|extended inactivity|account is disabled|\
      account disabled|account has been disabled|account is currently disabled|\
      account that you tried to reach is disabled|account was disabled|account * disabled|mailbox disabled|\
      mailbox is disabled|mailbox * disabled|mailbox has been disabled|user disabled|user is disabled|\
      user has been disabled|user account disabled|address is disabled|address disabled|address has been disabled|\
      disabled recipient|recipient disabled|recipient is disabled|recipient mailbox disabled|account suspended|\
      account is suspended|account has been suspended|account is temporarily suspended|\
      account temporarily suspended|user suspended|user is suspended|mailbox suspended|mailbox is suspended|\
      recipient suspend+|recipient is suspended|domain is suspended|domain suspended|\
      account * temporarily suspended|mailbox * temporarily suspended|user * temporarily suspended|\
      suspended account|account is locked|account locked|account * locked|account * suspended|\
      account has been locked|user is locked|user locked|user * locked|mailbox is locked|mailbox locked|\
      mailbox * locked|mailbox is blocked|mailbox blocked|mailbox * blocked|mailbox is inactive|mailbox inactive|\
      mailbox * inactive|account is inactive|account inactive|inactive account|inactive user|inactive mailbox|\
      inactive email address|inactive recipient|user is inactive|user inactive|user * inactive|\
      recipient is inactive|recipient inactive|account has been deactivated|account deactivated|\
      deactivated account|account is deactivated|deactivated mailbox|deactivated due to|user has been deactivated|\
      account has been discontinued|disabled or discontinued|account closed|account is closed|\
      account has been closed|closed account|account has expired|account expired|account is expired|\
      expired account|mailbox expired|mailbox has expired|mailbox is expired|account is not active|\
      account not active|not an active|is not active|address is no longer active|no longer active|\
      is no longer available|account is no longer available|no longer in use|not in use anymore|\
      no longer accepts mail|no longer accepting mail|no longer accepting email|no longer accepting messages|\
      account is blocked|user is blocked|user blocked|account blocked|account has been blocked|\
      account has been terminated|terminated account|account terminated|account cancelled|\
      mailbox currently suspended|mailbox frozen|user is frozen|account frozen|account is frozen|user hangup|\
      user is hangup|mailbox unavailable due to|mailbox is unavailable for|boite suspendue|\
      account is not allowed to receive|user not allowed to receive|cannot accept mail at this time|\
      not accepting mail at this time|account is unavailable|vacation hold|user reject the mail|\
      has been blocked by the administrator|due to inactivity|due to long inactivity|not logged in|\
      address status : disabled|userdisabled|accountdisabled+|mailboxdisabled|temporary disabled|\
      temporarily disabled|temporarily inactive|temporary locked|temporarily locked|temporarily blocked : user|\
      mailbox currently suspended|service suspended|quarantined mailbox|suspended for * non payment|\
      email account is closed|mailbox has been closed|mailbox closed|mailbox is closed|address no longer accepts|\
      no longer valid|address is closed|box is disabled|user is deactivated|user deactivated|bounce administrator
      """,
    unless: """
      another session|authentication is disabled|sender is suspended|sending * suspended|your account|\
      sender account|client host|your ip|your domain|sender address|feature is disabled|sender blocked|\
      sender is blocked|connection rate
      """,
    from: "Gmail, Yahoo, Apple, Exim, vpopmail", since: "2000",
    example: "550 5.2.1 The email account that you tried to reach is disabled."),
  BounceRule(
    "user.members", .policy, .restrictedRecipient,
    any: """
      users filter|user filter|recipient filter|recipients filter|by recipient filter|user preferences|\
      recipient preferences|rejected by user|refused by user|rejected by recipient :|\
      not a member of this mailing list|not a member of this list|^groups.google.com/support|post to this group|\
      post messages to the group|permission to post|not allowed to post|not authorized to post|members only|\
      only members|subscribers only|not subscribed|non member|list members|recipnotfound * group|\
      restricted to * senders|not permitted to send to this|not authorized to send to the recipient|\
      not authorized to send to this|notauthorized sender|sender not authenticated for group|\
      not allowed to send to this|not accepted from the internet|not authorized to send to|\
      does not accept mail from the internet|does not accept messages from outside|only accepts mail from|\
      only accepts messages from|accepts only|will not accept mail from you|accepts email only|\
      is not accepting mail from|resolver rst+|resolver rst * notauthorized|resolver rst authrequired|\
      not accepting * from * sender|recipient does not accept mail from|recipient rejected your message|\
      internal use only|internal only|only accepts|restricted mailbox|user does not accept|\
      does not accept email from|delivery restrictions|message delivery restriction|prohibited from sending to|\
      allowed senders|recipient does not want|not in my whitelist|whitelist only|not on the recipients|\
      address only accepts mail from authorized|list of allowed senders
      """,
    unless: "not in whitelist for rcpt domain|user unknown|relay",
    from: "Google Groups, fml, Mailman, Exchange", since: "1998",
    example: "550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized"),
  BounceRule(
    "user.unknown.clear", .userUnknown,
    any: """
      user not local|user unknown|unknown user|no such user|user not found|user does not exist|user doesnt exist|\
      unknown recipient|recipient unknown|no mailbox here by that name|recipient not found|mailbox not found|\
      user unknown in * table|no such mailbox|account that you tried to reach does not exist|unknown local part|\
      recipientnotfound|user * does not exist|address does not exist|mailbox does not exist|\
      recipient does not exist|invalid recipient|no such recipient|mailbox unavailable|invalid mailbox
      """,
    unless: """
      sender address rejected|sender verify failed|blocked using|sender rejected|unknown host
      """,
    from: "any", since: "1983",
    example: """
      450 4.1.1 <user@example.org>: Recipient address rejected: User unknown, temporary
      """),
]

/// Unknown in words that may also mean something else.
let looserAddressRules: [BounceRule] = [
  BounceRule(
    "user.syntax", .userUnknown, .addressSyntax,
    any: """
      bad recipient address syntax|recipient address syntax|invalid address syntax|address syntax error|\
      malformed recipient|malformed or unexpected recipient|invalid recipient syntax|recipient syntax|\
      illegal recipient|not a valid rfc 5321 address|not a valid rfc 821|rcpt syntax
      """,
    unless: "sender", from: "Postfix, Gmail, QQ", since: "1999",
    example: "501 5.1.3 Bad recipient address syntax"),
  BounceRule(
    "user.unknown", .userUnknown,
    any: """
      recipient cannot be found|cannot be found|sorry no valid recipients|unable to find user|\
      unable to find the user|unable to find * recipient|find user|find recipient|find the recipient|\
      name is not recogni+|name not recogni+|recipient * not recogni+|recipient not recogni+|not recognised|\
      cannot find|there is no one|no one at this|isnt here|non existent email+|non existent|nonexistent email|\
      unknown addressee|wrong address|wrong recipient|no such addressee|incorrect address|incorrect recipient|\
      mistyped|misspelled|user unknown|unknown user|users unknown|user is unknown|user * unknown|\
      unknown user account|unknown local user|unknown virtual user|unknown email address|unknown address|\
      unknown recipient|unknown recipients|unknown mailbox|unknown account|unknown local part|unknown name|\
      unknown destination address|unknown or illegal user|unknown or illegal alias|recipient unknown|\
      recipients unknown|recipient is unknown|recipient address is unknown|recipient * unknown|address unknown|\
      address is unknown|mailbox unknown|mailbox is unknown|account unknown|local part unknown|no such user|\
      no such recipient|no such mailbox|no such address|no such account|no such person|no such local user|\
      no such email|no such mail|no such name|no such customer|no such domain user|no such alias|\
      no such destination|no such id|no such virtual user|no user here|no such|no mailbox here|\
      no mailbox by that name|no mailbox found|no mailbox for|no mailbox|no user found|no account by that name|\
      no account here|no account|no local mailbox|no valid mailbox|no email account|no recipient|no recipients|\
      no matches to nameserver query|no one by that name|there is no user|there is no such|there is no mailbox|\
      user not found|user * not found|users not found|user was not found|user does not exist|user doesnt exist|\
      user not exist|user dont exist|user doesnt have|user doesnt have a * account|user doesnt not exist|\
      user * does not exist|user * doesnt exist|users does not exist|user isnt in my list|user not known|\
      user is not known|user name is unknown|username unknown|user unkown|user unknow|user not local|\
      user not listed|user not in|user is not found|user is not local|user is not listed|user is invalid|\
      user invalid|user * invalid|user reject|user rejected|user not have|user cannot be found|\
      user could not be found|user account not found|user account does not exist|user account doesnt exist|\
      user account is unavailable|user mailbox not found|user missing home directory|user has no mailbox|\
      user not available|recipient not found|recipients not found|recipient * not found|recipientnotfound|\
      recipnotfound|recipient not known|recipient does not exist|recipient doesnt exist|\
      recipient * does not exist|recipient not exist|recipient not exists|recipient not valid|recipient not local|\
      recipient not recognized|recipient not listed|recipient not here|recipient notok|recipient no longer|\
      recipient invalid|recipient is invalid|recipient is not|recipient isnt|recipient * invalid|\
      recipient address does not exist|recipient address doesnt exist|recipient address not found|\
      recipient address unknown|recipient address invalid|recipient email does not exist|\
      recipient address reserved|recipient cannot be verified|recipient could not be verified|\
      recipient address cannot be verified|recipient verify failed|recipient verify fail|invalid recipient|\
      invalid recipients|invalid recipient address|invalid mailbox|invalid user|invalid username|invalid account|\
      invalid destination|invalid local part|invalid local recipient|invalid email recipient|invalid address|\
      address invalid|address is invalid|address * invalid|illegal user|illegal mailbox|illegal alias|\
      bad destination mailbox|bad destination email|bad destination address|bad recipient|bad mailbox|bad address|\
      bad user|address not found|address * not found|address was not found|address couldnt be found|\
      address could not be found|address does not exist|address doesnt exist|address not exist|\
      address * does not exist|address * doesnt exist|address not known|address not present|\
      address not recognized|address not listed|address not valid|address is not valid|address is not known|\
      address is not recognised|address is not recognized|address isnt|address not allocated|\
      address you are trying|mailbox not found|mailbox not available|mailbox not exist|mailbox not exists|\
      mailbox not known|mailbox not local|mailbox not present|mailbox is not found|mailbox does not exist|\
      mailbox doesnt exist|mailbox * does not exist|mailbox * doesnt exist|mailbox * not found|\
      mailbox was not found|mailbox nonexistent|mailbox is invalid|mailbox invalid|mailbox name not allowed|\
      mailbox unavailable or access denied|account not found|account does not exist|account doesnt exist|\
      account not exist|account * does not exist|account * not found|account * doesnt exist|account is unknown|\
      account that you tried to reach does not exist|account not available|account is invalid|\
      account is not exists|email address could not be found|email address not found|email address does not exist|\
      email address doesnt exist|email name is not found|email account * does not exist|email account * not found|\
      email * does not exist|email doesnt exist|does not exist here|does not exist at|doesnt exist here|\
      does not exist on this|does not exist in|does not have an account|doesnt have an account|\
      does not have a mailbox|not have a valid|not a valid mailbox|not a valid user|not a valid recipient|\
      not a valid email|not a valid address|not a valid account|not valid user|not a known user|not a local user|\
      not a local recipient|not a registered user|not a user|not an existing|not existing|not exist|not exists|\
      not found in directory|not found on this|not found in|not listed in * directory|\
      not listed in * address book|not listed in domino directory|not listed in public|not known here|\
      not known at this|not known to|not our customer|not our user|not in our|not in my list|not in directory|\
      not in local recipient|not in recipient|unavailable mailbox|non existent user|nonexistent user|\
      non existing user|non existent address|non existent mailbox|nonexistent mailbox|undefined user|\
      undeliverable address|undeliverable to|unrecognized address|unrecognized recipient|unrecognised recipient|\
      unrouteable recipient|unverified address|local recipient table|virtual mailbox table|virtual alias table|\
      relay recipient table|local part|cannot find user|cannot find your recipient|could not find user|\
      cant find user|couldnt find any|unable to find recipient|cannot verify recipient|unable to verify user|\
      unable to verify recipient|verification failed for|callout verification failure|recipient verification|\
      rcpt is rejected|does not like recipient : 550|requested action not taken : mailbox unavailable|\
      requested action not taken mailbox unavailable|requested mail action not taken : mailbox unavailable|\
      mailbox unavailable|mailbox is unavailable|mailbox * unavailable|email is not available|\
      person not in directory|is not a valid|is not a known|is not known|was not found|wasnt found|\
      ldap * not found|please check * recipient email address|check the recipients email address|\
      check if address is correct|typos or unnecessary spaces|^support.google.com/mail/?p=nosuchuser|\
      ^support.google.com/mail/answer/6596|^support.google.com/mail/bin/answer.py?answer=6596|addressee unknown|\
      addressee not found|message was addressed to|is unknown|delivery to * not possible|not deliverable|\
      unable to deliver to|unable to deliver message to|user terminated|user removed|deleted user|user deleted|\
      account deleted|account has been deleted|account was deleted|mailbox deleted|mailbox was deleted|\
      has been deleted|has been removed|was removed|no longer works|no longer here|no longer exists|\
      no longer with|no longer employed|no longer works here|left the company|left the organization|has left|\
      not employed|find a recipient|bad local part|destination unknown|could not be resolved to|\
      recipient rejected|rejected recipient|all recipients|recipient table|user lookup|alias not found|\
      aliases not found|invalid alias|mailhost * unknown|usersearch
      """,
    unless: """
      unknown host|host unknown|domain does not exist|sender address rejected|sender rejected|sender unknown|\
      sender verify failed|unknown sender|sender verification|sender user unknown|domain not found|\
      recipient is over|from address|reverse dns|does not have a ptr|relay access denied|relaying denied|\
      access denied|name server|mail from|mail server does not exist|^groups.google.com|relay not permitted|\
      no such domain|no such host|domain part|domain name not found|domain * does not exist|sender domain|\
      dns type|too many|name service error|host not found|invalid dns|blacklist+|blocked|bounce * sender|senders|\
      senders address|right now|return address|address syntax|bad sequence|host or domain name|sending address|\
      sender|transient|greylist+|temporar+
      """,
    from: "Postfix, Sendmail, Exim, Gmail, Exchange, Domino", since: "1983",
    example: "550 5.0.0 unknown or illegal alias: user@example.org"),
  BounceRule(
    "user.address", .userUnknown, nil, .vague,
    any: "address rejected|recipient address rejected",
    unless: """
      sender address rejected|access denied|policy|denied|rejected : sender|spam+|blocked|client host|greylist+|\
      too many|throttl+|not authorized|not allowed|authenticat+|error|unavailable
      """,
    from: "Postfix check_recipient_access", since: "2000",
    example: "550 <user@example.org>: Recipient address rejected: sorry"),
]
