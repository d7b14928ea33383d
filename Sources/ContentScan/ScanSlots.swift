import NIOConcurrencyHelpers

/// How many messages a scanner looks at at once. Who comes then waits in line, until it is cancelled.
final class ScanSlots: Sendable {
  private struct State {
    var free: Int
    var line: [(number: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
    var next: UInt64 = 0
    /// Cancelled before they stood in line.
    var gone: Set<UInt64> = []
  }

  private let state: NIOLockedValueBox<State>

  init(_ count: Int) { state = NIOLockedValueBox(State(free: max(1, count))) }

  var waiting: Int { state.withLockedValue(\.line.count) }

  /// - Throws: `.timedOut` when the caller was cancelled before its turn; else what `work` throws.
  func run<T: Sendable>(_ work: () async throws(ScannerFailure) -> T) async throws(ScannerFailure) -> T {
    guard await enter() else { throw .timedOut }
    defer { leave() }
    return try await work()
  }

  private func enter() async -> Bool {
    let number = state.withLockedValue { state in
      state.next += 1
      return state.next
    }
    return await withTaskCancellationHandler {
      let mayEnter = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        let answer: Bool? = state.withLockedValue { state in
          if state.gone.remove(number) != nil { return false }
          guard state.free > 0 else {
            state.line.append((number, continuation))
            return nil
          }
          state.free -= 1
          return true
        }
        if let answer { continuation.resume(returning: answer) }
      }
      // A cancellation that came too late to matter has left its mark.
      _ = state.withLockedValue { $0.gone.remove(number) }
      return mayEnter
    } onCancel: {
      let waiter = state.withLockedValue { state -> CheckedContinuation<Bool, Never>? in
        guard let index = state.line.firstIndex(where: { $0.number == number }) else {
          state.gone.insert(number)
          return nil
        }
        return state.line.remove(at: index).continuation
      }
      waiter?.resume(returning: false)
    }
  }

  private func leave() {
    let next = state.withLockedValue { state -> CheckedContinuation<Bool, Never>? in
      guard !state.line.isEmpty else {
        state.free += 1
        return nil
      }
      return state.line.removeFirst().continuation
    }
    next?.resume(returning: true)
  }
}
