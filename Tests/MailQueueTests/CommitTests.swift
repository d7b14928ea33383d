import MailModel
import MailQueue
import MailTesting
import NIOConcurrencyHelpers
import Postgres
import Testing

/// A receipt is a promise: it is given only for what is as durable as the database was told to make it.
///
/// The server is told to wait for a standby that does not exist, so that every COMMIT waits for as long as the test
/// wants. What is not under test commits locally.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CommitTests {
  private static let server = Task {
    let server = try await PostgresServer(settings: ["synchronous_commit": "local"])
    try await setStandby("nobody", server)
    return server
  }

  private static func setStandby(_ name: String, _ server: PostgresServer) async throws {
    try await server.query("ALTER SYSTEM SET synchronous_standby_names = '\(name)'")
    try await server.query("SELECT pg_reload_conf()")
    if name.isEmpty { return }
    // The checkpointer tells the others; until it has, a COMMIT does not wait.
    try await eventually("commits to wait for the standby") { try await aCommitWaits(server) }
  }

  /// Tries a COMMIT, and cancels its wait when it has to wait.
  private static func aCommitWaits(_ server: PostgresServer) async throws -> Bool {
    let probe = try ProcessHarness(
      "psql",
      [
        "-XqAt", "-d", server.url() + "?application_name=probe", "-c", "SET synchronous_commit = on", "-c",
        "CREATE TABLE IF NOT EXISTS probe (); DROP TABLE probe",
      ])
    let cancel = """
      SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'probe' AND wait_event = 'SyncRep'
      """
    try await eventually("the probe's end") {
      try await server.query(cancel)
      return !probe.isRunning
    }
    return probe.output.contains("canceling wait for synchronous replication")
  }

  private struct Case {
    let fixture: QueueFixture
    let pool: PostgresPool
    let writer: MessageWriter
    let result = NIOLockedValueBox<Result<EnqueueReceipt, EnqueueFailure>?>(nil)

    /// - Parameter limit: of a statement.
    init(limit: Duration) async throws {
      fixture = try await QueueFixture(server: try await CommitTests.server.value)
      // The lane is there already, so that only the message itself is written under test.
      _ = try await fixture.writer().enqueue(fixture.message())
      pool = PostgresPool(
        PostgresConfiguration(
          url: fixture.database.url, role: "under test", statementTimeout: limit,
          preamble: ["SET synchronous_commit = on"]), threads: 2)
      writer = MessageWriter(pool: pool, policy: EnqueuePolicy(master: fixture.master))
    }

    func begin() {
      writer.enqueue(fixture.message()) { [result] answer in result.withLockedValue { $0 = answer } }
    }

    /// What the connections under test that wait for the standby have said last.
    func waiting() async throws -> String {
      try await fixture.database.query(
        "SELECT query FROM pg_stat_activity WHERE application_name = 'under test' AND wait_event = 'SyncRep'")
    }

    func answer() async throws -> Result<EnqueueReceipt, EnqueueFailure> {
      try await eventually("an answer") { [result] in result.withLockedValue { $0 } != nil }
      return try #require(result.withLockedValue { $0 })
    }

    func isUnavailable(_ answer: Result<EnqueueReceipt, EnqueueFailure>) -> String? {
      if case .failure(.unavailable(let why)) = answer { why } else { nil }
    }
  }

  @Test func aReceiptWaitsForTheStandby() async throws {
    let test = try await Case(limit: .seconds(120))
    test.begin()
    try await eventually("COMMIT waits") { try await test.waiting() != "" }
    // The commit is on this server's disk, and all the same nobody is told.
    #expect(try await test.fixture.jobs() == 1)
    #expect(test.result.withLockedValue { $0 } == nil)
    try await Self.setStandby("", test.fixture.database.server)
    _ = try await test.answer().get()
    #expect(try await test.fixture.jobs() == 2)
    try await Self.setStandby("nobody", test.fixture.database.server)
    test.pool.shutdown()
  }

  /// PostgreSQL answers COMMIT with success and a warning when the wait for the standby is cancelled.
  @Test func aCommitWhoseWaitIsCancelledGivesNoReceipt() async throws {
    let test = try await Case(limit: .seconds(120))
    test.begin()
    try await eventually("the commit's wait is cancelled") {
      try await test.fixture.database.query(
        """
        SELECT pg_cancel_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'under test' AND wait_event = 'SyncRep'
        """)
      return test.result.withLockedValue { $0 } != nil
    }
    let why = try #require(test.isUnavailable(try await test.answer()))
    #expect(why.contains("warning"), "\(why)")
    #expect(try await test.fixture.jobs() == 2, "it is committed here, which is the lesser evil")
    test.pool.shutdown()
  }

  @Test func aCommitThatTakesTooLongDropsTheConnectionAndCancelsNothing() async throws {
    let test = try await Case(limit: .seconds(5))
    test.begin()
    let why = try #require(test.isUnavailable(try await test.answer()))
    #expect(why.contains("time limit"), "\(why)")
    try await eventually("its backend waits on") { try await test.waiting() != "" }
    try await Self.setStandby("", test.fixture.database.server)
    try await eventually("the backend's end") { try await test.waiting() == "" }
    try await eventually("mail is taken again") {
      test.result.withLockedValue { $0 = nil }
      test.begin()
      let answer = try await test.answer()
      // A slow machine's; a connection that was dropped and is used again would say something else.
      if test.isUnavailable(answer)?.contains("time limit") == true { return false }
      _ = try answer.get()
      return true
    }
    try await Self.setStandby("nobody", test.fixture.database.server)
    test.pool.shutdown()
  }
}
