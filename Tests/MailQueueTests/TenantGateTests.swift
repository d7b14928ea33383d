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
    async let closing: Void = queue.pool.run { try TenantGate.close(tenant, at: 1, $0) }
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
    let gate = try await shard.pool.run {
      try TenantGate.copy(entry, $0)
      return try TenantGate.find(entry.id, $0)
    }
    #expect(gate?.isOpen == false && gate?.weight == 7 && gate?.suspendedAt == entry.suspendedAt)
    #expect(entry.placement == Placement())
  }

  /// Insertions and reports read a tenant's choices where its mail is.
  @Test func aTenantsChoicesMoveWithIt() async throws {
    let queue = try await QueueFixture()
    try await queue.database.query(
      """
      UPDATE postrider.tenant SET retention = 60, return_path_host = 'returns.example', return_path_each = true,
        suppress_bounces = 0, suppress_complaints = 3600
      """)
    let other = try await QueueFixture()
    try await other.database.query("DELETE FROM postrider.tenant")
    let (tenant, pool) = (queue.tenant, queue.pool)
    let found = try await pool.run { connection in try TenantEntry.find(tenant, connection) }
    let entry = try #require(found)
    try await other.pool.run { try TenantGate.copy(entry, $0) }
    let columns =
      "retention, retention_bounced, return_path_host, return_path_each, suppress_bounces, suppress_complaints"
    #expect(
      try await other.database.query("SELECT \(columns) FROM postrider.tenant") == "60||returns.example|t|0|3600")
  }
}
