internal import NIOConcurrencyHelpers

/// Counts the recipients in flight and lets claim loops wait until there is room, or until there is none left.
///
/// With several databases each loop has a share. One that would take more than there is has a right to an equal part,
/// one that would not keeps a little for what may come; what is left over is for whoever wants it.
final class InFlight: Sendable {
  private struct Share {
    /// With what a claim under way may bring.
    var count = 0
    /// Its last claim brought all that there was room for, or it waits for room.
    var wantsMore = false
  }

  private struct Waiter {
    let share: Int
    let roomFor: Int
    let untilEmpty: Bool
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var shares: [Share]
    var isStopping = false
    var waiters: [Waiter] = []
  }

  private let state: NIOLockedValueBox<State>
  let limit: Int
  /// So much room is worth a claim.
  let worthClaiming: Int

  init(limit: Int, shares: Int = 1) {
    self.limit = limit
    worthClaiming = max(1, min(100, limit / (4 * shares)))
    state = NIOLockedValueBox(State(shares: Array(repeating: Share(), count: shares)))
  }

  func count(_ share: Int) -> Int { state.withLockedValue { $0.shares[share].count } }

  private func room(_ share: Int, _ state: State) -> Int {
    let wanting = state.shares.indices.count { $0 == share || state.shares[$0].wantsMore }
    let others = state.shares.indices.reduce(0) { sum, other in
      if other == share { return sum }
      let kept = state.shares[other].wantsMore ? limit / wanting : limit / (8 * state.shares.count)
      return sum + max(state.shares[other].count, kept)
    }
    return max(0, limit - state.shares[share].count - others)
  }

  /// Takes all the room there is for a claim that begins.
  func reserve(_ share: Int) -> Int {
    state.withLockedValue { state in
      let room = room(share, state)
      state.shares[share].count += room
      return room
    }
  }

  /// A claim has ended.
  /// - Parameters:
  ///   - reserved: before it began.
  ///   - asked: how many it may have brought.
  func claimed(_ count: Int, of asked: Int, reserved: Int, _ share: Int) {
    change(share) { own in
      own.count += count - reserved
      own.wantsMore = count > 0 && count >= asked
    }
  }

  func remove(_ count: Int, _ share: Int) { change(share) { $0.count -= count } }

  private func change(_ share: Int, _ body: (inout Share) -> Void) {
    let ready = state.withLockedValue { state in
      body(&state.shares[share])
      let (ready, waiting) = split(state)
      state.waiters = waiting
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  private func split(_ state: State) -> (ready: [Waiter], waiting: [Waiter]) {
    var (ready, waiting): ([Waiter], [Waiter]) = ([], [])
    for waiter in state.waiters {
      let isReady =
        waiter.untilEmpty ? state.shares[waiter.share].count == 0 : room(waiter.share, state) >= waiter.roomFor
      if isReady { ready.append(waiter) } else { waiting.append(waiter) }
    }
    return (ready, waiting)
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

  /// Waits until there is room for a claim, or no use in waiting.
  func waitForRoom(_ share: Int) async { await wait(share, roomFor: worthClaiming, untilEmpty: false) }

  /// Waits until nothing of this share is in flight.
  func waitUntilEmpty(_ share: Int) async { await wait(share, roomFor: 0, untilEmpty: true) }

  private func wait(_ share: Int, roomFor count: Int, untilEmpty: Bool) async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLockedValue { state in
        if untilEmpty {
          if state.shares[share].count == 0 { return true }
        } else if state.isStopping || room(share, state) >= count {
          return true
        } else {
          state.shares[share].wantsMore = true
        }
        state.waiters.append(Waiter(share: share, roomFor: count, untilEmpty: untilEmpty, continuation: continuation))
        return false
      }
      if isOver { continuation.resume() }
    }
  }
}
