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
}
