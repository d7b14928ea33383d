internal import NIOConcurrencyHelpers
package import MailModel

/// One worker session as its own worker sees it: an id, and how long its claims are certainly still its own.
///
/// The lease counts from when the last successful heartbeat was *sent* (the database dated it no earlier), on a
/// clock that runs through suspend, so that a worker that was frozen knows it as soon as it thaws.
package final class WorkerLease: Sendable {
  private struct State {
    var renewedAt: ContinuousClock.Instant
    var hasEnded = false
    var counter: Int64 = 0
    var lostClaims: [Int64] = []
  }

  package let id: QueueID
  package let duration: Duration
  private let state: NIOLockedValueBox<State>

  /// - Parameter sent: when the statement that began the session was sent.
  package init(id: QueueID, duration: Duration, sent: ContinuousClock.Instant) {
    self.id = id
    self.duration = duration
    state = NIOLockedValueBox(State(renewedAt: sent))
  }

  /// Whether what the claims allow may still be done at `moment`. A second is kept in hand for the way to the wire.
  package func holds(at moment: ContinuousClock.Instant = .now) -> Bool {
    #if POSTRIDER_UNSAFE_NO_FENCE
      // Only for the proof that `scripts/chaos` notices when this is missing.
      return true
    #else
      return state.withLockedValue { !$0.hasEnded && moment - $0.renewedAt < duration - .seconds(1) }
    #endif
  }

  /// Since the last heartbeat that was answered was sent.
  package var age: Duration { state.withLockedValue { $0.renewedAt.duration(to: .now) } }

  package func renewed(sent: ContinuousClock.Instant) {
    state.withLockedValue { $0.renewedAt = max($0.renewedAt, sent) }
  }

  /// The database says so: for ever.
  package func end() { state.withLockedValue { $0.hasEnded = true } }

  package var hasEnded: Bool { state.withLockedValue { $0.hasEnded } }

  /// The number of the next claim: with the id it is that claim's token.
  package func nextCounter() -> Int64 {
    state.withLockedValue { state in
      state.counter += 1
      return state.counter
    }
  }

  /// Notes a claim whose answer never came: perhaps the database has it. It is declared void before the next one.
  package func lost(_ counter: Int64) { state.withLockedValue { $0.lostClaims.append(counter) } }

  package var lostClaims: [Int64] { state.withLockedValue { $0.lostClaims } }

  package func voided(_ counters: [Int64]) {
    state.withLockedValue { state in state.lostClaims.removeAll { counters.contains($0) } }
  }
}
