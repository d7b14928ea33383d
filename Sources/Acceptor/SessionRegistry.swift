import NIOConcurrencyHelpers
import NIOCore

/// Tells a session that the acceptor is shutting down.
struct DrainEvent: Sendable {}

/// The open sessions: how many there may be, and whom to tell when the acceptor shuts down.
final class SessionRegistry: Sendable {
  enum Entry: Sendable {
    case admitted
    /// One too many: it is told so.
    case overLimit
    /// It came while the acceptor began to drain: it is told so.
    case late
    /// Far too many: it is closed without a word.
    case refused
  }

  fileprivate struct State {
    var sessions: [ObjectIdentifier: any Channel] = [:]
    var isDraining = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let sessionsMax: Int
  private let state = NIOLockedValueBox(State())

  init(sessionsMax: Int) { self.sessionsMax = sessionsMax }

  var count: Int { state.withLockedValue(\.sessions.count) }

  func add(_ channel: any Channel) -> Entry {
    state.withLockedValue { state in
      // Saying "too many" costs a TLS handshake, so that too has its bound.
      guard state.sessions.count < sessionsMax + max(16, sessionsMax / 16) else { return .refused }
      state.sessions[ObjectIdentifier(channel)] = channel
      if state.isDraining { return .late }
      return state.sessions.count > sessionsMax ? .overLimit : .admitted
    }
  }

  func remove(_ channel: any Channel) {
    let waiters = state.withLockedValue { state in
      state.sessions[ObjectIdentifier(channel)] = nil
      return state.takeWaitersIfEmpty()
    }
    for waiter in waiters { waiter.resume() }
  }

  func drain() {
    let sessions = state.withLockedValue { state in
      state.isDraining = true
      return Array(state.sessions.values)
    }
    for session in sessions { session.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
  }

  /// Ends what is left, without a word.
  func closeAll() {
    for session in state.withLockedValue({ Array($0.sessions.values) }) { session.close(promise: nil) }
  }

  func waitUntilEmpty() async {
    await withCheckedContinuation { continuation in
      let waiters = state.withLockedValue { state in
        state.waiters.append(continuation)
        return state.takeWaitersIfEmpty()
      }
      for waiter in waiters { waiter.resume() }
    }
  }
}

extension SessionRegistry.State {
  fileprivate mutating func takeWaitersIfEmpty() -> [CheckedContinuation<Void, Never>] {
    guard sessions.isEmpty else { return [] }
    defer { waiters = [] }
    return waiters
  }
}
