package import CoreMetrics

/// What a keeper counts about domains and their records.
package final class DomainMetrics: Sendable {
  package let seen: Counter
  package let absent: Counter
  package let unknown: Counter
  package let failed: Counter
  private let states: GaugeFamilies

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    seen = Metric.domainChecks.counter(factory, "seen")
    absent = Metric.domainChecks.counter(factory, "absent")
    unknown = Metric.domainChecks.counter(factory, "unknown")
    failed = Metric.domainChecks.counter(factory, "failed")
    states = GaugeFamilies(factory)
  }

  package func show(proven: Int64, unproven: Int64, vanished: Int64, keysWaiting: Int64) {
    states.replace([
      .init(.domains, ["proven"], Double(proven)), .init(.domains, ["unproven"], Double(unproven)),
      .init(.domains, ["vanished"], Double(vanished)), .init(.keysWaiting, [], Double(keysWaiting)),
    ])
  }
}
