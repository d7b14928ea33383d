internal import CoreMetrics
internal import Logging
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import NodeMetrics
internal import Postgres

/// What the leading keeper does in each round. A duty that fails is logged and tried again in the next round; it
/// does not keep the others from their turn.
struct Duties {
  let configuration: KeeperConfiguration
  let database: PostgresPool
  let bodies: BodyStore
  let logger: Logger
  private let metrics: KeeperMetrics
  private let queue: QueueMetrics
  private let reconciledAt = NIOLockedValueBox<ContinuousClock.Instant?>(nil)
  private let lookedAt = NIOLockedValueBox<ContinuousClock.Instant?>(nil)

  init(
    configuration: KeeperConfiguration, database: PostgresPool, bodies: BodyStore, logger: Logger,
    metrics: KeeperMetrics = KeeperMetrics(), queue: QueueMetrics = QueueMetrics()
  ) {
    self.metrics = metrics
    self.queue = queue
    self.configuration = configuration
    self.database = database
    self.bodies = bodies
    self.logger = logger
  }

  /// - Parameters:
  ///   - inContact: for how long the server has answered without a gap.
  ///   - server: which one it is.
  func run(as leader: Leadership, inContact: Duration, server: Int64) async {
    await attempt("end dead sessions") { try await endDeadSessions(inContact, server) }
    await attempt("make partitions") { try await makePartitions() }
    await attempt("drop partitions") { try await dropPartitions() }
    await attempt("wake lanes") { try await wakeLanes() }
    await attempt("note delays") { try await noteDelays(leader) }
    await attempt("expire") { try await expire(leader) }
    await attempt("send notices") { try await sendNotices(leader) }
    await attempt("expire suppressions") { try await expireSuppressions() }
    await attempt("redact") { try await redact(leader) }
    await attempt("tend past days") { try await tendDays() }
    await attempt("look at the queue") { try await lookAtQueue() }
  }

  private func attempt(_ duty: String, _ body: () async throws -> Void) async {
    do {
      try await body()
    } catch {
      metrics.failed(duty)
      logger.warning("a duty failed", metadata: ["duty": "\(duty)", "error": "\(error)"])
    }
  }

  private func endDeadSessions(_ inContact: Duration, _ server: Int64) async throws {
    let ended = try await database.run { connection in
      try WorkerSessions.endDead(inContact: inContact, serverStart: server, connection)
    }
    for (id, node) in ended {
      metrics.sessionsEnded.increment()
      logger.warning("a worker session's lease ran out", metadata: ["session": "\(id)", "node": "\(node)"])
    }
  }

  private func isDue(_ last: NIOLockedValueBox<ContinuousClock.Instant?>, every interval: Duration) -> Bool {
    last.withLockedValue { last in
      guard last.map({ $0.duration(to: .now) >= interval }) ?? true else { return false }
      last = .now
      return true
    }
  }

  private func lookAtQueue() async throws {
    guard let interval = configuration.queueInterval, isDue(lookedAt, every: interval) else { return }
    let began = ContinuousClock.now
    let sample = try await database.run { try QueueSample.take($0) }
    queue.show(QueueMetrics.Look(sample, took: began.duration(to: .now)))
  }

  /// Once a minute: it looks at every idle lane.
  private func wakeLanes() async throws {
    guard isDue(reconciledAt, every: .seconds(60)) else { return }
    let woken = try await database.run { try SleepingLanes.reconcile($0) }
    metrics.lanesWoken.increment(by: woken)
    if woken > 0 { logger.error("idle lanes had jobs to do and were woken", metadata: ["lanes": "\(woken)"]) }
  }

  private func makePartitions() async throws {
    let days = configuration.partitionsAhead
    let made = try await database.run { try Partitions.makeAhead($0, days: days) }
    if made > 0 { logger.info("partitions made", metadata: ["count": "\(made)"]) }
  }

