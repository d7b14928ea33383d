internal import NIOCore

/// Deliveries that wait for a connection to one destination, in the order in which they came.
///
/// Who waits holds a place in the worker that others could use. So a line has a short part, which waits for `limit`,
/// and the rest, which waits for `patience` only: what is not served by then waits for a slow host.
struct WaitingLine {
  struct Waiter {
    let id: UInt64
    let since: ContinuousClock.Instant
    let resume: @Sendable (Permit) -> Void
  }

  struct Rules {
    /// How long anybody waits.
    let limit: Duration
    /// How long those wait that stand behind the short part.
    let patience: Duration
    let shortPart: Int
  }

  static let isFull = Permit.refused("too many deliveries wait for this host")
  static let tookTooLong = Permit.refused("no connection to this destination came free in time")

  /// Not an array: the first leaves for each delivery, and a line may be long.
  private var waiters = CircularBuffer<Waiter>()

  var isEmpty: Bool { waiters.isEmpty }
  var count: Int { waiters.count }

  /// - Returns: whether there was room: behind the short part of a line that does not move there is none.
  mutating func append(_ waiter: Waiter, _ rules: Rules) -> Bool {
    if waiters.count >= rules.shortPart, let first = waiters.first, waiter.since - first.since > rules.patience {
      return false
    }
    waiters.append(waiter)
    return true
  }

  mutating func popFirst() -> Waiter? { waiters.popFirst() }

  mutating func remove(_ id: UInt64) -> Waiter? {
    waiters.firstIndex { $0.id == id }.map { waiters.remove(at: $0) }
  }

  mutating func removeAll() -> [Waiter] {
    defer { waiters.removeAll() }
    return Array(waiters)
  }

  /// Takes out who has waited long enough.
  mutating func removeExpired(_ rules: Rules, at now: ContinuousClock.Instant) -> [(Waiter, Permit)] {
    var expired: [(Waiter, Permit)] = []
    while let first = waiters.first, now - first.since >= rules.limit {
      expired.append((waiters.removeFirst(), Self.tookTooLong))
    }
    while let waiter = firstImpatient(rules), now - waiter.since >= rules.patience {
      expired.append((waiters.remove(at: waiters.index(waiters.startIndex, offsetBy: rules.shortPart)), Self.isFull))
    }
    return expired
  }

  /// When `removeExpired` has something to do next, unless somebody is served before.
  func nextDeadline(_ rules: Rules) -> ContinuousClock.Instant? {
    guard let first = waiters.first else { return nil }
    let end = first.since + rules.limit
    return firstImpatient(rules).map { min(end, $0.since + rules.patience) } ?? end
  }

  private func firstImpatient(_ rules: Rules) -> Waiter? {
    guard waiters.count > rules.shortPart else { return nil }
    return waiters[waiters.index(waiters.startIndex, offsetBy: rules.shortPart)]
  }
}
