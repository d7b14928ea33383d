package import Logging
package import MailQueue
package import NodeMetrics
package import Observability
package import Postgres
package import Redis
package import ReturnPaths
package import Routing
package import SMTPClient

/// What a worker works with. Their makers also end them, after the worker has ended.
package struct WorkerServices: Sendable {
  /// For claims, outcomes and bodies; at least three threads.
  package var database: PostgresPool
  /// One thread, so that a heartbeat never waits behind other work.
  package var heartbeats: PostgresPool
  package var bodies: BodyStore
  package var router: Router
  package var connections: ConnectionPool
  package var mailLog: MailLog
  package var logger: Logger
  package var metrics: WorkerMetrics
  /// Anything that arrives means: there may be new mail. Only a hint.
  package var hints: AsyncStream<Void>
  /// Where workers share what slowed sites may get; nil: each goes by what it knows.
  package var redis: RedisClient?
  /// The database's name among several; nil: it is the only one.
  package var shard: String?
  /// Makes the return paths of tenants that have a host for them; nil: every message keeps its sender's address.
  package var returnPaths: ReturnPathKeys?
  /// Returns when the database may be used.
  package var whenUsable: @Sendable () async -> Void = {}

  package init(
    database: PostgresPool, heartbeats: PostgresPool, bodies: BodyStore, router: Router, connections: ConnectionPool,
    mailLog: MailLog, logger: Logger, hints: AsyncStream<Void> = AsyncStream { _ in },
    metrics: WorkerMetrics = WorkerMetrics()
  ) {
    self.database = database
    self.heartbeats = heartbeats
    self.bodies = bodies
    self.router = router
    self.connections = connections
    self.mailLog = mailLog
    self.logger = logger
    self.metrics = metrics
    self.hints = hints
  }
}
