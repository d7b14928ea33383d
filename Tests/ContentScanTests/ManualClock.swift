import NIOConcurrencyHelpers

/// Time that goes on when a test says so.
final class ManualClock: Sendable {
  private let moment = NIOLockedValueBox(ContinuousClock.now)

  var now: ContinuousClock.Instant { moment.withLockedValue { $0 } }

  func advance(_ time: Duration) { moment.withLockedValue { $0 += time } }
}
