// What scanners say about a message, and what that means for it.
//
// Two services look at each message at the same time: clamd for malware, rspamd for spam. Neither is trusted to answer:
// each has the same limit of time, and whatever is not exactly an answer is a failure, never a clean bill. What follows
// from their answers is decided here by the tenant's policy (`ScanDecision`), without a socket and without a clock.

/// What a malware scanner says.
package enum MalwareVerdict: Sendable, Hashable {
  case clean
  /// The name of what was found, printable ASCII.
  case infected(String)
}

/// What a spam filter says.
package struct SpamVerdict: Sendable, Hashable {
  package enum Action: String, Sendable, Hashable {
    case none = "no action"
    /// For mail of strangers: means nothing for somebody who has logged in.
    case greylist
    case addHeader = "add header"
    case rewriteSubject = "rewrite subject"
    /// Not now.
    case softReject = "soft reject"
    case reject

    /// What is not to be delivered is rejected here: nothing that got a 250 is thrown away.
    init?(named name: String) {
      if ["discard", "quarantine"].contains(name) { self = .reject } else { self.init(rawValue: name) }
    }
  }

  package var score: Double
  /// The filter's own limit for `reject`.
  package var requiredScore: Double
  package var action: Action
  /// It rejects by a rule that knows better than any score.
  package var isForced: Bool
  /// Names of what the score is made of, the heaviest first, printable ASCII.
  package var symbols: [String]

  package init(
    score: Double, requiredScore: Double, action: Action, symbols: [String] = [], isForced: Bool = false
  ) {
    self.isForced = isForced
    self.score = score
    self.requiredScore = requiredScore
    self.action = action
    self.symbols = symbols
  }
}

/// Why a scanner has not looked at a message.
package enum ScannerFailure: Error, Sendable, Hashable {
  /// No connection, or one that broke before the answer.
  case unreachable(String)
  case timedOut
  /// It answered that it cannot.
  case refused(String)
  /// Its answer is none.
  case garbage(String)
  /// It never looks at messages of this size.
  case tooLarge
  /// The message cannot be read here.
  case unreadable(String)

  /// For the message's header: says nothing about our network.
  var words: String {
    switch self {
    case .unreachable: "cannot be reached"
    case .timedOut: "did not answer in time"
    case .refused: "could not look at it"
    case .garbage: "answered what is no answer"
    case .tooLarge: "does not take messages of this size"
    case .unreadable: "was not asked"
    }
  }

  /// For the log. Words of others are in it, not escaped.
  package var reason: String {
    switch self {
    case .unreachable(let why), .refused(let why), .garbage(let why), .unreadable(let why): "\(words): \(why)"
    case .timedOut, .tooLarge: words
    }
  }
}

/// What all scanners that were asked have said about one message; nil: not asked.
package struct ScanFindings: Sendable {
  package var malware: Result<MalwareVerdict, ScannerFailure>?
  package var spam: Result<SpamVerdict, ScannerFailure>?

  package init(
    malware: Result<MalwareVerdict, ScannerFailure>? = nil, spam: Result<SpamVerdict, ScannerFailure>? = nil
  ) {
    self.malware = malware
    self.spam = spam
  }
}

/// Text of others as a header field, a reply and a log line can carry it: printable ASCII, without parentheses.
func plainWords(_ text: some Sequence<UInt8>, countMax: Int = 120) -> String {
  let bytes = text.lazy.map { byte in
    (0x21...0x7E).contains(byte) && byte != 0x28 && byte != 0x29 && byte != 0x5C || byte == 0x20 ? byte : 0x3F
  }
  return String(decoding: Array(bytes.prefix(countMax)), as: UTF8.self)
}
