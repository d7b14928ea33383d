package import CoreMetrics

/// What an acceptor tells about limits.
package struct LimitMetrics: Sendable {
  /// One message counted in Redis.
  package let counting: Timer
  private let local: Meter
  private let refusals: [String: Counter]

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    counting = Metric.limitCounting.timer(factory)
    local = Metric.limitsLocal.gauge(factory)
    refusals = Dictionary(
      uniqueKeysWithValues: Self.limits.map { ($0, Metric.limitRefusals.counter(factory, $0)) })
  }

  /// Every value of the label `limit`.
  package static let limits: [String] =
    ["credential", "domain", "tenant"].flatMap { scope in
      ["messages", "recipients"].flatMap { kind in
        ["minute", "hour", "day"].map { "\(scope)_\(kind)_\($0)" }
      }
    } + [
      "warm_up", "recipients_at_once", "message_size", "failed_logins_address", "failed_logins_account",
      "sessions_address",
      "sessions_credential",
    ]

  package func refused(by limit: String) { refusals[limit]?.increment() }

  package func isLocal(_ isLocal: Bool) { local.set(isLocal ? 1 : 0) }
}
