internal import NIOConcurrencyHelpers

/// Ends a wait early. A ring that nobody waits for is kept for the next wait.
final class Alarm: Sendable {
  private struct State {
    var hasRung = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = NIOLockedValueBox(State())

  func ring() {
    let waiter = state.withLockedValue { state in
      defer { state.waiter = nil }
      state.hasRung = state.waiter == nil
      return state.waiter
    }
    waiter?.resume()
  }

  func wait(atMost limit: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: limit) }
      group.addTask { await self.untilRung() }
      await group.next()
      group.cancelAll()
    }
  }

  private func untilRung() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDue = state.withLockedValue { state in
          if state.hasRung || Task.isCancelled {
            state.hasRung = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isDue { continuation.resume() }
      }
    } onCancel: {
      state.withLockedValue { state in
        defer { state.waiter = nil }
        return state.waiter
      }?.resume()
    }
  }
}
