/// One program that a supervisor keeps alive.
package struct ManagedProcess: Sendable {
  /// How we know that it serves.
  package enum Readiness: Sendable {
    /// Being alive is all that is asked for.
    case started
    /// It writes a line that contains this text.
    case line(String)
    /// It itself listens on these TCP ports; that another process does is not enough.
    case listens([Int])
  }

  package var specification: ProcessSpecification
  package var readiness: Readiness
  /// What asks it to finish.
  package var stopSignal: Signal
  /// After that it is killed.
  package var stopLimit: Duration
  package var readyLimit: Duration
  /// Runs once, before its first start.
  package var before: (@Sendable () async throws -> Void)?
  /// Whether its lines appear on the terminal, not only in its log.
  package var isShown: Bool

  package init(
    _ specification: ProcessSpecification, readiness: Readiness = .started, stopSignal: Signal = .terminate,
    stopLimit: Duration = .seconds(40), readyLimit: Duration = .seconds(60), isShown: Bool = true
  ) {
    self.specification = specification
    self.readiness = readiness
    self.stopSignal = stopSignal
    self.stopLimit = stopLimit
    self.readyLimit = readyLimit
    self.isShown = isShown
  }

  package var name: String { specification.name }
}

/// How long to wait before a dead process is started again.
package struct BackOff: Sendable {
  package var first: Duration
  package var longest: Duration
  /// Each pause is made up to this share longer or shorter, so that processes do not die in step.
  package var jitter: Double
  /// A process that has lived so long has proved itself: its failures are forgotten.
  package var forgetAfter: Duration

  package init(
    first: Duration = .milliseconds(500), longest: Duration = .seconds(30), jitter: Double = 0.25,
    forgetAfter: Duration = .seconds(30)
  ) {
    self.first = first
    self.longest = longest
    self.jitter = jitter
    self.forgetAfter = forgetAfter
  }

  /// - Parameter failure: 1 for the first in a row.
  package func pause(failure: Int) -> Duration {
    let doubled = first * (1 << min(max(failure - 1, 0), 20))
    return min(doubled, longest) * Double.random(in: 1 - jitter...1 + jitter)
  }
}
