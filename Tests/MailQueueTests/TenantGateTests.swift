import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// Which database takes a tenant's new mail, and from whom.
@Suite struct TenantGateTests {
  private func message(_ queue: QueueFixture, _ tenant: Int64, epoch: Int64?) -> NewMessage {
    var message = queue.message(tenant: tenant)
    message.epoch = epoch
    return message
  }

  private func isTaken(_ queue: QueueFixture, epoch: Int64?) async throws -> Bool {
    do {
      _ = try await queue.writer().enqueue(message(queue, queue.tenant, epoch: epoch))
      return true
    } catch EnqueueFailure.misplaced {
      return false
    }
  }

  @Test func onlyWhoKnowsThePlacementGetsIn() async throws {
    let queue = try await QueueFixture()
    let tenant = queue.tenant
    #expect(try await isTaken(queue, epoch: 0))
    #expect(try await !isTaken(queue, epoch: 1))
    try await queue.pool.run { try TenantGate.close(tenant, at: 2, $0) }
    #expect(try await !isTaken(queue, epoch: 0))
    #expect(try await !isTaken(queue, epoch: 2))
    // A notice goes where its message is.
    #expect(try await isTaken(queue, epoch: nil))
    try await queue.pool.run { try TenantGate.open(tenant, at: 3, $0) }
    #expect(try await isTaken(queue, epoch: 3))
    // Whoever is late changes nothing.
    try await queue.pool.run {
      try TenantGate.close(tenant, at: 2, $0)
      try TenantGate.open(tenant, at: 2, $0)
      try TenantGate.close(tenant, at: 3, $0)
    }
    #expect(try await isTaken(queue, epoch: 3))
    #expect(EnqueueFailure.misplaced.reply.code == 451)
  }

  /// One transaction carries messages of many tenants: the closed ones alone fail.
  @Test func aClosedTenantFailsAlone() async throws {
    let queue = try await QueueFixture(threads: 1)
    let other = try await QueueFixture.addTenant("second", queue.pool)
    let closed = queue.tenant
    try await queue.pool.run { try TenantGate.close(closed, at: 1, $0) }
    let writer = queue.writer()
    let results = await withTaskGroup(of: (Int64, Bool).self) { group in
      for number in 0..<60 {
        let tenant = number % 3 == 0 ? closed : other
        let message = message(queue, tenant, epoch: 0)
        group.addTask { (tenant, (try? await writer.enqueue(message)) != nil) }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.allSatisfy { $0.1 == ($0.0 == other) })
    #expect(try await queue.jobs() == 40)
  }

  /// An insertion that has passed the gate is waited for; one that comes while the gate is being closed fails.
  @Test func closingWaitsForWhoeverIsInside() async throws {
    let queue = try await QueueFixture()
    let tenant = queue.tenant
    let inside = try queue.connect()
    _ = try inside.query("BEGIN")
    _ = try inside.query("SELECT postrider.require_open(ARRAY[\(tenant)]::bigint[], ARRAY[0]::bigint[])")
    // As `TenantGate.close`, which would give up after two seconds: too soon where the machine is busy.
    async let closing: Void = queue.pool.run { _ = try $0.query("SELECT postrider.close_tenant(\(tenant), 1)") }
    let waiting = """
      SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7003 AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      """
    try await eventually("the closing waits") { try await queue.database.query(waiting) == "1" }
    async let late = isTaken(queue, epoch: 0)
    try await eventually("the late one waits too") { try await queue.database.query(waiting) == "2" }
    _ = try inside.query("COMMIT")
    try await closing
    #expect(try await !late)
  }

  /// A tenant's row elsewhere follows the directory and is closed until it is opened.
  @Test func aCopyBeginsClosed() async throws {
    let (home, shard) = (try await QueueFixture(), try await QueueFixture())
    try await home.database.query(
      "INSERT INTO postrider.tenant (name, weight, suspended_at) VALUES ('other', 1, NULL), ('third', 7, now())")
    let entry = try #require(try await home.pool.run { try TenantEntry.find(name: "third", $0) })
    try TenantCopies.make(entry.id, from: home.connect(), in: shard.connect())
    let gate = try await shard.pool.run { try TenantGate.find(entry.id, $0) }
    #expect(gate?.isOpen == false)
    let columns = "SELECT name, weight, suspended_at FROM postrider.tenant WHERE id = \(entry.id)"
    #expect(try await shard.database.query(columns) == home.database.query(columns))
    #expect(try await shard.database.query(columns).hasPrefix("third|7|2"))
    #expect(entry.placement == Placement())
    // Once more; and a tenant that has another name there is left alone.
    try TenantCopies.make(entry.id, from: home.connect(), in: shard.connect())
    try await shard.database.query("UPDATE postrider.tenant SET name = 'else' WHERE id = \(entry.id)")
    try await home.database.query("UPDATE postrider.tenant SET weight = 9 WHERE id = \(entry.id)")
    #expect(throws: PostgresError.self) { try TenantCopies.make(entry.id, from: home.connect(), in: shard.connect()) }
    #expect(try await shard.database.query("SELECT weight FROM postrider.tenant WHERE id = \(entry.id)") == "7")
  }

  /// Insertions, reports and notices read a tenant's choices where its mail is.
  @Test func aTenantsChoicesMoveWithIt() async throws {
    let (home, shard) = (try await QueueFixture(), try await QueueFixture())
    try await home.database.query(
      """
      UPDATE postrider.tenant SET retention = 60, return_path_host = 'returns.example', return_path_each = true,
        suppress_bounces = 0, suppress_complaints = 3600, notice_language = 'nl';
      INSERT INTO postrider.notice_template (tenant, kind, language, source) VALUES (\(home.tenant), 'failed', 'nl', 'a')
      """)
    try await shard.database.query("DELETE FROM postrider.tenant")
    func copied() async throws -> String {
      try await shard.database.query(
        """
        SELECT t.retention, t.retention_bounced, t.return_path_host, t.return_path_each, t.suppress_bounces,
          t.suppress_complaints, t.notice_language, n.source
        FROM postrider.tenant t LEFT JOIN postrider.notice_template n ON n.tenant = t.id
        """)
    }
    // Whoever is not known there is not made by the upkeep.
    try TenantCopies.copy(home.tenant, from: home.connect(), to: shard.connect())
    #expect(try await copied() == "")
    try TenantCopies.make(home.tenant, from: home.connect(), in: shard.connect())
    #expect(try await copied() == "60||returns.example|t|0|3600|nl|a")
    try await home.database.query(
      """
      UPDATE postrider.tenant SET return_path_host = NULL, suppress_complaints = NULL, suspended_at = now();
      DELETE FROM postrider.notice_template
      """)
    try TenantCopies.copy(home.tenant, from: home.connect(), to: shard.connect())
    #expect(try await copied() == "60|||t|0||nl|")
    let suspended = "SELECT suspended_at FROM postrider.tenant"
    #expect(try await shard.database.query(suspended) == home.database.query(suspended))
  }
}
