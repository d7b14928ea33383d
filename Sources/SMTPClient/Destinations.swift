internal import MailModel
internal import NIOConcurrencyHelpers
internal import Routing

/// What connections can be shared between: the same host, to be treated the same way.
struct DestinationKey: Hashable, Sendable {
  let name: String
  let port: Int
  let tls: TLSRequirement
  let implicitTLS: Bool
  let login: RouteLogin?
  let transfer: TransferProtocol

  init(_ host: RouteHost) {
    (name, port, tls, implicitTLS, login) = (host.name.lowercased(), host.port, host.tls, host.implicitTLS, host.login)
    transfer = host.transfer
  }
}

/// The right to use one connection to a destination.
enum Permit: Sendable {
  case granted
  /// Too many wait already, waited too long, cancelled, or the pool is shut down.
  case refused(String)
}

/// Permits and idle connections by destination. All of it is in one lock that is held for moments, and changed in
/// place: whatever is taken out of the dictionary to be changed would be copied, line and all, for each delivery.
final class Destinations: Sendable {
  private struct Destination {
    var inUse = 0
    var line = WaitingLine()
    var idle: [ClientConnection] = []
    var isEmpty: Bool { inUse == 0 && line.isEmpty && idle.isEmpty }
  }

  private struct State {
    var destinations: [DestinationKey: Destination] = [:]
    var idleCount = 0
    var nextID: UInt64 = 0
    var isShutDown = false
    /// `dismissExpired` will be called then.
    var timedFor: ContinuousClock.Instant?
    /// Who wants to know when nothing is left.
    var emptied: [@Sendable () -> Void] = []
  }

  private let state = NIOLockedValueBox(State())
  private let limit: Int
  private let idleMax: Int
  private let rules: WaitingLine.Rules
  /// Calls `dismissExpired` after that time.
  private let wakeAfter: @Sendable (Destinations, Duration) -> Void

  /// - Parameters:
  ///   - limit: connections to one destination at once.
  ///   - waitMax: how long somebody waits for one.
  ///   - patience: a host whose line takes longer is slow; only two deliveries for each connection go on waiting.
  ///   - wakeAfter: calls `dismissExpired` after that time, once for each time it is asked to.
  init(
    limit: Int, idleMax: Int, waitMax: Duration, patience: Duration,
    wakeAfter: @escaping @Sendable (Destinations, Duration) -> Void
  ) {
    self.limit = max(1, limit)
    self.idleMax = idleMax
    rules = WaitingLine.Rules(limit: waitMax, patience: patience, shortPart: 2 * max(1, limit))
    self.wakeAfter = wakeAfter
  }

  // MARK: Permits

  func nextID() -> UInt64 {
    state.withLockedValue { state in
      state.nextID += 1
      return state.nextID
    }
  }

  /// The usual case: nobody waits and there is room.
  func acquireAtOnce(_ key: DestinationKey) -> Bool {
    state.withLockedValue { state in
      !state.isShutDown && Self.enter(&state.destinations[key, default: Destination()], limit)
    }
  }

  private static func enter(_ destination: inout Destination, _ limit: Int) -> Bool {
    guard destination.inUse < limit, destination.line.isEmpty else { return false }
    destination.inUse += 1
    return true
  }

  /// Calls `resume` once: at once, or when it is this one's turn.
  func acquire(_ key: DestinationKey, id: UInt64, resume: @escaping @Sendable (Permit) -> Void) {
    let waiter = WaitingLine.Waiter(id: id, since: .now, resume: resume)
    let (answer, deadline): (Permit?, ContinuousClock.Instant?) = state.withLockedValue { state in
      if state.isShutDown { return (.refused("shutting down"), nil) }
      if Self.enter(&state.destinations[key, default: Destination()], limit) { return (.granted, nil) }
      guard state.destinations[key]?.line.append(waiter, rules) == true else { return (WaitingLine.isFull, nil) }
      let deadline = state.destinations[key]?.line.nextDeadline(rules)
      return (nil, Self.time(&state, for: deadline, at: waiter.since))
    }
    if let answer { resume(answer) }
    if let deadline { wakeAfter(self, waiter.since.duration(to: deadline)) }
  }

  /// Takes a waiter out of the queue. Nothing happens if it has been served.
  func giveUp(_ key: DestinationKey, id: UInt64, why: String) {
    let waiter = state.withLockedValue { state in
      defer { Self.tidy(&state, key) }
      return state.destinations[key]?.line.remove(id)
    }
    waiter?.resume(.refused(why))
    announceIfEmpty()
  }

