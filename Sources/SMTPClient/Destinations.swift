internal import NIOConcurrencyHelpers
internal import Routing

/// What connections can be shared between: the same host, to be treated the same way.
struct DestinationKey: Hashable, Sendable {
  let name: String
  let port: Int
  let tls: TLSRequirement
  let implicitTLS: Bool
  let login: RouteLogin?

  init(_ host: RouteHost) {
    (name, port, tls, implicitTLS, login) = (host.name.lowercased(), host.port, host.tls, host.implicitTLS, host.login)
  }
}

/// The right to use one connection to a destination.
enum Permit: Sendable {
  case granted
  /// Too many wait already, waited too long, cancelled, or the pool is shut down.
  case refused(String)
}

/// Permits and idle connections by destination. All of it is in one lock that is held for moments.
///
/// Waiters are served in the order in which they came. Who waits holds a place in the worker that others could use:
/// when a line takes longer than `patience`, only two deliveries for each connection go on waiting.
final class Destinations: Sendable {
  private struct Waiter {
    let id: UInt64
    let since: ContinuousClock.Instant
    let resume: @Sendable (Permit) -> Void
  }

  private struct Destination {
    var inUse = 0
    var waiters: [Waiter] = []
    var idle: [ClientConnection] = []
    var isEmpty: Bool { inUse == 0 && waiters.isEmpty && idle.isEmpty }
  }

  private struct State {
    var destinations: [DestinationKey: Destination] = [:]
    var idleCount = 0
    var nextID: UInt64 = 0
    var isShutDown = false
    /// Who wants to know when nothing is left.
    var emptied: [@Sendable () -> Void] = []
  }

  private let state = NIOLockedValueBox(State())
  private let limit: Int
  private let idleMax: Int
  /// A host whose line takes longer is slow.
  let patience: Duration
  /// So many wait even for a slow host.
  private var shortLine: Int { 2 * limit }

  init(limit: Int, idleMax: Int, patience: Duration) {
    self.limit = max(1, limit)
    self.patience = patience
    self.idleMax = idleMax
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
      guard !state.isShutDown else { return false }
      let destination = state.destinations[key]
      guard destination.map({ $0.inUse < limit && $0.waiters.isEmpty }) ?? true else { return false }
      state.destinations[key, default: Destination()].inUse += 1
      return true
    }
  }

  /// Calls `resume` once: at once, or when it is this one's turn.
  func acquire(_ key: DestinationKey, id: UInt64, resume: @escaping @Sendable (Permit) -> Void) {
    let answer: Permit? = state.withLockedValue { state in
      if state.isShutDown { return .refused("shutting down") }
      var destination = state.destinations[key] ?? Destination()
      defer { state.destinations[key] = destination }
      if destination.inUse < limit, destination.waiters.isEmpty {
        destination.inUse += 1
        return .granted
      }
      let now = ContinuousClock.now
      if destination.waiters.count >= shortLine, let first = destination.waiters.first,
        first.since.duration(to: now) > patience
      {
        return Self.lineIsFull
      }
      destination.waiters.append(Waiter(id: id, since: now, resume: resume))
      return nil
    }
    if let answer { resume(answer) }
  }

  /// Takes a waiter out of the queue. Nothing happens if it has been served.
  func giveUp(_ key: DestinationKey, id: UInt64, why: String) {
    let waiter: Waiter? = state.withLockedValue { state in
      guard let index = state.destinations[key]?.waiters.firstIndex(where: { $0.id == id }) else { return nil }
      defer { Self.tidy(&state, key) }
      return state.destinations[key]?.waiters.remove(at: index)
    }
    waiter?.resume(.refused(why))
    announceIfEmpty()
  }

  /// Refuses a waiter that is still far behind after its patience: the host is slow.
  func losePatience(_ key: DestinationKey, id: UInt64) {
    let waiter: Waiter? = state.withLockedValue { state in
      guard let index = state.destinations[key]?.waiters.firstIndex(where: { $0.id == id }), index >= shortLine
      else { return nil }
      return state.destinations[key]?.waiters.remove(at: index)
    }
    waiter?.resume(Self.lineIsFull)
  }

  private static let lineIsFull = Permit.refused("too many deliveries wait for this host")

  /// Gives a permit back; the longest waiter gets it.
  func release(_ key: DestinationKey) {
    let next: Waiter? = state.withLockedValue { state in
      guard var destination = state.destinations[key] else { return nil }
      var next: Waiter?
      if destination.waiters.isEmpty { destination.inUse -= 1 } else { next = destination.waiters.removeFirst() }
      state.destinations[key] = destination
      Self.tidy(&state, key)
      return next
    }
    next?.resume(.granted)
    announceIfEmpty()
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
      let all = Array(state.destinations.values)
      for key in Array(state.destinations.keys) {
        state.destinations[key]?.waiters = []
        state.destinations[key]?.idle = []
        Self.tidy(&state, key)
      }
      state.idleCount = 0
      return (all.flatMap(\.waiters), all.flatMap(\.idle))
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
        all.reduce(0) { $0 + $1.inUse }, state.idleCount, all.reduce(0) { $0 + $1.waiters.count }, all.count
      )
    }
  }

  private static func tidy(_ state: inout State, _ key: DestinationKey) {
    if state.destinations[key]?.isEmpty == true { state.destinations[key] = nil }
  }
}
