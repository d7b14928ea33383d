internal import Observability

/// What a look at one thing says, in a line for people.
package struct Condition: Sendable, Hashable {
  package enum Level: String, Sendable {
    case ok
    /// The node works all the same, slower or not for ever.
    case degraded
    /// The node cannot do its work.
    case failed
  }

  package let level: Level
  package let text: String

  package init(_ level: Level, _ text: String) {
    self.level = level
    self.text = text
  }
}

/// Everything that was looked at, and what follows from it.
package struct ReadinessReport: Sendable {
  package enum Phase: String, Sendable {
    case starting
    case serving
    /// It finishes what it has begun and takes no more.
    case draining
  }

  package let phase: Phase
  package let conditions: [(check: String, condition: Condition)]

  package var isReady: Bool { phase == .serving && !conditions.contains { $0.condition.level == .failed } }

  /// The verdict, then a line for each condition, the worst first.
  package var text: String {
    let isDegraded = conditions.contains { $0.condition.level == .degraded }
    let verdict =
      switch phase {
      case .starting, .draining: phase.rawValue
      case .serving: isReady ? (isDegraded ? "ready, degraded" : "ready") : "not ready"
      }
    let lines = [Condition.Level.failed, .degraded, .ok].flatMap { level in
      conditions.filter { $0.condition.level == level }.map {
        "\(level.rawValue): \($0.check): \(escaped($0.condition.text))"
      }
    }
    return ([verdict] + lines).joined(separator: "\n") + "\n"
  }
}
