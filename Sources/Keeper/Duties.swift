internal import Logging
internal import MailFormat
internal import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Notices
internal import Postgres

/// What the leading keeper does in each round. A duty that fails is logged and tried again in the next round; it
/// does not keep the others from their turn.
struct Duties {
  let configuration: KeeperConfiguration
  let database: PostgresPool
  let bodies: BodyStore
  let logger: Logger
  private let reconciledAt = NIOLockedValueBox<ContinuousClock.Instant?>(nil)

  init(configuration: KeeperConfiguration, database: PostgresPool, bodies: BodyStore, logger: Logger) {
    self.configuration = configuration
    self.database = database
    self.bodies = bodies
    self.logger = logger
  }

  /// - Parameter inContact: for how long the database has answered without a gap.
  func run(as leader: Leadership, inContact: Duration) async {
    await attempt("end dead sessions") { try await endDeadSessions(inContact) }
    await attempt("make partitions") { try await makePartitions() }
    await attempt("drop partitions") { try await dropPartitions() }
    await attempt("wake lanes") { try await wakeLanes() }
    await attempt("expire") { try await expire(leader) }
    await attempt("send notices") { try await sendNotices(leader) }
  }

  private func attempt(_ duty: String, _ body: () async throws -> Void) async {
    do {
      try await body()
    } catch {
      logger.warning("a duty failed", metadata: ["duty": "\(duty)", "error": "\(error)"])
    }
  }

  private func endDeadSessions(_ inContact: Duration) async throws {
    for (id, node) in try await database.run({ try WorkerSessions.endDead(inContact: inContact, $0) }) {
      logger.warning("a worker session's lease ran out", metadata: ["session": "\(id)", "node": "\(node)"])
    }
  }

  /// Once a minute: it looks at every idle lane.
  private func wakeLanes() async throws {
    let isDue = reconciledAt.withLockedValue { last in
      guard last.map({ $0.duration(to: .now) >= .seconds(60) }) ?? true else { return false }
      last = .now
      return true
    }
    guard isDue else { return }
    let woken = try await database.run { try SleepingLanes.reconcile($0) }
    if woken > 0 { logger.error("idle lanes had jobs to do and were woken", metadata: ["lanes": "\(woken)"]) }
  }

  private func makePartitions() async throws {
    let days = configuration.partitionsAhead
    let made = try await database.run { try Partitions.makeAhead($0, days: days) }
    if made > 0 { logger.info("partitions made", metadata: ["count": "\(made)"]) }
  }

  private func dropPartitions() async throws {
    let retention = configuration.retentionDays
    while let day = try await database.run({ try Partitions.dropOldest($0, retentionDays: retention) }) {
      logger.info("a day's tables dropped", metadata: ["days_since_1970": "\(day.days)"])
    }
  }

  private func expire(_ leader: Leadership) async throws {
    var ended = 0
    repeat {
      ended = try await database.run { try Expiry.endOverdue(guardedBy: leader.guardStatement, $0) }
      if ended > 0 { logger.info("expired", metadata: ["recipients": "\(ended)"]) }
    } while ended == 500
  }

  private func sendNotices(_ leader: Leadership) async throws {
    let (bodies, configuration) = (bodies, configuration)
    for pending in try await database.run({ try Outbox.pending($0) }) {
      do {
        let sent = try await database.run { connection in
          let now = try connection.query("SELECT postrider.schedule_now()").timestamp(0, 0).unixSeconds
          return try Outbox.consume(
            pending, guardedBy: leader.guardStatement, bodies: bodies, policy: configuration.policy, connection
          ) { compose(pending, $0, nodeName: configuration.nodeName, now: now) }
        }
        logger.info("notice", metadata: ["about": "\(pending.message)", "queued": "\(sent)"])
      } catch {
        // The others must not wait for it.
        logger.error("a notice failed", metadata: ["about": "\(pending.message)", "error": "\(error)"])
      }
    }
  }
}

/// A failure notice as a message for the queue.
private func compose(_ pending: PendingNotice, _ subject: NoticeSubject, nodeName: String, now: Int64) -> NewMessage? {
  let original = OriginalMessage(
    id: pending.message, reversePath: subject.reversePath, envelopeID: subject.envelopeID,
    arrival: subject.acceptedAt.unixSeconds, header: headerSection(of: subject.beginning))
  let recipients = subject.recipients.map {
    ReportedRecipient(
      $0.recipient, after: $0.attempt, hasExpired: $0.hasExpired, lastAttempt: $0.lastAttempt.unixSeconds)
  }
  let id = QueueID(unixMilliseconds: UInt64(max(0, now)) * 1000)
  guard
    let notice = makeNotice(
      .failed, about: original, recipients: recipients, nodeName: nodeName, id: id, now: now)
  else { return nil }
  return NewMessage(
    id: id, tenant: pending.tenant, credential: nil, envelope: notice.envelope,
    content: .memory(ByteBuffer(bytes: notice.content)), session: "keeper", clientAddress: "",
    noticeOf: pending.message)
}

/// Everything up to the blank line, with it.
private func headerSection(of bytes: [UInt8]) -> [UInt8] {
  let end: [UInt8] = [13, 10, 13, 10]
  var index = 0
  while index + 4 <= bytes.count {
    if bytes[index] == 13, bytes[index..<index + 4].elementsEqual(end) { return Array(bytes[..<(index + 4)]) }
    index += 1
  }
  return bytes
}
