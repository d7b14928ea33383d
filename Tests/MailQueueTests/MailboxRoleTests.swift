import MailModel
@testable import MailQueue
import MailTesting
import Postgres
import Testing

/// What the server of the mailboxes may ask, and what it hears: shown by trying, as the role itself.
@Suite(.timeLimit(.minutes(10))) struct MailboxRoleTests {
  /// Two tenants; the first has mailboxes for its domain.
  private struct Place {
    let walls: WallFixture
    let connection: PostgresConnection

    init() async throws {
      walls = try await WallFixture()
      let role = try await walls.makeRole()
      try DatabaseRole.mailboxes.grant(to: role, try walls.queue.connect())
      connection = try walls.connect(as: role)
      try await change("UPDATE postrider.domain SET proven_at = now(), proof = 'record'")
      try await change("UPDATE postrider.domain SET mailbox_domain = name WHERE tenant = \(walls.mine)")
    }

    func change(_ sql: String) async throws { try await walls.queue.database.query(sql) }

    func addCredential(_ name: String, coversDomain: Bool = false) async throws {
      try await change(
        """
        INSERT INTO postrider.credential (tenant, domain, name, covers_domain, secret)
        SELECT d.tenant, d.id, $name$\(name)$name$, \(coversDomain), 'of ' || $name$\(name)$name$
        FROM postrider.domain d WHERE d.tenant = \(walls.mine)
        """)
    }

    /// nil: nobody.
    func login(_ name: String, _ which: Int32 = 1) throws -> String? {
      var parameters = PostgresParameters()
      parameters.append(name)
      parameters.append(which)
      let result = try connection.query("SELECT account, secret FROM mailbox.login($1, $2)", parameters)
      #expect(result.rowCount <= 1)
      return result.rowCount == 0 ? nil : "\(result.text(0, 0)): \(result.text(0, 1))"
    }

    func delivery(_ address: String) throws -> String? {
      var parameters = PostgresParameters()
      parameters.append(address)
      let result = try connection.query("SELECT account, directory FROM mailbox.delivery($1)", parameters)
      #expect(result.rowCount <= 1)
      guard result.rowCount == 1 else { return nil }
      #expect(result.text(0, 1).wholeMatch(of: /[0-9a-f]{2}\/[0-9a-f-]{36}/) != nil)
      return result.text(0, 0)
    }
  }

  @Test func itSeesNoTable() async throws {
    let place = try await Place()
    let (walls, connection) = (place.walls, place.connection)
    for table in try await walls.tables() {
      for tenant in [walls.mine, nil] as [Int64?] {
        #expect(try connection.attempt("SELECT count(*) FROM postrider.\(table)", for: tenant) == nil, "\(table)")
      }
    }
    let functions = try await walls.names(
      "SELECT p.oid || ' ' || n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')' FROM pg_proc p "
        + "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('postrider', 'mailbox')")
    #expect(functions.count > 20)
    for line in functions {
      // By number: a name in a schema that it may not use is an error of its own.
      let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
      let (number, function) = (try #require(parts.first), try #require(parts.last))
      let may = try connection.query("SELECT has_function_privilege(\(number)::oid, 'EXECUTE')").bool(0, 0)
      #expect(may == ["mailbox.login(text, integer)", "mailbox.delivery(text)"].contains(function), "\(function)")
    }
    for sql in [
      "SELECT * FROM postrider.mailbox_owner('x', true)", "CREATE TABLE mailbox.mine (id int)",
      "CREATE FUNCTION mailbox.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "UPDATE postrider.credential SET secret = 'mine'",
    ] { #expect(try connection.attempt(sql, for: walls.mine) == nil, "\(sql)") }
  }

  /// Nobody else may ask: neither everybody, nor the web role.
  @Test func nobodyElseMayAsk() async throws {
    let walls = try await WallFixture()
    let owner = try walls.queue.connect()
    let (nobody, web) = (try await walls.makeRole(), try await walls.makeRole())
    try DatabaseRole.web.grant(to: web, owner)
    for role in [nobody, web] {
      let connection = try walls.connect(as: role)
      #expect(try connection.attempt("SELECT 1::bigint FROM mailbox.login('x', 1)", for: walls.mine) == nil)
      #expect(try connection.attempt("SELECT 1::bigint FROM mailbox.delivery('x')", for: walls.mine) == nil)
    }
    let both = try await walls.makeRole()
    try DatabaseRole.mailboxes.grant(to: both, owner)
    #expect(try DatabaseRole.mailboxes.difference(of: both, owner).isNone)
    #expect(try DatabaseRole.guests(owner).first { $0.name == both }?.role == .mailboxes)
    #expect(try DatabaseRole.guests(owner).first { $0.name == web }?.role == .web)
    // One of the two, never both.
    try DatabaseRole.web.grant(to: both, owner)
    #expect(try DatabaseRole.web.difference(of: both, owner).isNone)
    try await walls.queue.database.query("GRANT USAGE ON SCHEMA mailbox TO \(both)")
    #expect(try DatabaseRole.web.difference(of: both, owner).excess == ["USAGE mailbox.schema"])
    // Functions with their maker's rights look for nothing where others may put things.
    let loose = try await walls.names(
      "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'mailbox' "
        + "AND NOT (p.prosecdef AND coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp'])")
    #expect(loose.isEmpty)
  }

  @Test func aNameMeansWhatItMeansToALogin() async throws {
    let place = try await Place()
    let domain = "\(place.walls.mine).example"
    for name in ["bob", "Bob", "o'neil", "a\"b", "a\\b", "%u", "../../x", "ä", "+", "x@y"] {
      try await place.addCredential("\(name)@\(domain)")
    }
    for (name, account) in [
      ("bob", "bob"), ("Bob", "Bob"), ("bob+tag", "bob"), ("bob+a+b", "bob"), ("BOB", nil), ("bo", nil), ("bob ", nil),
      ("o'neil", "o'neil"), ("a\"b", "a\"b"), ("a\\b", "a\\b"), ("%u", "%u"), ("../../x", "../../x"), ("ä", "ä"),
      ("+", "+"), ("+tag", nil), ("x@y", "x@y"), ("' OR true --", nil), ("a\nb", nil),
    ] as [(String, String?)] {
      let expected = account.map { "\($0)@\(domain): of \($0)@\(domain)" }
      #expect(try place.login("\(name)@\(domain)") == expected, "\(name)")
      #expect(try place.login("\(name)@\(domain.uppercased())") == expected, "\(name)")
    }
    for bad in ["", "@", "bob", "bob@", "@\(domain)", domain, "bob@other.example", "bob@\(place.walls.theirs).example"]
    {
      #expect(try place.login(bad) == nil, "\(bad)")
      #expect(try place.delivery(bad) == nil, "\(bad)")
    }
    // Mail may be written to an address in any case, unless that means two.
    #expect(try place.delivery("Bob@\(domain)") == "Bob@\(domain)")
    #expect(try place.delivery("A@\(domain)") == "a@\(domain)")
    #expect(try place.delivery("O'NEIL+x@\(domain)") == "o'neil@\(domain)")
    try await place.addCredential(domain, coversDomain: true)
    #expect(try place.login("bo@\(domain)") == "\(domain): of \(domain)")
    #expect(try place.login(domain) == "\(domain): of \(domain)")
    #expect(try place.delivery("anybody@\(domain)") == domain)
    #expect(try place.login("bob@\(domain)")?.hasPrefix("bob@") == true, "its own goes first")
    #expect(try place.login("@\(domain)") == nil)
  }

  @Test func aDomainIsKnownInBothItsForms() async throws {
    let place = try await Place()
    try await place.change(
      "UPDATE postrider.domain SET name = 'päivä.example', mailbox_domain = 'xn--piv-qlac.example' "
        + "WHERE tenant = \(place.walls.mine)")
    try await place.addCredential("bob@päivä.example")
    for name in ["bob@päivä.example", "bob@xn--piv-qlac.example", "bob+x@XN--piv-qlac.EXAMPLE"] {
      #expect(try place.login(name) == "bob@päivä.example: of bob@päivä.example")
      #expect(try place.delivery(name) == "bob@päivä.example")
    }
  }

  @Test func whatEndsALoginAndWhatEndsAMailbox() async throws {
    let place = try await Place()
    let name = "a@\(place.walls.mine).example"
    for (off, on, staysReachable) in [
      ("credential SET disabled_at = now()", "credential SET disabled_at = NULL", true),
      ("credential SET expires_at = now()", "credential SET expires_at = NULL", true),
      ("tenant SET suspended_at = now()", "tenant SET suspended_at = NULL", true),
      ("credential SET mailbox_disabled_at = now()", "credential SET mailbox_disabled_at = NULL", false),
      ("domain SET disabled_at = now()", "domain SET disabled_at = NULL", false),
    ] {
      #expect(try place.login(name) != nil)
      try await place.change("UPDATE postrider.\(off)")
      #expect(try place.login(name) == nil, "\(off)")
      #expect(try (place.delivery(name) != nil) == staysReachable, "\(off)")
      try await place.change("UPDATE postrider.\(on)")
    }
    #expect(try place.login(name, 2) == nil)
    try await place.change(
      "UPDATE postrider.credential SET old_secret = 'before', old_secret_until = now() + interval '1 hour'")
    #expect(try place.login(name, 2) == "\(name): before")
    #expect(try place.login(name, 1) == "\(name): secret")
    #expect(try place.login(name, 0) == nil && place.login(name, 3) == nil)
    try await place.change("UPDATE postrider.credential SET disabled_at = now()")
    #expect(try place.login(name, 2) == nil)
    try await place.change("UPDATE postrider.credential SET disabled_at = NULL, old_secret_until = now()")
    #expect(try place.login(name, 2) == nil)
  }

  /// Only a proven domain has mailboxes, and a credential that was left behind when its domain changed hands has none.
  @Test func nobodyGetsTheMailOfAnother() async throws {
    let place = try await Place()
    let domain = "\(place.walls.mine).example"
    #expect(throws: (any Error).self) {
      try place.walls.queue.connect().execute(
        script: "UPDATE postrider.domain SET proven_at = NULL, proof = NULL WHERE name = '\(domain)'")
    }
    try await place.change("UPDATE postrider.domain SET tenant = \(place.walls.theirs) WHERE name = '\(domain)'")
    #expect(try place.login("a@\(domain)") == nil)
    #expect(try place.delivery("a@\(domain)") == nil)
  }
}
