internal import BounceRules
internal import CoreMetrics
package import Logging
package import MailQueue
internal import NIOConcurrencyHelpers
package import NodeMetrics
package import Postgres
internal import ServiceLifecycle

/// What a keeper needs to know.
package struct KeeperConfiguration: Sendable {
  /// Must differ between keepers: it names the leader.
  package var name: String
  /// In notices: who reports.
  package var nodeName: String
  package var interval: Duration = .seconds(5)
  /// A leader that has not renewed for so long is replaced.
  package var patience: Duration = .seconds(15)
  package var partitionsAhead: Int32 = 8
  /// Whole days after which a day's envelopes and outcomes are dropped.
  package var recordDays: Int32 = 90
  /// How often a past day's tables are looked at.
  package var rewriteInterval: Duration = .seconds(6 * 3600)
  package var policy: EnqueuePolicy
  package var notices = NoticeConfiguration()
  /// How often the leader looks at the queue for its metrics; nil: never.
  package var queueInterval: Duration?

  package init(name: String, nodeName: String, policy: EnqueuePolicy) {
    self.name = name
    self.nodeName = nodeName
    self.policy = policy
  }
}

/// How senders are told, where their tenants have no choice of their own.
package struct NoticeConfiguration: Sendable {
  /// A language tag.
  package var language = "en"
  /// Larger messages come back as their header, also when the sender asked for all of it. Bytes.
  package var wholeSizeMax = 1 << 20

  package init() {}
}

/// The upkeep of the queue. One keeper leads at a time; the others wait for their turn.
///
/// Every duty can die anywhere and be done again by the next leader. Expiry, redaction and notices check the leader's epoch in
/// their own transactions, and whatever has an effect outside is queued there too. Ending dead sessions, waking lanes
/// and the partitions need no epoch: they look again at what they change and may be done twice.
package struct KeeperService: Service {
  private let configuration: KeeperConfiguration
  private let database: PostgresPool
  private let bodies: BodyStore
  private let logger: Logger
  private let metrics: KeeperMetrics
  private let queue: QueueMetrics
  private let whenUsable: @Sendable () async -> Void

  /// - Parameter whenUsable: returns when the database may be used.
  package init(
    configuration: KeeperConfiguration, database: PostgresPool, bodies: BodyStore, logger: Logger,
    metrics: KeeperMetrics = KeeperMetrics(), queue: QueueMetrics = QueueMetrics(),
    whenUsable: @escaping @Sendable () async -> Void = {}
  ) {
    self.whenUsable = whenUsable
    self.metrics = metrics
    self.queue = queue
    self.configuration = configuration
    self.database = database
    self.bodies = bodies
    self.logger = logger
  }

  package func run() async throws {
    // Reports quote what replies mean.
    prepareBounceRules()
    await cancelWhenGracefulShutdown { await whenUsable() }
    var known: Leadership?
    var contact = DatabaseContact(gapMax: max(configuration.interval * 2, .seconds(2)))
    let duties = Duties(
      configuration: configuration, database: database, bodies: bodies, logger: logger, metrics: metrics, queue: queue)
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      let began = ContinuousClock.now
      known = await lead(known, duties, &contact)
      metrics.round.record(began.duration(to: .now))
      let pause = configuration.interval * Double.random(in: 0.8...1.0)
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
    if let known { try? await database.run { try known.resign($0) } }
  }

  private func lead(_ before: Leadership?, _ duties: Duties, _ contact: inout DatabaseContact) async -> Leadership? {
    do {
      let (name, patience) = (configuration.name, configuration.patience)
      let (leadership, server) = try await database.run { connection in
        let leadership = try Leadership.take(holder: name, patience: patience, connection)
        return (leadership, try DatabaseHealth.serverStart(connection))
      }
      contact.answered(by: server)
      guard let leadership else {
        if before != nil { logger.warning("another keeper leads now") }
        stopShowing()
        return nil
      }
      metrics.leading.set(1)
      if leadership != before { logger.info("leading", metadata: ["epoch": "\(leadership.epoch)"]) }
      await duties.run(as: leadership, inContact: contact.duration, server: server)
      contact.answered(by: server)
      return leadership
    } catch {
      contact.failed()
      stopShowing()
      logger.warning("the keeper cannot reach the database", metadata: ["error": "\(error)"])
      return before
    }
  }

  /// Who does not know whether it leads shows nothing about the queue.
  private func stopShowing() {
    metrics.leading.set(0)
    queue.hide()
  }
}

/// For how long the same server has answered without a gap. After a gap, whatever its reason (restart, promotion, a cut,
/// a stall), the workers get a full lease to renew before their sessions may be ended. A failover can be so quick that
/// there is no gap, and the new server's clock may say anything: so a change of server is one too.
struct DatabaseContact {
  let gapMax: Duration
  private var since = ContinuousClock.now
  private var last = ContinuousClock.now
  private var server: Int64?

  init(gapMax: Duration) { self.gapMax = gapMax }

  var duration: Duration { since.duration(to: last) }

  /// - Parameter server: `DatabaseHealth.serverStart`.
  mutating func answered(by server: Int64) {
    let now = ContinuousClock.now
    if last.duration(to: now) > gapMax || server != self.server { since = now }
    self.server = server
    last = now
  }

  mutating func failed() { since = .now }
}
