import Cryptography
import MailModel
import MailQueue
import MailTesting
import NIOConcurrencyHelpers
import NIOCore
import Postgres

/// A migrated database of its own, with what a role needs to use it.
final class QueueFixture: Sendable {
  let database: TestDatabase
  let directory: TemporaryDirectory
  let master: MasterKey
  let pool: PostgresPool
  let tenant: Int64

  /// - Parameter server: one of the test's own, when the shared one must not suffer.
  init(threads: Int = 4, server: PostgresServer? = nil) async throws {
    if let server {
      database = try await TestDatabase.make(on: server)
    } else {
      database = try await TestDatabase.make()
    }
    directory = try TemporaryDirectory()
    let keyFile = directory.path("master.key")
    try MasterKey.create(file: keyFile)
    master = try MasterKey.load(file: keyFile)
    let configuration = PostgresConfiguration.patient(url: database.url, preamble: PlannerSettings.preamble)
    try Schema.migrate(try configuration.connect(), purpose: .test)
    pool = PostgresPool(configuration, threads: threads)
    tenant = try await Self.addTenant("first", pool)
  }

  deinit { pool.shutdown() }

  static func addTenant(_ name: String, _ pool: PostgresPool) async throws -> Int64 {
    try await pool.run { connection in
      var parameters = PostgresParameters()
      parameters.append(name)
      return try connection.query(
        "INSERT INTO postrider.tenant (name) VALUES ($1::text) RETURNING id", parameters
      ).int64(0, 0)
    }
  }

  func connect() throws -> PostgresConnection {
    try PostgresConfiguration.patient(url: database.url).connect()
  }

  /// Begins an insertion of a job of the only message, as an acceptor does it, and does not commit.
  func openInsertion(recipient: Int, lane: Int64) throws -> PostgresConnection {
    let connection = try connect()
    _ = try connection.query("BEGIN")
    _ = try connection.query(
      "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock_shared(7001, \(lane % 256))::text")
    _ = try connection.query(
      """
      INSERT INTO postrider.job (message, recipient, lane, day, due, event_at)
      SELECT m.id, \(recipient), \(lane), m.day, postrider.schedule_now(), m.expires_at FROM postrider.message m
      """)
    return connection
  }

  func writer(_ limits: MessageWriter.Limits = MessageWriter.Limits()) -> MessageWriter {
    MessageWriter(pool: pool, policy: EnqueuePolicy(master: master), limits: limits)
  }

  func message(
    to recipients: [String] = ["bob@example.org"], text: String = "Subject: hello\r\n\r\nhello\r\n",
    tenant: Int64? = nil
  ) -> NewMessage {
    NewMessage(
      id: QueueID(unixMilliseconds: 1_700_000_000_000), tenant: tenant ?? self.tenant, credential: nil,
      envelope: Envelope(
        reversePath: MailAddress(trusted: "alice@example.com"),
        recipients: recipients.compactMap { MailAddress(trusted: $0).map { Recipient(address: $0) } }),
      content: .memory(ByteBuffer(string: text)), session: "test", clientAddress: "127.0.0.1")
  }

  /// Begins a worker session.
  func session(lease: Duration = .seconds(30)) async throws -> QueueID {
    let id = QueueID(unixMilliseconds: 1)
    try await pool.run { try WorkerSessions.begin(id: id, node: "test", lease: lease, $0) }
    return id
  }

  /// As a keeper does it that has been in contact for so long with the server that answers now.
  func endDead(inContact: Duration) async throws -> [QueueID] {
    try await pool.run { connection in
      try WorkerSessions.endDead(
        inContact: inContact, serverStart: try DatabaseHealth.serverStart(connection), connection
      ).map(\.id)
    }
  }

  func claim(_ session: QueueID, counter: Int64 = 1, rows: Int = 1000) async throws
    -> [ClaimedMessage]
  {
    try await claimBatch(session, counter: counter, rows: rows).messages
  }

  func claimBatch(_ session: QueueID, counter: Int64 = 1, rows: Int = 1000) async throws -> ClaimedBatch {
    try await pool.run { connection in
      var cursor = FairCursor()
      return try Claims.take(
        session: session, counter: counter, cursor: &cursor, rowsMax: rows, connection)
    }
  }

  func complete(
    _ claimed: [ClaimedMessage], as disposition: Disposition, session: QueueID, success: OutboxKind? = nil
  ) async throws -> Int {
    let done = claimed.flatMap { message in
      message.jobs.map {
        CompletedJob(
          job: $0, tenant: message.tenant, disposition: disposition,
          attempt: Attempt(result: .delivered(Reply(250, EnhancedStatus(2, 0, 0), "ok"))), success: success)
      }
    }
    return try await pool.run { try Completions.write(done, session: session, $0) }
  }

  func jobs() async throws -> Int { Int(try await database.query("SELECT count(*) FROM postrider.job")) ?? -1 }

  /// Moves schedule time on.
  func advance(_ interval: String) async throws {
    try await database.query("UPDATE postrider.installation SET schedule_offset = schedule_offset + '\(interval)'")
  }
}

extension MessageEnqueuing {
  func enqueue(_ message: NewMessage) async throws -> EnqueueReceipt {
    try await withCheckedThrowingContinuation { continuation in
      enqueue(message) { continuation.resume(with: $0) }
    }
  }
}
