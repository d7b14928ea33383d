package import CoreMetrics

/// Why a client was told 4xx or 5xx, or nothing at all.
package enum RefusalReason: Int, CaseIterable, Sendable {
  /// Not a command, or not in its form.
  case syntax
  /// A command out of turn.
  case sequence
  /// TLS or a login comes first.
  case loginRequired
  /// Wrong or disabled.
  case login
  /// Logins cannot be checked now.
  case loginUnavailable
  /// The client's address may not submit here.
  case address
  case sender
  case recipient
  case tooManyRecipients
  case size
  case content
  case malware
  case spam
  /// A content scanner did not do its work.
  case scanner
  /// No room on disk.
  case storage
  /// The queue does not answer, or other trouble of ours.
  case unavailable
  case timeout
  /// Too many errors, too many commands without mail.
  case patience
  /// Too many sessions.
  case sessions
  case draining
  /// More than somebody may send or try in a time.
  case limit
  case other

  /// The label's value.
  var name: String {
    switch self {
    case .loginRequired: "login_required"
    case .loginUnavailable: "login_unavailable"
    case .tooManyRecipients: "too_many_recipients"
    default: "\(self)"
    }
  }
}

/// What an acceptor counts.
package struct AcceptorMetrics: Sendable {
  /// Set before each rendering, by whoever has the number.
  package let sessions: Meter
  package let sessionsBegun: Counter
  private let messagesAccepted: Counter
  private let recipientsAccepted: Counter
  private let bytesAccepted: Counter
  package let acceptance: Timer
  private let refusals: [Counter]

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    sessions = Metric.sessions.gauge(factory)
    sessionsBegun = Metric.sessionsBegun.counter(factory)
    messagesAccepted = Metric.messagesAccepted.counter(factory)
    recipientsAccepted = Metric.recipientsAccepted.counter(factory)
    bytesAccepted = Metric.bytesAccepted.counter(factory)
    acceptance = Metric.acceptance.timer(factory)
    refusals = RefusalReason.allCases.map { Metric.refused.counter(factory, $0.name) }
  }

  /// One message that is in the queue.
  package func accepted(recipients: Int, bytes: Int) {
    messagesAccepted.increment()
    recipientsAccepted.increment(by: recipients)
    bytesAccepted.increment(by: bytes)
  }

  package func refused(_ reason: RefusalReason) { refusals[reason.rawValue].increment() }
}

/// What is counted of transactions into the queue.
package struct EnqueueMetrics: Sendable {
  private let batch: Recorder
  private let time: Timer

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    batch = Metric.enqueueBatch.recorder(factory)
    time = Metric.enqueueTime.timer(factory)
  }

  /// One transaction.
  package func enqueued(messages: Int, in duration: Duration) {
    batch.record(messages)
    time.record(duration)
  }
}
