import MailModel
@testable import MailQueue
import MailTesting
import Postgres
import Testing

/// Two tenants with rows in every table that has anybody's, and roles that are not the owner.
struct WallFixture {
  let queue: QueueFixture
  /// Whoever tries.
  let mine: Int64
  /// Whose rows must stay out of reach.
  let theirs: Int64

  private static let password = "wall"

  init() async throws {
    queue = try await QueueFixture()
    mine = queue.tenant
    theirs = try await QueueFixture.addTenant("second", queue.pool)
    let session = try await queue.session()
    for (counter, tenant) in [mine, theirs].enumerated() {
      for recipient in ["done@\(tenant).example", "waits@\(tenant).example"] {
        _ = try await queue.writer().enqueue(queue.message(to: [recipient], tenant: tenant))
      }
      let claimed = try await queue.claim(session, counter: Int64(counter + 1))
      #expect(claimed.count == 2)
      let done = claimed.filter { $0.envelope.recipients.first?.address.localPart == "done" }
      let rest = claimed.filter { $0.envelope.recipients.first?.address.localPart != "done" }
      #expect(try await queue.complete(done, as: .delivered, session: session, success: .delivered) == 0)
      #expect(try await queue.complete(rest, as: .deferred(.seconds(3600)), session: session) == 0)
      try await directory(of: tenant)
    }
  }

  private func directory(of tenant: Int64) async throws {
    try await queue.database.query(
      """
      INSERT INTO postrider.domain (tenant, name) VALUES (\(tenant), '\(tenant).example');
      INSERT INTO postrider.credential (tenant, domain, name, secret)
        SELECT d.tenant, d.id, 'a@' || d.name, 'secret' FROM postrider.domain d WHERE d.tenant = \(tenant);
      INSERT INTO postrider.allowed_sender (credential, sender)
        SELECT c.id, 'b@' || c.name FROM postrider.credential c WHERE c.tenant = \(tenant);
      INSERT INTO postrider.dkim_key (tenant, domain, selector, algorithm, public_key, private_key, active_from)
        SELECT d.tenant, d.id, 's', 'ed25519-sha256', 'x', 'y', now() FROM postrider.domain d
        WHERE d.tenant = \(tenant);
      INSERT INTO postrider.suppression (address, tenant, reason, added_at) VALUES ('x@y', \(tenant), 0, now());
      INSERT INTO postrider.notice_template (tenant, kind, language, source) VALUES (\(tenant), 'failed', 'en', 'x');
      INSERT INTO postrider.placement (tenant) VALUES (\(tenant));
      INSERT INTO postrider.domain_claim (domain, tenant) SELECT d.id, d.tenant FROM postrider.domain d
        WHERE d.tenant = \(tenant);
      INSERT INTO postrider.tenant_limit (tenant, name, value) VALUES (\(tenant), 'tenant.messages', '1/hour');
      """)
  }

  /// A role that may do anything to every table: only the policies are in its way.
  func greedyRole() async throws -> String {
    let role = try await makeRole()
    try await queue.database.query(
      """
      GRANT USAGE ON SCHEMA postrider TO \(role);
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA postrider TO \(role);
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA postrider TO \(role);
      """)
    for table in try await tables() { try await queue.database.query("GRANT ALL ON postrider.\(table) TO \(role)") }
    return role
  }

  /// A role with nothing but a login.
  func makeRole(_ attributes: String = "") async throws -> String {
    let role = "wall_\(UInt32.random(in: 0...UInt32.max))"
    try await queue.database.query("CREATE ROLE \(role) LOGIN PASSWORD '\(Self.password)' \(attributes)")
    return role
  }

  func connect(as role: String) throws -> PostgresConnection {
    let database = queue.database
    return try PostgresConfiguration.patient(
      url: "postgresql://\(role):\(Self.password)@127.0.0.1:\(database.server.port)/\(database.name)"
    ).connect()
  }

  /// Every table, also those of steps to come; partitions are their parents' business.
  func tables() async throws -> [String] {
    try await names(
      "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'postrider' "
        + "AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1")
  }

  func names(_ query: String) async throws -> [String] {
    try await queue.database.query(query).split(separator: "\n").map(String.init)
  }

  /// Which rows of a table are a tenant's; nil: none are anybody's.
  func rows(of table: String, _ tenant: Int64) async throws -> String? {
    let messages = "message IN (SELECT id FROM postrider.message WHERE tenant = \(tenant))"
    switch table {
    case "tenant": return "id = \(tenant)"
    case "allowed_sender": return "credential IN (SELECT id FROM postrider.credential WHERE tenant = \(tenant))"
    case "job": return "lane IN (SELECT id FROM postrider.lane WHERE tenant = \(tenant))"
    case "outcome", "body_chunk", "redaction": return messages
    case "installation", "schema_version", "leadership", "redaction_day", "shard", "site", "worker_session":
      return nil
    default: break
    }
    let column = try await queue.database.query(
      "SELECT count(*) FROM pg_attribute WHERE attrelid = 'postrider.\(table)'::regclass AND attname = 'tenant'")
    try #require(column == "1", "nobody has said whose the rows of \(table) are")
    return "tenant = \(tenant)"
  }

  func count(_ table: String, where condition: String = "true") async throws -> Int64 {
    try #require(Int64(try await queue.database.query("SELECT count(*) FROM postrider.\(table) WHERE \(condition)")))
  }
}

extension PostgresConnection {
  /// Does something for a tenant (nil: for none) and takes it back.
  /// - Returns: the first value; nil when it was refused for want of rights.
  func attempt(_ sql: String, for tenant: Int64?) throws -> Int64? {
    _ = try query("BEGIN")
    defer { _ = try? query("ROLLBACK") }
    if let tenant { _ = try query("SET LOCAL postrider.tenant = '\(tenant)'") }
    do throws(PostgresError) {
      let result = try query(sql)
      return result.rowCount == 0 ? 0 : try result.int64(0, 0)
    } catch {
      guard error.sqlState == "42501" else { throw error }
      return nil
    }
  }
}
