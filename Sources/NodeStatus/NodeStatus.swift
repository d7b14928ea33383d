// What a process tells about itself over HTTP.
//
// `/healthz` says that it lives, `/readyz` whether it can do its work and why not, `/metrics` the numbers. Nothing
// here decides anything about mail: a process without it works the same.
internal import CoreMetrics
internal import NIOConcurrencyHelpers
package import NIOCore
package import NodeMetrics
package import Postgres
package import Redis

/// How one process is, as it tells load balancers, orchestrators and people.
package final class NodeStatus: Sendable {
  package typealias Check = @Sendable () async -> Condition

  private struct State {
    var phase = ReadinessReport.Phase.starting
    var checks: [(name: String, check: Check)] = []
  }

  private let state = NIOLockedValueBox(State())
  private let databases: [DatabaseDependency]
  private let redis: RedisDependency?
  private let registry: PrometheusRegistry?
  private let metrics: ProcessMetrics?

  /// - Parameters:
  ///   - databases: empty, or the one that the role cannot work without, then others that it can; their names where there are
  ///     others. Time limits of a few seconds; one connection is made to each.
  ///   - redis: nil: the role has nothing to do with it.
  ///   - registry: what the metrics API was bootstrapped with.
  package init(
    databases: [(shard: String?, database: PostgresConfiguration)], redis: RedisURL?, needs: StatusNeeds,
    registry: PrometheusRegistry,
    metrics: ProcessMetrics, group: any EventLoopGroup
  ) {
    self.databases = databases.enumerated().map { number, part in
      DatabaseDependency(
        part.database, needs: needs, shard: part.shard, isCritical: number == 0, eventLoop: group.next())
    }
    self.redis = redis.map { RedisDependency($0, group: group) }
    self.registry = registry
    self.metrics = metrics
  }

  /// For a process that tells nobody.
  package init() {
    databases = []
    redis = nil
    registry = nil
    metrics = nil
  }

  /// Everything has begun.
  package func begin() { state.withLockedValue { if $0.phase == .starting { $0.phase = .serving } } }

  /// From here on `/readyz` says no, whatever else is true.
  package func drain() { state.withLockedValue { $0.phase = .draining } }

  /// Adds something to look at. It must answer within a second or so.
  package func add(_ name: String, _ check: @escaping Check) {
    state.withLockedValue { $0.checks.append((name, check)) }
  }

  /// Adds an acceptor's certificate.
  /// - Parameter name: what clients connect to.
  package func addCertificate(file: String, name: String) {
    guard let metrics else { return }
    let certificate = CertificateDependency(file: file, name: name, metrics: metrics)
    add("certificate") { await certificate.condition() }
  }

  /// Adds what is done before the numbers are shown, for gauges that somebody else keeps. It must not block.
  package func beforeMetrics(_ body: @escaping @Sendable () -> Void) { registry?.beforeRendering(body) }

  /// Shows how much work waits for a pool's connections.
  package func watch(_ pool: PostgresPool, _ name: String) {
    guard let gauge = metrics?.databaseWaiting(pool: name) else { return }
    beforeMetrics { gauge.set(pool.waitingCount) }
  }

  /// Looks at everything.
  package func report() async -> ReadinessReport {
    async let redis = redis?.condition(metrics)
    let checks = state.withLockedValue { $0.checks }
    var conditions = await databaseConditions()
    if let redis = await redis { conditions.append(("redis", redis)) }
    for (name, check) in checks { conditions.append((name, await check())) }
    // The phase as it is now: a drain that began meanwhile counts.
    let report = ReadinessReport(phase: state.withLockedValue { $0.phase }, conditions: conditions)
    metrics?.ready.set(report.isReady ? 1 : 0)
    metrics?.draining.set(report.phase == .draining ? 1 : 0)
    return report
  }

  /// All are asked at once, and told in their order.
  private func databaseConditions() async -> [(check: String, condition: Condition)] {
    await withTaskGroup(of: (Int, [(check: String, condition: Condition)]).self) { group in
      for (number, database) in databases.enumerated() {
        group.addTask { (number, await database.conditions()) }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.flatMap(\.1)
    }
  }

  /// All numbers in Prometheus's text format.
  package func metricsText() async -> String {
    _ = await report()
    return registry?.rendered() ?? ""
  }

  package func shutdown() async {
    for database in databases { database.shutdown() }
    await redis?.shutdown()
  }
}
