internal import NIOConcurrencyHelpers

/// Counts the recipients in flight and lets the claim loop wait until there is room, or until there is none left.
final class InFlight: Sendable {
  private struct State {
    var count = 0
    var isStopping = false
    var waiters: [(roomFor: Int, untilEmpty: Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = NIOLockedValueBox(State())
  let limit: Int

  init(limit: Int) { self.limit = limit }

  var room: Int { state.withLockedValue { max(0, limit - $0.count) } }

  func add(_ count: Int) { state.withLockedValue { $0.count += count } }

  func remove(_ count: Int) {
    let ready = state.withLockedValue { state in
      state.count -= count
      let room = limit - state.count
      let ready = state.waiters.filter { $0.roomFor <= room }
      state.waiters.removeAll { $0.roomFor <= room }
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  /// There will be no more claims: nobody waits for room any longer. Who waits until nothing is left goes on waiting.
  func stopWaitingForRoom() {
    let ended = state.withLockedValue { state in
      state.isStopping = true
      let ended = state.waiters.filter { !$0.untilEmpty }
      state.waiters.removeAll { !$0.untilEmpty }
      return ended
    }
    for waiter in ended { waiter.continuation.resume() }
  }

  /// Waits until there is room for `count` more, or no use in waiting.
  func waitForRoom(_ count: Int) async { await wait(roomFor: count, untilEmpty: false) }

  /// Waits until nothing is in flight.
  func waitUntilEmpty() async { await wait(roomFor: limit, untilEmpty: true) }

  private func wait(roomFor count: Int, untilEmpty: Bool) async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLockedValue { state in
        if limit - state.count >= count || (state.isStopping && !untilEmpty) { return true }
        state.waiters.append((count, untilEmpty, continuation))
        return false
      }
      if isOver { continuation.resume() }
    }
  }
}
