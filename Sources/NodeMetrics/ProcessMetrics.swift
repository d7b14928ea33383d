package import CoreMetrics

/// What every process tells about itself and what it depends on.
package struct ProcessMetrics: Sendable {
  package let ready: Meter
  package let draining: Meter
  package let redisUp: Meter
  package let redisAnswer: Meter
  private let factory: any MetricsFactory

  package init(
    role: String, version: String, schema: Int32, _ factory: any MetricsFactory = MetricsSystem.factory
  ) {
    ready = Metric.ready.gauge(factory)
    draining = Metric.draining.gauge(factory)
    redisUp = Metric.redisUp.gauge(factory)
    redisAnswer = Metric.redisAnswer.gauge(factory)
    self.factory = factory
    Metric.build.gauge(factory, role, version, "\(schema)").set(1)
  }

  /// A pool's gauge, to be set before each rendering.
  package func databaseWaiting(pool: String) -> Meter { Metric.databaseWaiting.gauge(factory, pool) }

  package func certificateDays() -> Meter { Metric.certificateDays.gauge(factory) }
}

/// How one database is.
package struct DatabaseMetrics: Sendable {
  package let up: Meter
  package let answer: Meter
  package let partitionsAhead: Meter

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    up = Metric.databaseUp.gauge(factory)
    answer = Metric.databaseAnswer.gauge(factory)
    partitionsAhead = Metric.partitionsAhead.gauge(factory)
  }
}
