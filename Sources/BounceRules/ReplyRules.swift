internal import MailModel

/// A reply in the form that rules look at.
struct HeardReply {
  let code: Int
  let enhanced: EnhancedStatus?
  let stage: AttemptStage
  /// Lower case, every run of other characters than letters, digits and dots one blank; blanks at both ends,
  /// so that a phrase can ask for whole words.
  let words: [UInt8]

  init(_ reply: Reply, stage: AttemptStage) {
    code = reply.code
    enhanced = reply.enhanced
    self.stage = stage
    var text: [UInt8] = [0x20]
    // What a server says it says in the first lines; the bound keeps hostile replies cheap.
    for byte in reply.lines.joined(separator: [0x20]).prefix(4096) {
      let isUpper = (0x41...0x5A).contains(byte)
      let isWord =
        isUpper || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2E || byte >= 0x80
      if isWord { text.append(isUpper ? byte | 0x20 : byte) } else if text.last != 0x20 { text.append(0x20) }
    }
    if text.last != 0x20 { text.append(0x20) }
    words = text
  }
}

/// One line of the table. Every condition that is set must hold.
struct ReplyRule {
  var cause: FailureCause
  var action: Verdict.Action
  var codes: Set<Int> = []
  /// Subject and detail of the enhanced code, whatever its class.
  var statuses: [(subject: UInt16, details: ClosedRange<UInt16>)] = []
  var stages: Set<AttemptStage> = []
  /// The reply has no enhanced code.
  var isBare = false
  /// One of them stands in the text. A blank at an end asks for the end of a word.
  var phrases: Phrases = []
  /// None of them stands in the text.
  var unless: Phrases = []

  func matches(_ reply: HeardReply) -> Bool {
    (codes.isEmpty || codes.contains(reply.code)) && (stages.isEmpty || stages.contains(reply.stage))
      && (!isBare || reply.enhanced == nil) && matchesStatus(reply.enhanced)
      && (phrases.isEmpty || phrases.stand(in: reply.words)) && !unless.stand(in: reply.words)
  }

  private func matchesStatus(_ enhanced: EnhancedStatus?) -> Bool {
    if statuses.isEmpty { return true }
    guard let enhanced else { return false }
    return statuses.contains { $0.subject == enhanced.subject && $0.details.contains(enhanced.detail) }
  }
}

/// Phrases to look for all at once: a text is read once for the whole set.
struct Phrases: Sendable, ExpressibleByArrayLiteral {
  let isEmpty: Bool
  /// By the first byte.
  private var beginning: [[[UInt8]]]

  init(arrayLiteral phrases: String...) {
    isEmpty = phrases.isEmpty
    beginning = Array(repeating: [], count: 256)
    for phrase in phrases.map({ Array($0.utf8) }) {
      if let first = phrase.first { beginning[Int(first)].append(phrase) }
    }
  }

  func stand(in text: [UInt8]) -> Bool {
    if isEmpty { return false }
    return text.indices.contains { start in
      beginning[Int(text[start])].contains { phrase in
        phrase.count <= text.count - start && phrase.indices.allSatisfy { text[start + $0] == phrase[$0] }
      }
    }
  }
}

private let fullPhrases: Phrases = [
  "mailbox full", "mailbox is full", "mailbox has exceeded", "over quota", "overquota", "quota exceeded",
  "exceeded quota", "quota is exceeded", "exceeds quota", "exceeded storage", "exceeded its storage", "out of storage",
  "insufficient storage", "storage full", "inbox is full", "full mailbox", "not enough storage", "disk quota",
]

private let sizePhrases: Phrases = [
  "message size", "message too", "message is too", "too large", "too big", "size limit", "maximum size", "size exceeds",
  "fixed maximum", "message length",
]

private let blockPhrases: Phrases = [
  "block list", "blocklist", "black list", "blacklist", "deny list", "denylist", " rbl ", " dnsbl", ".dnsbl.",
  "spamhaus",
  "spamcop", "sorbs", "barracudacentral", "uceprotect", "spfbl", "abuseat.org", "surbl", "proofpoint.com",
  "blocked using",
  "listed in ", "listed at ", "listed by ", "listed on ", "ip reputation", "poor reputation", "bad reputation",
  "low reputation", "reputation of", "sending ip", "your ip ", "client host", "ip address has been blocked",
  "banned sending ip", "s3140", "s3150",
]