  private func dropPartitions() async throws {
    let days = configuration.recordDays
    while let day = try await database.run({ try Partitions.dropOldest($0, retentionDays: days) }) {
      logger.info("a day's tables dropped", metadata: ["days_since_1970": "\(day.days)"])
    }
  }

  /// Keys first, then what remains of them on disk.
  private func redact(_ leader: Leadership) async throws {
    while true {
      let batch = try await database.run { try Redaction.redactDue(guardedBy: leader.guardStatement, $0) }
      metrics.redacted.increment(by: batch.redacted)
      if batch.redacted > 0 { logger.info("redacted", metadata: ["messages": "\(batch.redacted)"]) }
      if batch.seen < Redaction.Batch.size { return }
    }
  }

  /// One day after the other. A day whose tables are in use comes again in ten minutes, not in the next round: each
  /// attempt copies its table, and stops everybody for a moment.
  private func tendDays() async throws {
    let interval = configuration.rewriteInterval
    for day in try await database.run({ try Redaction.daysToTend(every: interval, $0) }) {
      let name: Logger.Metadata = ["days_since_1970": "\(day.days)"]
      do {
        let tended = try await database.run { try Redaction.tend(day, $0) }
        if tended.contains(.rewritten) { logger.info("what remained of destroyed keys is gone", metadata: name) }
        if tended.contains(.bodiesDropped) { logger.info("a day's bodies dropped", metadata: name) }
      } catch {
        let pause = min(interval, .seconds(600))
        try await database.run { try Redaction.lookAgain(at: day, earlier: interval - pause, $0) }
        logger.warning(
          "a past day could not be tended now", metadata: name.merging(["error": "\(error)"]) { first, _ in first })
      }
    }
  }

  /// A large backlog that comes of age at once is noted over several rounds: others have duties too.
  private func noteDelays(_ leader: Leadership) async throws {
    let began = ContinuousClock.now
    var noted = 0
    repeat {
      noted = try await database.run { try Delays.noteDue(guardedBy: leader.guardStatement, $0) }
      metrics.delayed.increment(by: noted)
      if noted > 0 { logger.info("delayed", metadata: ["recipients": "\(noted)"]) }
    } while noted == Delays.stepSize && began.duration(to: .now) < configuration.interval
  }

  private func expire(_ leader: Leadership) async throws {
    var ended = 0
    repeat {
      ended = try await database.run { try Expiry.endOverdue(guardedBy: leader.guardStatement, $0) }
      metrics.expired.increment(by: ended)
      if ended > 0 { logger.info("expired", metadata: ["recipients": "\(ended)"]) }
    } while ended == 500
  }

  /// 500 at a time; what is over counts no more already, so that there is no hurry.
  private func expireSuppressions() async throws {
    while try await database.run({ try Suppressions.expire($0) }) == 500 {}
  }

  /// From the oldest on, and for no longer than a round may take: one that fails must not keep the others waiting.
  private func sendNotices(_ leader: Leadership) async throws {
    let began = ContinuousClock.now
    var position: Int64? = 0
    while let from = position, began.duration(to: .now) < configuration.interval {
      let batch = try await database.run { try Outbox.pending(from: from, $0) }
      for pending in batch.ready { await send(pending, leader) }
      position = batch.next
    }
  }

  private func send(_ pending: PendingNotice, _ leader: Leadership) async {
    do {
      let reading = NoticeReading(bodies: bodies, wholeSizeMax: configuration.notices.wholeSizeMax)
      let sent = try await database.run { [configuration] connection in
        let now = try connection.query("SELECT postrider.schedule_now()").timestamp(0, 0).unixSeconds
        return try Outbox.consume(
          pending, guardedBy: leader.guardStatement, reading: reading, policy: configuration.policy, connection
        ) { compose(pending, $0, configuration, now: now) }
      }
      if sent { metrics.notices.increment() }
      logger.info(
        "notice", metadata: ["about": "\(pending.message)", "kind": "\(pending.kind)", "queued": "\(sent)"])
    } catch {
      logger.error("a notice failed", metadata: ["about": "\(pending.message)", "error": "\(error)"])
    }
  }
}
