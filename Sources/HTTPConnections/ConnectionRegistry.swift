internal import NIOConcurrencyHelpers
package import NIOCore

/// Tells a connection that the process is ending.
package struct DrainEvent: Sendable {}

/// The open connections, to end them when the process does.
package final class ConnectionRegistry: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isDraining = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = NIOLockedValueBox(State())

  package init() {}

  package var count: Int { state.withLockedValue(\.channels.count) }

  /// - Parameter limit: how many there may be, this one too.
  /// - Returns: whether it may go on.
  package func add(_ channel: any Channel, atMost limit: Int = .max) -> Bool {
    state.withLockedValue { state in
      guard !state.isDraining, state.channels.count < limit else { return false }
      state.channels[ObjectIdentifier(channel)] = channel
      return true
    }
  }

  package func remove(_ channel: any Channel) {
    let waiters = state.withLockedValue { state in
      state.channels[ObjectIdentifier(channel)] = nil
      return Self.waitersIfEmpty(&state)
    }
    for waiter in waiters { waiter.resume() }
  }

  /// What waits for a request ends now, what has one after its answer.
  package func drain() {
    let channels = state.withLockedValue { state in
      state.isDraining = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
  }

  package func closeAll() {
    for channel in state.withLockedValue({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }

  package func waitUntilEmpty() async {
    await withCheckedContinuation { continuation in
      let waiters = state.withLockedValue { state in
        state.waiters.append(continuation)
        return Self.waitersIfEmpty(&state)
      }
      for waiter in waiters { waiter.resume() }
    }
  }

  private static func waitersIfEmpty(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
    guard state.channels.isEmpty else { return [] }
    defer { state.waiters = [] }
    return state.waiters
  }
}
