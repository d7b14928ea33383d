import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// What a node does all day, in the order in which a message goes through it, for tests of the statements behind it.
final class HotStatements {
  struct Step {
    let name: String
    /// The beginnings of the names of indexes that serve it; a partition's index bears the partition's name.
    let indexes: [String]
    /// The same, of those that it has no need of.
    var spared: [String] = []
    /// Makes sure that there is something to do; not part of what is looked at.
    var prepare: (HotStatements) async throws -> Void = { _ in }
    let run: (HotStatements) async throws -> Void
  }

  static var steps: [Step] {
    [
      Step(name: "enqueue", indexes: ["lane_tenant_destination_key", "lane_pkey"]) { try await $0.enqueue() },
      Step(
        name: "claim", indexes: ["lane_ready", "lane_waiting", "lane_pkey", "job_lane", "job_sibling", "message_"],
        spared: ["job_pkey"], prepare: { try await $0.goAround() }
      ) {
        try await $0.claim()
      },
      Step(name: "read bodies", indexes: ["body_chunk_"]) { try await $0.readBodies() },
      Step(name: "complete", indexes: ["job_pkey", "lane_pkey"]) { try await $0.complete() },
      Step(name: "note delays", indexes: ["job_look", "job_pkey", "message_"], prepare: { try await $0.makeLate() }) {
        try await $0.noteDelays()
      },
      Step(name: "expire", indexes: ["job_look", "job_pkey", "message_"], prepare: { try await $0.makeOverdue() }) {
        try await $0.expire()
      },
      Step(name: "find notices", indexes: ["outbox_pkey", "job_pkey"]) { try await $0.findNotices() },
      Step(
        name: "queue notices", indexes: ["outbox_message", "message_", "outcome_", "body_chunk_"],
        prepare: { try await $0.collectNotices() }
      ) {
        try await $0.queueNotices()
      },
      Step(
        name: "redact", indexes: ["redaction_due", "job_pkey", "message_", "outcome_", "outbox_message"],
        prepare: { try await $0.endMessages() }
      ) {
        try await $0.redact()
      },
      Step(name: "take parked", indexes: ["lane_parked", "job_lane", "job_pkey"], prepare: { try await $0.park() }) {
        try await $0.takeParked()
      },
      Step(
        name: "suppressions follow", indexes: ["suppression_following", "suppression_tenant"],
        prepare: { try await $0.suppressMany() }
      ) {
        try await $0.followTenant()
      },
    ]
  }

  private let queue: QueueFixture
  private let session: QueueID
  private var counter: Int64 = 0
  private var cursor = FairCursor()
  private var claimed: [ClaimedMessage] = []
  private var notices: [PendingNotice] = []

  init(queue: QueueFixture) async throws {
    self.queue = queue
    session = try await queue.session()
  }

  /// Through a writer that knows no lane yet.
  private func enqueue() async throws {
    let recipients = (1...6).map { "r\($0)@d\($0).example" } + ["new@new\(counter).example", "bob@large.example"]
    _ = try await queue.writer().enqueue(queue.message(to: recipients))
  }

  /// The largest lane, and a few others, wait for a slowed site.
  private func park() async throws {
    let lanes = try await queue.database.query(
      """
      (SELECT id FROM postrider.lane WHERE destination = 'large.example')
      UNION (SELECT id FROM postrider.lane ORDER BY id LIMIT 5)
      """
    ).split(separator: "\n").compactMap { Int64($0) }
    let trouble = SiteTrouble(
      site: "mx.example", state: .slowed, incident: 1, category: "rate_limit", pause: .zero, lasts: .seconds(3600),
      times: 1, rate: 60, normal: 120, source: "192.0.2.1", attempt: Attempt(result: .notTried("less, please")))
    #expect(try await queue.pool.run { try Sites.mark(trouble, lanes: lanes, $0) })
  }

  private func takeParked() async throws {
    counter += 1
    let (session, counter) = (session, counter)
    let allowance = ParkedAllowance(
      source: "192.0.2.1", sites: [.init(name: "mx.example", incident: 1, messages: 4)])
    _ = try await queue.pool.run { connection in
      try Claims.takeParked(session: session, counter: counter, allowance, connection)
    }
  }

  private func suppressMany() async throws {
    try await queue.database.query(
      """
      INSERT INTO postrider.suppression (address, tenant, reason, added_at, expires_at, to_follow)
      SELECT 'r' || n || '@example.org', \(queue.tenant), 1, now(), now() + interval '1 day', n % 2 = 0
      FROM generate_series(1, 700) n ON CONFLICT DO NOTHING
      """)
  }

  /// The first of the marked entries, and then the whole list in pages; to where it is already.
  private func followTenant() async throws {
    let tenant = queue.tenant
    try await queue.pool.run { connection in
      for fresh in try SuppressionCopies.fresh(connection) {
        try SuppressionCopies.add(fresh, to: connection)
        try SuppressionCopies.settle(fresh, connection)
      }
      try SuppressionCopies.copy(tenant, from: connection, to: connection)
    }
  }

