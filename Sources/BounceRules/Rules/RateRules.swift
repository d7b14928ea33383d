/// Not now, not so much.
let greylistRules: [BounceRule] = [
  BounceRule(
    "greylist", .greylist,
    any: """
      greylist+|tempgreylist|graylist+|grey list+|gray list+|gray listed|greypass+|grey wall|postgrey|grey listed|\
      greylisted by|recipient address rejected : try again|\
      deferred using greylisting|first time sender * try again|^postgrey.schweikert.ch
      """,
    unless: "recipient quota", from: "Postgrey, milter-greylist, Exim, SQLgrey", since: "2003",
    example: """
      450 4.2.0 <user@example.org>: Recipient address rejected: Greylisted, see \
      http://postgrey.schweikert.ch/help/example.org.html
      """
  )
]

let rateRules: [BounceRule] = [
  BounceRule(
    "rate.volume", .rateLimit, .volume,
    any: """
      maximum messages|messages per|rate limit+|ratelimit+|rate limited|rate exceeded|rate exceed|\
      rate is exceeded|sending rate|message rate|mail rate|rate control|rate of|rate throttl+|throttl+|\
      too many messages|too many emails|too many email|too many mails|too many mail|too many mail from|\
      too many requests|too many transactions|too many letters|too much mail|too much email|too much traffic|\
      too quickly|too fast|too frequently|too often|excessive volume|excessive rate|excessive email|high volume|\
      unexpected volume|volume of email|volume limit|sending limit|sending limits|sending quota|\
      mail sending limit|daily limit|daily sending|daily smtp|daily message|daily quota|daily email|hourly limit|\
      hourly quota|hourly sending|per hour limit|per hour|per hour receive limit|messages per hour|\
      emails per hour|mails per hour|messages per day|per day|messages per minute|per minute|relay limit exceeded|\
      peak smtp relay limit|message limit|messages limit|max message+ per|max emails per|max mails|\
      max messages per connection|max message per connection|messages per connection|message count|mail count|\
      limit of messages|limit on messages|message limit exceeded|exceeded * limit|limit reached|\
      limit has been reached|limit has been exceeded|exceeded messaging limits|exceeded sending|exceeded rate|\
      exceeded the limit|maximum allowed number|number of messages|exceeded the maximum number|maximum number of|\
      frequency limit+|frequency limited|frequency exceed+|frequency is|frequency|sender frequency|\
      submission rate|submission quota|flood|flooding|mail flood|bandwidth limit|quota for sending|burst|\
      deferred due to * volume|temporarily deferred due to|permanently deferred|slow down|please slow down|\
      sending too|receiving mail at a rate|receiving mail too quickly|receive mail at a rate|\
      recipient thread limit|thread limit exceeded|concurrency limit|resource limit|resources restricted|\
      resources temporarily unavailable for|has exceeded threshold|exceeded threshold|recipient rate limit|\
      recipient limit exceeded per|you have been sending too
      """,
    unless: """
      spam score|message size|mailbox full|over quota|size limit|mailbox|too many recipients|user unknown|\
      invalid recipients|too many hops|too many connections|concurrent connections|header size|same message id|\
      storage limit|simultaneous|hop|connections per|received headers
      """,
    from: "Gmail, Yahoo, Apple, cPanel, Outlook.com", since: "2002",
    example: """
      421 4.7.1 Messages to user@icloud.com deferred due to excessive volume. Try again later
      """),
  BounceRule(
    "rate.recipients", .rateLimit, .recipients,
    any: """
      too many recipients|too many rcpt+|too many recipients received|number of recipients|maximum recipients|\
      max recipients|maximum number of recipients|recipient limit|recipients limit|recipients per|\
      recipients exceed+|number of recipients exceeds|has too many recipients|limit of recipients|\
      allow rcpt numbers|more recipients than|rcpt count|recipient count|one recipient at a time|\
      only one recipient|multiple recipients|too many destination+|multiple destination domains|one domain per
      """,
    unless: "user unknown", from: "RFC 5321 §4.5.3.1.10, Gmail, Postfix", since: "1982",
    example: "452 4.5.3 Your message has too many recipients"),
  BounceRule(
    "rate.connections", .rateLimit, .connections,
    any: """
      too many connections|too many concurrent|too many simultaneous|too many sessions|too many smtp sessions|\
      too many open connections|too many active|concurrent connections|simultaneous connections|connection limit|\
      connections limit|connection count|connection rate|connection frequency|connections per|\
      number of connections|maximum connections|max connections|maximum number of connections|connection throttl+|\
      connections from your|connections from this|connections from this host|excessive connections|\
      excess connections|connection concurrency|smtp connection limit|exceeded * connection|maximum concurrent|\
      max number of connections|session limit|all server ports are busy|too many hosts|too many errors|\
      too many bad commands|limit for connections
      """,
    unless: """
      too many hops|too many unknown|too many received|too many messages in * mailbox|user unknown|mailbox|\
      too many headers|too many invalid|reverse dns
      """,
    from: "Postfix anvil, Sendmail, Exim, Exchange", since: "1998",
    example: "421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1"),
]
