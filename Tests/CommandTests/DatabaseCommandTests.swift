import MailTesting
import Testing

@Suite struct DatabaseCommandTests {
  @Test func aRoleGetsItsRightsAndDoctorSeesToThem() async throws {
    let fixture = try await CommandFixture()
    let role = "web_\(UInt32.random(in: 0...UInt32.max))"
    let missing = try await fixture.postrider("database", "grant", "--role", "web", role)
    #expect(missing.status != 0 && missing.errors.contains("there is no role «\(role)»"), "\(missing.errors)")
    #expect(try await !fixture.postrider("doctor").output.contains("role \(role)"))

    try await fixture.database.query("CREATE ROLE \(role)")
    let granted = try await fixture.postrider("database", "grant", "--role", "web", role)
    #expect(granted.status == 0 && granted.output.contains("\(role) has the rights of the web role, and no others"))
    let doctor = try await fixture.postrider("doctor")
    #expect(doctor.output.contains("has the rights of the web role, and no others"))

    try await fixture.database.query("REVOKE SELECT (name) ON postrider.tenant FROM \(role)")
    #expect(try await fixture.postrider("doctor").output.contains("lacks rights of the web role: SELECT tenant.name"))
    try await fixture.database.query("GRANT SELECT ON postrider.body_chunk TO \(role)")
    let excess = try await fixture.postrider("doctor")
    #expect(excess.output.contains("may do more than the web role needs: SELECT body_chunk"))
    #expect(excess.output.contains("→ `postrider database grant --role web \(role)` sets it right"))
    try await fixture.database.query("ALTER ROLE \(role) BYPASSRLS")
    #expect(try await fixture.postrider("doctor").output.contains("has BYPASSRLS, which no wall holds"))
    #expect(try await fixture.postrider("database", "grant", "--role", "web", role).status != 0)
    #expect(try await fixture.postrider("database", "grant", "--role", "nobody", role).status == 64)
    try await fixture.database.query("DROP OWNED BY \(role); DROP ROLE \(role)")
  }

  @Test func aRoleForMailboxesIsToldFromOthers() async throws {
    let fixture = try await CommandFixture()
    let role = "mailboxes_\(UInt32.random(in: 0...UInt32.max))"
    try await fixture.database.query("CREATE ROLE \(role)")
    let granted = try await fixture.postrider("database", "grant", "--role", "mailboxes", role)
    #expect(granted.status == 0 && granted.output.contains("\(role) has the rights of the mailboxes role"))
    #expect(
      try await fixture.postrider("doctor").output.contains("has the rights of the mailboxes role, and no others"))
    try await fixture.database.query(
      "GRANT USAGE ON SCHEMA postrider TO \(role); GRANT SELECT ON postrider.credential TO \(role)")
    let excess = try await fixture.postrider("doctor")
    #expect(excess.output.contains("may do more than the mailboxes role needs: SELECT credential, USAGE schema"))
    #expect(excess.output.contains("→ `postrider database grant --role mailboxes \(role)` sets it right"))
    try await fixture.database.query("DROP OWNED BY \(role); DROP ROLE \(role)")
  }

  @Test func mailboxesAreForProvenDomains() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    try await fixture.postrider("domain", "add", "acme", "acme.example")
    let early = try await fixture.postrider("domain", "mailboxes", "acme.example", "here")
    #expect(early.status != 0 && early.errors.contains("acme.example is not verified yet"), "\(early.errors)")
    try await fixture.postrider("domain", "verify", "acme.example", "--trust")
    let here = try await fixture.postrider("domain", "mailboxes", "ACME.example", "here")
    #expect(here.status == 0 && here.output == "the mailboxes of acme.example are here\n", "\(here.errors)")
    #expect(try await fixture.postrider("domain", "show", "acme.example").output.contains("here"))
    #expect(try await fixture.postrider("doctor").output.contains("1 have their mailboxes here, but mailboxes.lmtp"))
    let nobody = try await fixture.postrider("doctor", settings: ["mailboxes.lmtp": "127.0.0.1:1"])
    #expect(nobody.output.contains("failed   mailboxes"), "\(nobody.output)")
    #expect(
      try await fixture.postrider("domain", "list", "--json").output.contains("\"has_mailboxes\" : true"))
    try await fixture.postrider("domain", "mailboxes", "acme.example", "elsewhere")
    #expect(try await fixture.database.query("SELECT mailbox_domain FROM postrider.domain") == "")
    #expect(try await fixture.postrider("domain", "mailboxes", "acme.example", "there").status == 64)
    #expect(try await fixture.postrider("domain", "mailboxes", "other.example", "here").status != 0)
    // Outside ASCII: by the name that mail servers know.
    try await fixture.postrider("domain", "add", "acme", "päivä.example", "--trust")
    try await fixture.postrider("domain", "mailboxes", "päivä.example", "here")
    #expect(
      try await fixture.database.query("SELECT mailbox_domain FROM postrider.domain WHERE mailbox_domain <> ''")
        == "xn--piv-qlac.example")
    let set = { (value: String) in
      try await fixture.postrider("credential", "set", "bob@acme.example", "--mailbox", value)
    }
    try await fixture.postrider("credential", "add", "acme", "bob@acme.example")
    #expect(try await set("off").output.contains("without a mailbox since"))
    #expect(try await !set("on").output.contains("without a mailbox"))
  }
}