  /// Refuses whoever has waited long enough, and asks to be called again while somebody waits.
  func dismissExpired() {
    let now = ContinuousClock.now
    let (expired, deadline) = state.withLockedValue { state in
      var expired: [(WaitingLine.Waiter, Permit)] = []
      var deadline: ContinuousClock.Instant?
      for key in state.destinations.filter({ !$0.value.line.isEmpty }).keys {
        expired += state.destinations[key]?.line.removeExpired(rules, at: now) ?? []
        let next = state.destinations[key]?.line.nextDeadline(rules)
        deadline = [deadline, next].compactMap(\.self).min()
        Self.tidy(&state, key)
      }
      return (expired, Self.time(&state, for: deadline, at: now))
    }
    for (waiter, answer) in expired { waiter.resume(answer) }
    if let deadline { wakeAfter(self, now.duration(to: deadline)) }
    announceIfEmpty()
  }

  /// Whoever came first may wait long; those behind the short part have less patience, and so an earlier deadline.
  /// - Returns: the deadline when nobody will call `dismissExpired` by then.
  private static func time(
    _ state: inout State, for deadline: ContinuousClock.Instant?, at now: ContinuousClock.Instant
  ) -> ContinuousClock.Instant? {
    guard let deadline else { return nil }
    // A timer's clock may be a little ahead of ours: one that is due by now may be the one that called.
    if let timedFor = state.timedFor, timedFor > now + .milliseconds(10), timedFor <= deadline { return nil }
    state.timedFor = deadline
    return deadline
  }

  /// Gives a permit back; the longest waiter gets it.
  func release(_ key: DestinationKey) {
    let (next, isEmpty): (WaitingLine.Waiter?, Bool) = state.withLockedValue { state in
      let next = state.destinations[key]?.line.popFirst()
      if next == nil { state.destinations[key]?.inUse -= 1 }
      Self.tidy(&state, key)
      return (next, state.destinations.isEmpty)
    }
    next?.resume(.granted)
    if isEmpty { announceIfEmpty() }
  }

  private func announceIfEmpty() {
    let resumes = state.withLockedValue { state in
      guard state.destinations.isEmpty else { return [@Sendable () -> Void]() }
      defer { state.emptied = [] }
      return state.emptied
    }
    for resume in resumes { resume() }
  }

  // MARK: Idle connections

  /// The connection that was used last, if there is one.
  func takeIdle(_ key: DestinationKey) -> ClientConnection? {
    state.withLockedValue { state in
      guard let connection = state.destinations[key]?.idle.popLast() else { return nil }
      state.idleCount -= 1
      Self.tidy(&state, key)
      return connection
    }
  }

  /// - Returns: false when it cannot be kept and is to be closed.
  func keep(_ connection: ClientConnection, _ key: DestinationKey) -> Bool {
    state.withLockedValue { state in
      guard !state.isShutDown, state.idleCount < idleMax else { return false }
      state.idleCount += 1
      state.destinations[key, default: Destination()].idle.append(connection)
      return true
    }
  }

  /// A connection was closed; it may have been idle.
  func forget(_ connection: ClientConnection, _ key: DestinationKey) {
    state.withLockedValue { state in
      guard let index = state.destinations[key]?.idle.firstIndex(where: { $0 === connection }) else { return }
      state.destinations[key]?.idle.remove(at: index)
      state.idleCount -= 1
      Self.tidy(&state, key)
    }
    announceIfEmpty()
  }

  /// Refuses all that wait and hands out what is idle.
  func shutDown() -> [ClientConnection] {
    let (waiters, idle) = state.withLockedValue { state in
      state.isShutDown = true
      var waiters: [WaitingLine.Waiter] = []
      var idle: [ClientConnection] = []
      for key in Array(state.destinations.keys) {
        waiters += state.destinations[key]?.line.removeAll() ?? []
        idle += state.destinations[key]?.idle ?? []
        state.destinations[key]?.idle = []
        Self.tidy(&state, key)
      }
      state.idleCount = 0
      return (waiters, idle)
    }
    for waiter in waiters { waiter.resume(.refused("shutting down")) }
    announceIfEmpty()
    return idle
  }

  /// Calls `resume` once there is neither a connection nor anybody who waits for one.
  func whenEmpty(_ resume: @escaping @Sendable () -> Void) {
    let isEmpty = state.withLockedValue { state in
      if !state.destinations.isEmpty { state.emptied.append(resume) }
      return state.destinations.isEmpty
    }
    if isEmpty { resume() }
  }

  /// Connections in use, idle ones and waiters, for a gauge and for tests.
  var counts: (inUse: Int, idle: Int, waiting: Int, destinations: Int) {
    state.withLockedValue { state in
      let all = state.destinations.values
      return (
        all.reduce(0) { $0 + $1.inUse }, state.idleCount, all.reduce(0) { $0 + $1.line.count }, all.count
      )
    }
  }

  private static func tidy(_ state: inout State, _ key: DestinationKey) {
    if state.destinations[key]?.isEmpty == true { state.destinations[key] = nil }
  }
}
