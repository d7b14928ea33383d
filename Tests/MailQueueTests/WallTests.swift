import MailModel
@testable import MailQueue
import MailTesting
import Postgres
import Testing

/// Whoever is not the owner of the tables sees and changes one tenant's rows: shown by trying.
@Suite(.timeLimit(.minutes(10))) struct WallTests {
  @Test func everyTableHasAWall() async throws {
    let walls = try await WallFixture()
    let without = try await walls.names(
      "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'postrider' "
        + "AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND (NOT c.relrowsecurity OR c.relforcerowsecurity)")
    #expect(without.isEmpty, "row-level security is not on, or it is in the owner's way")
    for table in try await walls.tables() where try await walls.rows(of: table, walls.theirs) != nil {
      let rows = try #require(try await walls.rows(of: table, walls.theirs))
      #expect(try await walls.count(table, where: rows) > 0, "\(table) has no row that could be seen through the wall")
    }
  }

  /// The role may do everything with every table; nothing but the policies holds it.
  @Test func policiesAloneKeepTenantsApart() async throws {
    let walls = try await WallFixture()
    let connection = try walls.connect(as: try await walls.greedyRole())
    for table in try await walls.tables() {
      guard let own = try await walls.rows(of: table, walls.mine) else {
        let isOpen = ["installation", "schema_version"].contains(table)
        let seen = try connection.attempt("SELECT count(*) FROM postrider.\(table)", for: walls.mine)
        #expect(seen == (isOpen ? try await walls.count(table) : 0), "\(table) is nobody's")
        continue
      }
      let mine = try await walls.count(table, where: own)
      let all = try await walls.count(table)
      for (tenant, expected) in [(walls.mine, mine), (nil, 0), (999_999, 0)] as [(Int64?, Int64)] {
        let seen = try connection.attempt("SELECT count(*) FROM postrider.\(table)", for: tenant)
        #expect(seen == (table == "redaction" ? 0 : expected), "\(table) as \(tenant ?? 0)")
      }
      try await change(table, walls, connection)
      #expect(try await walls.count(table) == all, "\(table)")
    }
  }

  /// Tries to change, to delete and to forge the other's rows.
  private func change(_ table: String, _ walls: WallFixture, _ connection: PostgresConnection) async throws {
    let others = try #require(try await walls.rows(of: table, walls.theirs))
    let isToldByColumn = others.hasPrefix("tenant = ")
    let deletion = try? connection.attempt(
      "WITH gone AS (DELETE FROM postrider.\(table) WHERE \(others) RETURNING 1) SELECT count(*) FROM gone",
      for: walls.mine)
    #expect(deletion ?? 0 == 0, "\(table)")
    let column = try await walls.queue.database.query(
      "SELECT attname FROM pg_attribute WHERE attrelid = 'postrider.\(table)'::regclass AND attnum > 0 "
        + "AND NOT attisdropped AND attidentity = '' AND attname <> 'tenant' ORDER BY attnum LIMIT 1")
    let change =
      "WITH changed AS (UPDATE postrider.\(table) SET \(column) = \(column) WHERE \(others) RETURNING 1) "
      + "SELECT count(*) FROM changed"
    #expect(try connection.attempt(change, for: walls.mine) ?? 0 == 0, "\(table)")
    if isToldByColumn {
      let gift = "UPDATE postrider.\(table) SET tenant = \(walls.theirs)"
      #expect(try connection.attempt(gift, for: walls.mine) == nil, "\(table): a row was given away")
    }
    try await walls.queue.database.query(
      """
      CREATE TABLE public.copy_of_\(table) AS SELECT * FROM postrider.\(table) WHERE \(others);
      GRANT SELECT ON public.copy_of_\(table) TO PUBLIC;
      """)
    let forgery = "INSERT INTO postrider.\(table) OVERRIDING SYSTEM VALUE SELECT * FROM public.copy_of_\(table)"
    #expect(try connection.attempt(forgery, for: walls.mine) == nil, "\(table): a row was forged")
    #expect(try connection.attempt(forgery, for: nil) == nil, "\(table): a row was forged")
  }

  @Test func theWebRoleHasExactlyItsRights() async throws {
    let walls = try await WallFixture()
    let role = try await walls.makeRole()
    let owner = try walls.queue.connect()
    try DatabaseRole.web.grant(to: role, owner)
    #expect(try DatabaseRole.web.difference(of: role, owner).isNone)
    let connection = try walls.connect(as: role)
    for table in try await walls.tables() {
      let readable = DatabaseRights.web.tables.first { $0.name == table }?.reads ?? []
      let columns = try await walls.names(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'postrider.\(table)'::regclass AND attnum > 0 "
          + "AND NOT attisdropped")
      for column in columns {
        let seen = try connection.attempt("SELECT count(\(column)) FROM postrider.\(table)", for: walls.mine)
        #expect((seen != nil) == readable.contains(column), "\(table).\(column)")
      }
    }
    for secret in ["credential.secret", "credential.old_secret", "dkim_key.private_key", "message.body_key"] {
      #expect(!DatabaseRights.web.all.contains("SELECT \(secret)"))
    }
    #expect(!DatabaseRights.web.tables.contains { $0.name == "body_chunk" })
  }

  @Test func theWebRoleSeesOneTenantAndNobodyWithoutOne() async throws {
    let walls = try await WallFixture()
    let role = try await walls.makeRole()
    try DatabaseRole.web.grant(to: role, try walls.queue.connect())
    let connection = try walls.connect(as: role)
    for table in DatabaseRights.web.tables {
      guard let own = try await walls.rows(of: table.name, walls.mine) else { continue }
      let count = "SELECT count(\(table.reads[0])) FROM postrider.\(table.name)"
      let mine = try await walls.count(table.name, where: own)
      #expect(mine > 0, "\(table.name)")
      #expect(try connection.attempt(count, for: walls.mine) == mine, "\(table.name)")
      #expect(try connection.attempt(count, for: nil) == 0, "\(table.name)")
      // The setting has gone with its transaction.
      #expect(try connection.query(count).int64(0, 0) == 0, "\(table.name)")
    }
    _ = try connection.query("SET postrider.tenant = 'not a number'")
    #expect(throws: PostgresError.self) { try connection.query("SELECT count(id) FROM postrider.message") }
  }

  @Test func theWebRoleChangesItsOwnListOnly() async throws {
    let walls = try await WallFixture()
    let role = try await walls.makeRole()
    try DatabaseRole.web.grant(to: role, try walls.queue.connect())
    let connection = try walls.connect(as: role)
    let add = { (tenant: Int64) in
      "INSERT INTO postrider.suppression (address, tenant, reason, added_at) "
        + "VALUES ('new@y', \(tenant), 0, postrider.schedule_now())"
    }
    #expect(try connection.attempt(add(walls.mine), for: walls.mine) != nil)
    #expect(try connection.attempt(add(walls.theirs), for: walls.mine) == nil)
    // 0 is for all tenants.
    #expect(try connection.attempt(add(0), for: walls.mine) == nil)
    #expect(try connection.attempt(add(walls.mine), for: nil) == nil)
    let remove = "WITH gone AS (DELETE FROM postrider.suppression RETURNING 1) SELECT count(*) FROM gone"
    #expect(try connection.attempt(remove, for: walls.mine) == 1)
    #expect(try connection.attempt(remove, for: nil) == 0)
    for sql in [
      "UPDATE postrider.tenant SET weight = 1000", "UPDATE postrider.credential SET disabled_at = NULL",
      "INSERT INTO postrider.allowed_sender (credential, sender) SELECT id, 'x' FROM postrider.credential",
      "DELETE FROM postrider.job", "UPDATE postrider.suppression SET tenant = \(walls.theirs)",
      "TRUNCATE postrider.suppression", "CREATE TABLE postrider.mine (id int)",
    ] { #expect(try connection.attempt(sql, for: walls.mine) == nil, "\(sql)") }
  }

  @Test func theWebRoleCannotLeaveItsPlace() async throws {
    let walls = try await WallFixture()
    let role = try await walls.makeRole()
    let owner = try walls.queue.connect()
    try DatabaseRole.web.grant(to: role, owner)
    let connection = try walls.connect(as: role)
    let ownerName = try owner.query("SELECT current_user::text").text(0, 0)
    #expect(try connection.attempt("SET ROLE \"\(ownerName)\"", for: walls.mine) == nil)
    #expect(try connection.attempt("SET row_security = off", for: walls.mine) != nil)
    for function in try await walls.names(
      "SELECT 'postrider.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        + "WHERE n.nspname = 'postrider'")
    {
      let name = function.replacing("postrider.", with: "")
      let may = try connection.query("SELECT has_function_privilege('\(function)', 'EXECUTE')").bool(0, 0)
      #expect(may == DatabaseRights.web.functions.contains(name), "\(function)")
    }
    // None runs with its maker's rights.
    #expect(
      try await walls.names(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
          + "WHERE n.nspname = 'postrider' AND p.prosecdef"
      ).isEmpty)
    for call in [
      "SELECT count(*) FROM postrider.next_tenants(0, '{}', 10)", "SELECT postrider.close_tenant(1, 99)",
      "SELECT postrider.expire_suppressions()", "SELECT postrider.redact_message(gen_random_uuid())",
    ] { #expect(try connection.attempt(call, for: walls.mine) == nil, "\(call)") }
  }

  /// Policies are asked about the table that is named: a partition has none of its own, and so nobody may name it.
  @Test func partitionsAreReachedThroughTheirParentsOnly() async throws {
    let walls = try await WallFixture()
    let role = try await walls.makeRole()
    let owner = try walls.queue.connect()
    try DatabaseRole.web.grant(to: role, owner)
    let connection = try walls.connect(as: role)
    // Those that are made later, and one that has been put in the place of another.
    try await walls.queue.advance("1 day 2 hours")
    try Partitions.makeAhead(owner, days: 12)
    let day = try await walls.queue.database.query("SELECT min(day) FROM postrider.message")
    _ = try owner.query("SELECT postrider.rewrite_day('\(day)')")
    let partitions = try await walls.names(
      "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'postrider' "
        + "AND c.relispartition AND c.relkind = 'r'")
    #expect(partitions.count > 36)
    for partition in partitions {
      #expect(try connection.attempt("SELECT count(*) FROM postrider.\(partition)", for: walls.mine) == nil)
    }
    let own = try #require(try await walls.rows(of: "message", walls.mine))
    #expect(
      try connection.attempt("SELECT count(id) FROM postrider.message", for: walls.mine)
        == (try await walls.count("message", where: own)))
    #expect(try DatabaseRole.web.difference(of: role, owner).isNone)
  }

  @Test func aGrantIsRepeatedAndPutsRightWhatIsWrong() async throws {
    let walls = try await WallFixture()
    let role = try await walls.makeRole()
    let owner = try walls.queue.connect()
    try await walls.queue.database.query(
      """
      GRANT USAGE, CREATE ON SCHEMA postrider TO \(role);
      GRANT ALL ON ALL TABLES IN SCHEMA postrider TO \(role);
      GRANT SELECT (secret) ON postrider.credential TO \(role);
      """)
    #expect(try DatabaseRole.guests(owner).map(\.name) == [role])
    #expect(try DatabaseRole.web.difference(of: role, owner).excess.contains("SELECT credential.secret"))
    for _ in 0..<2 { try DatabaseRole.web.grant(to: role, owner) }
    #expect(try DatabaseRole.web.difference(of: role, owner).isNone)
    try await walls.queue.database.query("REVOKE SELECT (name) ON postrider.tenant FROM \(role)")
    #expect(
      try DatabaseRole.web.difference(of: role, owner) == .init(missing: ["SELECT tenant.name"], excess: []))
    try await walls.queue.database.query("GRANT EXECUTE ON FUNCTION postrider.expire_suppressions() TO PUBLIC")
    #expect(try DatabaseRole.web.difference(of: role, owner).excess == ["EXECUTE expire_suppressions()"])
  }

  @Test func aRoleThatNoWallHoldsIsRefused() async throws {
    let walls = try await WallFixture()
    let owner = try walls.queue.connect()
    let member = try await walls.makeRole()
    let ownerName = try owner.query("SELECT current_user::text").text(0, 0)
    try await walls.queue.database.query("GRANT \"\(ownerName)\" TO \(member)")
    for (role, word) in [
      (try await walls.makeRole("SUPERUSER"), "superuser"), (try await walls.makeRole("BYPASSRLS"), "BYPASSRLS"),
      (member, "owner"), ("no\"body", "no role"),
    ] {
      let error = #expect(throws: PostgresError.self) { try DatabaseRole.web.grant(to: role, owner) }
      #expect(error?.message.contains(word) == true)
    }
  }
}
