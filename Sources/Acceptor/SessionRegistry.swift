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
    /// Counted only where they are limited.
    var addresses: [ObjectIdentifier: String] = [:]
    var perAddress: [String: Int] = [:]
    var isDraining = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let sessionsMax: Int
  private let perAddressMax: Int
  private let state = NIOLockedValueBox(State())

  init(sessionsMax: Int, perAddressMax: Int = .max) {
    self.sessionsMax = sessionsMax
    self.perAddressMax = perAddressMax
  }

  var count: Int { state.withLockedValue(\.sessions.count) }

  /// - Parameter address: the client's, once it is known.
  func add(_ channel: any Channel, from address: String? = nil) -> Entry {
    state.withLockedValue { state in
      // Saying "too many" costs a TLS handshake, so that too has its bound.
      guard state.sessions.count < sessionsMax + max(16, sessionsMax / 16) else { return .refused }
      state.sessions[ObjectIdentifier(channel)] = channel
      if state.isDraining { return .late }
      if let address, perAddressMax < .max, state.count(channel, address) > perAddressMax { return .overLimit }
      return state.sessions.count > sessionsMax ? .overLimit : .admitted
    }
  }

  func remove(_ channel: any Channel) {
    let waiters = state.withLockedValue { state in
      state.sessions[ObjectIdentifier(channel)] = nil
      state.uncount(channel)
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
  /// - Returns: the sessions of that address, this one too.
  fileprivate mutating func count(_ channel: any Channel, _ address: String) -> Int {
    if addresses.updateValue(address, forKey: ObjectIdentifier(channel)) == nil { perAddress[address, default: 0] += 1 }
    return perAddress[address] ?? 0
  }

  fileprivate mutating func uncount(_ channel: any Channel) {
    guard let address = addresses.removeValue(forKey: ObjectIdentifier(channel)), let count = perAddress[address] else {
      return
    }
    perAddress[address] = count > 1 ? count - 1 : nil
  }

  fileprivate mutating func takeWaitersIfEmpty() -> [CheckedContinuation<Void, Never>] {
    guard sessions.isEmpty else { return [] }
    defer { waiters = [] }
    return waiters
  }
}
