package import Logging
internal import NIOConcurrencyHelpers
package import NodeMetrics
internal import Observability
package import Redis

/// Whether limits are shared just now: says it once when that changes, in the log and in a metric.
package final class RedisAbsence: Sendable {
  private let isAway = NIOLockedValueBox(false)
  private let logger: Logger
  private let metrics: LimitMetrics

  package init(logger: Logger, metrics: LimitMetrics = LimitMetrics()) {
    self.logger = logger
    self.metrics = metrics
  }

  /// A question to Redis was answered, or failed.
  func note(_ trouble: RedisError?) {
    let changed = isAway.withLockedValue { isAway in
      guard isAway != (trouble != nil) else { return false }
      isAway = trouble != nil
      return true
    }
    guard changed else { return }
    metrics.isLocal(trouble != nil)
    if let trouble {
      logger.warning(
        "limits are not shared for now: this acceptor allows its share of each",
        metadata: .fields([.reason: "\(trouble)"]))
    } else {
      logger.info("limits are shared through Redis again")
    }
  }
}

extension RedisConfiguration {
  /// For limits: whoever waits is a client with a complete message.
  ///
  /// After one silence the connection is given up. Until a new one has been greeted, questions fail at once, so that a
  /// Redis that hangs costs the messages of one moment this time, and each later one nothing.
  package static func forLimits(timeout: Duration) -> RedisConfiguration {
    var configuration = RedisConfiguration()
    configuration.commandTimeout = timeout
    configuration.pauseMax = .seconds(1)
    return configuration
  }
}
