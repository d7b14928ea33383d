/// How an attempt, or a job's life, ended: `outcome.kind` in the database.
package enum OutcomeKind: Int16, Sendable, Hashable, CaseIterable {
  case delivered = 0
  case deferred = 1
  case bounced = 2
  case expired = 3
  case held = 4
  /// Never logged: nothing was tried.
  case handedBack = 5
  /// An operator gave it up.
  case cancelled = 6
  /// Another server reported, after it or one before it had taken the message, that it was not delivered.
  case returned = 10
  /// The recipient complained about it.
  case complained = 11
  /// Another report came back. It changes nothing.
  case reported = 12

  /// Whether the recipient is done with, unless the outcome came late.
  package var isFinal: Bool {
    switch self {
    case .delivered, .bounced, .expired, .cancelled: true
    case .deferred, .held, .handedBack, .returned, .complained, .reported: false
    }
  }

  /// It came back after the attempt, in somebody's report.
  package var isReport: Bool { rawValue >= OutcomeKind.returned.rawValue }

  /// For people and programs.
  package var name: String {
    switch self {
    case .delivered: "delivered"
    case .deferred: "deferred"
    case .bounced: "bounced"
    case .expired: "expired"
    case .held: "held"
    case .handedBack: "handed back"
    case .cancelled: "cancelled"
    case .returned: "returned"
    case .complained: "complained"
    case .reported: "reported"
    }
  }
}
