package import Logging
package import MailQueue
internal import NIOConcurrencyHelpers
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
  /// Whole days after which a day's messages, bodies and outcomes are dropped.
  package var retentionDays: Int32 = 30
  package var policy: EnqueuePolicy

  package init(name: String, nodeName: String, policy: EnqueuePolicy) {
    self.name = name
    self.nodeName = nodeName
    self.policy = policy
  }
}

/// The upkeep of the queue. One keeper leads at a time; the others wait for their turn.
///
/// Every duty can die anywhere and be done again by the next leader. Expiry and notices check the leader's epoch in
/// their own transactions, and whatever has an effect outside is queued there too. Ending dead sessions, waking lanes
/// and the partitions need no epoch: they look again at what they change and may be done twice.
package struct KeeperService: Service {
  private let configuration: KeeperConfiguration
  private let database: PostgresPool
  private let bodies: BodyStore
  private let logger: Logger

  package init(configuration: KeeperConfiguration, database: PostgresPool, bodies: BodyStore, logger: Logger) {
    self.configuration = configuration
    self.database = database
    self.bodies = bodies
    self.logger = logger
  }

  package func run() async throws {
    var known: Leadership?
    var contact = DatabaseContact(gapMax: max(configuration.interval * 2, .seconds(2)))
    let duties = Duties(configuration: configuration, database: database, bodies: bodies, logger: logger)
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      known = await lead(known, duties, &contact)
      let pause = configuration.interval * Double.random(in: 0.8...1.0)
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
    if let known { try? await database.run { try known.resign($0) } }
  }

  private func lead(_ before: Leadership?, _ duties: Duties, _ contact: inout DatabaseContact) async -> Leadership? {
    do {
      let (name, patience) = (configuration.name, configuration.patience)
      let leadership = try await database.run {
        try Leadership.take(holder: name, patience: patience, $0)
      }
      contact.answered()
      guard let leadership else {
        if before != nil { logger.warning("another keeper leads now") }
        return nil
      }
      if leadership != before { logger.info("leading", metadata: ["epoch": "\(leadership.epoch)"]) }
      await duties.run(as: leadership, inContact: contact.duration)
      contact.answered()
      return leadership
    } catch {
      contact.failed()
      logger.warning("the keeper cannot reach the database", metadata: ["error": "\(error)"])
      return before
    }
  }
}

/// For how long the database has answered without a gap. After a gap, whatever its reason (restart, promotion, a cut,
/// a stall), the workers get a full lease to renew before their sessions may be ended.
struct DatabaseContact {
  let gapMax: Duration
  private var since = ContinuousClock.now
  private var last = ContinuousClock.now

  init(gapMax: Duration) { self.gapMax = gapMax }

  var duration: Duration { since.duration(to: last) }

  mutating func answered() {
    let now = ContinuousClock.now
    if last.duration(to: now) > gapMax { since = now }
    last = now
  }

  mutating func failed() { since = .now }
}
