internal import Synchronization

/// State behind a lock that can be awaited: a wait ends with the change it waits for, not with a poll.
package final class Observed<Value: Sendable>: Sendable {
  private struct Waiter {
    let isSatisfied: @Sendable (Value) -> Bool
    let continuation: CheckedContinuation<Void, any Error>
    let timer: Task<Void, Never>
  }

  private struct State {
    var value: Value
    var waiters: [UInt64: Waiter] = [:]
    var nextWaiter: UInt64 = 0
  }

  private let state: Mutex<State>

  package init(_ value: Value) {
    state = Mutex(State(value: value))
  }

  package var value: Value { state.withLock { $0.value } }

  /// Changes the state and ends the waits that the change satisfies.
  package func update<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
    let (result, satisfied) = state.withLock { state in
      let result = body(&state.value)
      let value = state.value
      let ids = state.waiters.filter { $0.value.isSatisfied(value) }.map(\.key)
      return (result, ids.compactMap { state.waiters.removeValue(forKey: $0) })
    }
    for waiter in satisfied {
      waiter.timer.cancel()
      waiter.continuation.resume()
    }
    return result
  }

  /// Waits until the condition holds.
  /// - Parameter what: completes the sentence "waited 30 seconds for …".
  /// - Throws: `WaitTimedOut` after `limit`; `CancellationError`.
  @discardableResult
  package func wait(
    atMost limit: Duration, for what: String, until isSatisfied: @escaping @Sendable (Value) -> Bool
  ) async throws -> Value {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let timer = Task {
          guard (try? await Task.sleep(for: limit)) != nil else { return }
          self.end(id, with: WaitTimedOut(what: what, limit: limit))
        }
        let immediate: Result<Void, any Error>? = state.withLock { state in
          if isSatisfied(state.value) { return .success(()) }
          if Task.isCancelled { return .failure(CancellationError()) }
          state.waiters[id] = Waiter(isSatisfied: isSatisfied, continuation: continuation, timer: timer)
          return nil
        }
        guard let immediate else { return }
        timer.cancel()
        continuation.resume(with: immediate)
      }
    } onCancel: {
      end(id, with: CancellationError())
    }
    return value
  }

  private func end(_ id: UInt64, with error: any Error) {
    guard let waiter = state.withLock({ $0.waiters.removeValue(forKey: id) }) else { return }
    waiter.timer.cancel()
    waiter.continuation.resume(throwing: error)
  }
}

/// A wait that reached its limit.
package struct WaitTimedOut: Error, CustomStringConvertible {
  package let what: String
  package let limit: Duration

  package init(what: String, limit: Duration) {
    self.what = what
    self.limit = limit
  }

  package var description: String { "waited \(limit) for \(what)" }
}