/// Words that show that a reply is about the recipient or the message's own origin, whatever list it mentions.
private let notBlockPhrases: Phrases = [
  "not listed", "user unknown", "unknown user", "no such user", "unknown recipient", "recipient unknown", " spf ",
  " dmarc ",
]

/// From the top, the first match wins. The action is what a 5yz reply leads to; 4yz is always retried.
let replyRules: [ReplyRule] = [
  // RFC 7504 §3: these say that there never is mail service here, at whatever stage.
  ReplyRule(cause: .domainTakesNoMail, action: .bounce, codes: [521, 556]),

  // Before MAIL a refusal is about the connection, not about the message: another day, another server, another
  // password may do. What a relay thinks of our login is no fault of the sender.
  ReplyRule(cause: .loginRefused, action: .retry, stages: [.login]),
  ReplyRule(cause: .tls, action: .retry, stages: [.tls]),
  ReplyRule(cause: .blocklisted, action: .retry, stages: [.greeting, .hello, .connect], phrases: blockPhrases),
  ReplyRule(cause: .connectionRefused, action: .retry, stages: [.greeting, .hello, .connect, .route]),
  ReplyRule(cause: .loginRefused, action: .retry, codes: [530, 534, 535, 538]),

  // A full mailbox. 552 alone means it (RFC 5321 §4.2.3) unless the text speaks of the message's size (RFC 1870).
  ReplyRule(cause: .mailboxFull, action: .retry, statuses: [(2, 2...2), (3, 1...1)]),
  ReplyRule(cause: .mailboxFull, action: .retry, codes: [552], isBare: true, unless: sizePhrases),
  ReplyRule(
    cause: .mailboxFull, action: .retry, codes: [422, 431, 450, 451, 452, 550, 552, 554], phrases: fullPhrases,
    unless: sizePhrases),

  // The message itself.
  ReplyRule(cause: .messageTooLarge, action: .bounce, statuses: [(2, 3...3), (3, 4...4)]),
  ReplyRule(cause: .messageTooLarge, action: .bounce, codes: [523, 552], isBare: true),

  // A block list entry or a bad reputation, in the words and codes of large receivers. Codes for an address that
  // does not exist are stronger than words about why one might be asking.
  ReplyRule(cause: .recipientUnknown, action: .bounce, statuses: [(1, 1...1)]),
  ReplyRule(cause: .blocklisted, action: .retry, statuses: [(7, 606...649)]),
  ReplyRule(
    cause: .blocklisted, action: .retry, codes: [421, 450, 451, 500, 501, 530, 550, 551, 553, 554, 571],
    phrases: blockPhrases, unless: notBlockPhrases),

  ReplyRule(cause: .greylisted, action: .retry, phrases: ["greylist", "graylist", "grey list", "gray list"]),
  ReplyRule(
    cause: .throttled, action: .retry, codes: [421, 450, 451, 452],
    phrases: ["too many connections", "too many messages", "rate limit", "throttl", "too fast", "unusual rate"]),
]

/// What an enhanced code says when no rule has matched.
func cause(of enhanced: EnhancedStatus?) -> FailureCause? {
  guard let enhanced, enhanced.kind != 2 else { return nil }
  switch (enhanced.subject, enhanced.detail) {
  case (1, 0), (1, 1), (1, 6): return .recipientUnknown
  case (1, 2): return .domainUnknown
  case (1, 3): return .addressSyntax
  case (1, 10): return .domainTakesNoMail
  case (2, 1): return .mailboxDisabled
  case (4, 3): return .dns
  case (4, 4): return .noMailServer
  case (4, 6): return .mailLoop
  case (6, 7): return .needsSMTPUTF8
  case (6, _): return .contentRefused
  case (7, _): return .policy
  default: return nil
  }
}
