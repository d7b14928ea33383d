/// A full mailbox, and a message too large for it.
let mailboxRules: [BounceRule] = [
  BounceRule(
    "full.or-large", .mailboxFull,
    any: """
      larger than the current system limit or the recipients mailbox is full|\
      mailbox is full or the message is too large|message size or mailbox quota exceeded
      """,
    from: "Sun Messaging Server", since: "2003",
    example: """
      552 This message is larger than the current system limit or the recipient's mailbox is full. Create a \
      shorter message body
      """
  ),
  BounceRule(
    "size.message", .size,
    any: """
      exceeds recipient limit|exceeds the recipient limit|limit set by recipient|mail size is|message size is|\
      size is larger|size larger|message size exceeds|message size exceed|message exceeds * maximum|\
      message exceeds * size|message exceeded * size|message exceeded * limit|message too large|\
      message is too large|message too big|message is too big|message file too big|message size limit|\
      mail size limit|maximum message size|max message size|maximum mail size|message length exceeds|\
      mail is too large|mail too large|mail too big|email too large|email is too large|message was too large|\
      message larger than|message is larger than|size of the message|size of this message|exceeds size limit|\
      exceeds the size limit|exceed maximum size|exceeds maximum size|exceeded maximum size|\
      exceeds maximum message|exceeds the maximum message|exceeds fixed maximum|exceeds local limit|\
      larger than the maximum|larger than max|too large for this|body too large|data size exceeds|max size|\
      maximum size|over the maximum allowed size|maximum allowed size|size violation|exceeded the size limit|\
      exceeded maximum inbound message size|message size * exceeds|message size * too large|message size * larger|\
      size limit exceeded|message is larger than|line limit exceeded|line too long|lines too long|\
      line is too long|maximum line length|sized message|message is too long|message too long|mail size exceeds|\
      too large message|submission limit|attachment is too long|attachment too large|attachments are too large|\
      attachment size exceeds|attachment size limit|message header size|header size exceeds|headers too large|\
      header too large|total header size|content size exceeds|content too large|file size exceeds|\
      delivery * file is too large|sizelimit|exceeds the limit set by the recipient|message content too large|\
      exceeded mailsize limit|exceeds mailsize|entity too large|mail size * over|size limits exceeded|\
      message size limits|datagroesse|message has exceeded the size|resubmit your message with smaller size|\
      message length exceeds limit
      """,
    unless: """
      mailbox is full|over quota|overquota|mailbox full|mailbox size|quota exceeded|mailbox would exceed|\
      storage limit
      """,
    from: "Postfix, Exim, Gmail, Exchange", since: "1998",
    example: "552 5.3.4 Message size exceeds fixed limit"),
  BounceRule(
    "full.system", .system, .storage,
    any: """
      mail system full|system storage|insufficient disk space|not enough disk space|no space left on device|\
      out of disk space|disk full|insufficient storage space|filesystem is full|low on disk space|\
      not enough storage space on|insufficient system resources|temporarily out of disk|free space in the queue
      """,
    unless: "mailbox|over quota|users disk|user disk",
    from: "RFC 5321 §4.2.3, Postfix, Exchange", since: "1982",
    example: "452 4.3.1 Insufficient system storage"),
  BounceRule(
    "full.quota", .mailboxFull,
    any: """
      space not enough|storage not enough|number of messages exceeds|messages exceeds maximum|storage limit|\
      space * used up|space has been used|mailbox full|mailbox is full|mailbox is currently full|\
      mailbox has been full|mail box full|mail box is full|mailbox was full|mailbox * is full|mailbox * full|\
      inbox is full|inbox full|full mailbox|folder is full|folder full|mailfolder is full|mail folder is full|\
      maildir is full|maildir full|maildir over quota|account is full|account full|accounts mailbox is full|\
      user is full|user full|over quota|overquota|over its quota|over their quota|over storage quota|\
      over disk quota|over the quota|over mail quota|over the allowed quota|over allowed quota|\
      over the limit of mailbox|beyond quota|out of quota|quota is full|quota full|quota exceeded|quota exceed|\
      quota exceeds|quota has been exceeded|quota is exceeded|quota was exceeded|quota would be exceeded|\
      quota violation|quota limit|quota usage exceeded|quota overflow|quota error|quota check failed|\
      exceeds quota|exceed quota|exceeded quota|exceeding quota|exceeds its quota|exceeds the quota|\
      exceeds allowed quota|exceeds the users quota|exceeded its quota|exceeded his quota|exceeded the quota|\
      exceeded their quota|exceeded * quota|exceeded storage|exceeded his storage|exceeded its storage|\
      exceeded allocated storage|exceeded maximum storage|exceeded the storage|exceeds * quota|exceed * quota|\
      exceeding * quota|exceeded * storage allocation|exceeds storage allocation|exceeded * mailbox size|\
      exceeds mailbox size|exceeds the mailbox|exceeding * mailbox size|exceeded * allotted|exceeds * allotted|\
      exceeded * storage limit|exceeds * storage limit|exceed * storage limit|exceeded * storage space|\
      exhausted allowed storage|out of storage|storage quota|storage limit exceeded|storage exceeded|storage full|\
      storage is full|insufficient mailbox storage|insufficient storage|mailbox size limit|mailbox size exceed+|\
      mailbox limit exceeded|mailbox has exceeded|mailbox * exceeded|mailbox exceeded|mailbox exceeds|\
      mailbox exceed|mailbox is over|mailbox over|mailbox on quota|mailbox quota|mailbox space|mailbox overflow|\
      mailbox disk space|no space left in mailbox|no space left for the user|not enough space in|\
      not enough storage|not enough room in|no more space in|no room in|disk quota|disc quota|hard quota|\
      quota disk|user quota|users quota|account quota|domain quota|group quota|message quota|account has exceeded|\
      account exceeded|account is over|account is exceeding|user has exceeded|user has too many messages|\
      user has exhausted|user is over|users mailbox is too large|users mailfolder is full|recipient over|\
      recipient is over|recipient exceeded|recipient has exceeded|recipient overquota|recipient rejected : quota|\
      recipient reached disk quota|recipient storage full|reached * quota|reached its quota|reached disk quota|\
      reached quota|reached the maximum storage|reached * storage limit|reached * mailbox limit|\
      too many messages in * mailbox|too many messages on * mailbox|too many messages in this mailbox|\
      mailbox contains too many|mailbox temporarily full|temporarily over quota|temporarily over|space quota|\
      space is used up|used up all|quotaexceeded+|exceedlimit mailbox|storedrv deliver mailbox full|\
      storedrv * quotaexceeded+|storedrv storage quota|deliver quotaexceeded|would exceed mailbox|\
      would exceed * quota|will exceed * quota|would cause it to exceed|would make the mailbox|\
      delivery failed : over quota|mailbox is not accepting * full|size of mailbox|has run out of space|\
      has run out of storage|ran out of space|is out of space|is out of storage|inbox is out of|\
      insufficient space|insufficient disk quota|insufficient quota|mail quota|quota reached|mailbox limit|\
      mailbox reached|uses too much space|using too much space|exceeds maximum mailbox|exceed the maximum mailbox|\
      email quota|no storage space|usage over quota|over * quota limit|is over quota|mailbox * over its|\
      mailbox * quota|account * over quota|account * quota|user * over quota|user * quota|user is over the quota|\
      above quota|at its limit|users inbox|mailbox * no space|mail storage|maximum number of messages|mbox full|\
      quota for * exceeded|mailbox capacity|capacity exceeded|storage capacity|disk space quota|receiver mail box|\
      inbox storage
      """,
    unless: """
      retry timeout exceeded|connection quota|messages they can receive|per hour|receive limit|sending quota|\
      relay quota|sending limit|daily quota|quota for sending|quota of messages per|sender quota|\
      messages per hour|message size exceeds fixed|rcpt quota|exceeded its quota for sending
      """,
    from: "Postfix, Dovecot, Exim, Gmail, Yahoo, Exchange", since: "1995",
    example: "550 <user@example.org>: quota exceeded"),
]
