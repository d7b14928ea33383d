package import Logging
package import MailQueue
package import Observability
package import Postgres
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
  /// Anything that arrives means: there may be new mail. Only a hint.
  package var hints: AsyncStream<Void>

  package init(
    database: PostgresPool, heartbeats: PostgresPool, bodies: BodyStore, router: Router, connections: ConnectionPool,
    mailLog: MailLog, logger: Logger, hints: AsyncStream<Void> = AsyncStream { _ in }
  ) {
    self.database = database
    self.heartbeats = heartbeats
    self.bodies = bodies
    self.router = router
    self.connections = connections
    self.mailLog = mailLog
    self.logger = logger
    self.hints = hints
  }
}