  /// Jobs that the last claim has got.
  var claimedCount: Int { claimed.reduce(0) { $0 + $1.jobs.count } }

  /// As a worker does, which remembers whose turn it is.
  func claim(rows: Int = 300) async throws {
    counter += 1
    let (session, counter, before) = (session, counter, cursor)
    (claimed, cursor) = try await queue.pool.run { connection in
      var cursor = before
      let claimed = try Claims.take(
        session: session, counter: counter, cursor: &cursor, rowsMax: rows, connection
      ).messages
      return (claimed, cursor)
    }
  }

  /// So that it remembers many tenants.
  private func goAround() async throws {
    for _ in 1...12 { try await claim() }
  }

  private func readBodies() async throws {
    let (bodies, claimed) = (BodyStore(master: queue.master), claimed)
    try await queue.pool.run { connection in
      _ = try bodies.readWhole(claimed, connection)
      // What cannot be decrypted has been read all the same.
      if let first = claimed.first { _ = try? bodies.readChunk(0, of: first, connection) }
    }
  }

  /// Every disposition takes its turn.
  private func complete() async throws {
    let dispositions: [Disposition] = [.delivered, .deferred(.seconds(60)), .bounced(notify: true), .handedBack]
    let reply = Attempt(result: .delivered(Reply(250, EnhancedStatus(2, 0, 0), "ok")))
    let done = claimed.flatMap { message in message.jobs.map { (message.tenant, $0) } }.enumerated().map {
      CompletedJob(
        job: $1.1, tenant: $1.0, disposition: dispositions[$0 % dispositions.count], attempt: reply)
    }
    let session = session
    try await queue.pool.run { _ = try Completions.write(done, session: session, $0) }
  }

  private func makeOverdue() async throws {
    try await queue.database.query(
      """
      UPDATE postrider.job SET event_at = 'epoch' WHERE (message, recipient) IN (
        SELECT message, recipient FROM postrider.job WHERE claim_session IS NULL ORDER BY due LIMIT 600)
      """)
  }

  private func makeLate() async throws {
    try await queue.database.query(
      """
      UPDATE postrider.job SET delay_at = 'epoch' WHERE (message, recipient) IN (
        SELECT message, recipient FROM postrider.job WHERE claim_session IS NULL ORDER BY due LIMIT 600)
      """)
  }

  private func noteDelays() async throws {
    try await queue.pool.run { connection in
      let leadership = try Leadership.take(holder: "test", patience: .seconds(60), connection)
      if let leadership { _ = try Delays.noteDue(guardedBy: leadership.guardStatement, connection) }
    }
  }

  private func expire() async throws {
    try await queue.pool.run { connection in
      let leadership = try Leadership.take(holder: "test", patience: .seconds(60), connection)
      if let leadership { _ = try Expiry.endOverdue(guardedBy: leadership.guardStatement, connection) }
    }
  }

  /// Some that wait are on the list, too.
  private func endMessages() async throws {
    try await queue.database.query(
      """
      DELETE FROM postrider.job WHERE message IN (
        SELECT message FROM postrider.job WHERE claim_session IS NULL ORDER BY due LIMIT 300);
      UPDATE postrider.redaction SET due = 'epoch' WHERE ctid IN (
        SELECT ctid FROM postrider.redaction ORDER BY due LIMIT 600)
      """)
  }

  private func redact() async throws {
    try await queue.pool.run { connection in
      let leadership = try Leadership.take(holder: "test", patience: .seconds(60), connection)
      if let leadership { _ = try Redaction.redactDue(guardedBy: leadership.guardStatement, connection) }
    }
  }

  private func findNotices() async throws {
    notices = try await queue.pool.run { try Outbox.pending($0).ready }
  }

  /// Failures are told when they are a minute old.
  private func collectNotices() async throws {
    try await queue.advance("2 minutes")
    try await findNotices()
  }

  private func queueNotices() async throws {
    let (notice, pending) = (queue.message(to: ["alice@example.com"]), notices.prefix(3))
    let (bodies, policy) = (BodyStore(master: queue.master), EnqueuePolicy(master: queue.master))
    try await queue.pool.run { connection in
      let leadership = try Leadership.take(holder: "test", patience: .seconds(60), connection)
      for (number, subject) in pending.enumerated() {
        var notice = notice
        notice.id = QueueID(unixMilliseconds: UInt64(number))
        guard let leadership else { return }
        _ = try Outbox.consume(
          subject, guardedBy: leadership.guardStatement, reading: NoticeReading(bodies: bodies, wholeSizeMax: 1 << 20),
          policy: policy, connection
        ) { _ in notice }
      }
    }
  }
}
