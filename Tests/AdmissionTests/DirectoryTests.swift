import Admission
import MailTesting
import Cryptography
import Postgres
import Testing

@Suite(.timeLimit(.minutes(10))) struct DirectoryTests {
  let fixture: AdmissionFixture

  init() async throws { fixture = try await AdmissionFixture() }

  @Test func listsWhatWasAdded() throws {
    let directory = try fixture.directory()
    try directory.addTenant("other", weight: 7)
    try directory.addDomain("Other.Example", tenant: "other")
    #expect(try directory.tenants().map(\.name) == ["acme", "other"])
    #expect(try directory.tenants().map(\.weight) == [1, 7])
    #expect(try directory.domains().map(\.name) == ["example.com", "other.example"])
    #expect(try directory.domains(tenant: "other").map(\.tenant) == ["other"])
    #expect(try directory.credentials().map(\.name) == ["example.com", "bob@example.com"])
    #expect(try directory.credentials().map(\.coversDomain) == [true, false])
    #expect(try directory.credentials(tenant: "other").isEmpty)
  }

  @Test func makesAPasswordThatLogsIn() async throws {
    let (credential, made) = try fixture.directory().addCredential("eve@EXAMPLE.com")
    #expect(credential.name == "eve@example.com")
    let password = try #require(made)
    #expect(password.count >= 20)
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login("eve@example.com", password) == .accepted("eve@example.com"))
    await authenticator.shutdown()
    #expect(
      try await fixture.database.query("SELECT secret FROM postrider.credential WHERE name = 'eve@example.com'")
        .hasPrefix("$7$"))
  }

  @Test func everyChangeIsAnotherVersion() throws {
    let directory = try fixture.directory()
    let first = try directory.disableCredential("bob@example.com")
    #expect(first.version == 2 && first.disabledAt != nil)
    let second = try directory.disableCredential("bob@EXAMPLE.com")
    #expect(second.disabledAt == first.disabledAt, "it stays disabled since then")
    #expect(try directory.enableCredential("bob@example.com").disabledAt == nil)
    let (changed, made) = try directory.changePassword(of: "bob@example.com")
    #expect(changed.version == 5 && made != nil)
  }

  @Test func saysWhatIsWrong() throws {
    let directory = try fixture.directory()
    func failure(_ body: () throws -> Void) throws -> DirectoryFailure {
      try #require(throws: DirectoryFailure.self) { try body() }
    }
    #expect(try failure { try directory.addTenant("acme") }.description == "there is a tenant acme already")
    #expect(try failure { try directory.addTenant("a b") }.kind == .invalid)
    #expect(try failure { try directory.addTenant("") }.kind == .invalid)
    #expect(try failure { try directory.addTenant("x", weight: 0) }.kind == .invalid)
    #expect(try failure { try directory.disableTenant("x") }.description == "there is no tenant x")
    #expect(try failure { try directory.addDomain("EXAMPLE.com", tenant: "acme") }.kind == .exists)
    #expect(try failure { try directory.addDomain("new.example", tenant: "x") }.description == "there is no tenant x")
    #expect(try failure { try directory.disableDomain("new.example") }.kind == .missing)
    for name in ["localhost", "-a.example", "a..example", "a b.example", "x@y.example", ""] {
      #expect(try failure { try directory.addDomain(name, tenant: "acme") }.kind == .invalid)
    }
    #expect(try failure { _ = try directory.addCredential("bob@example.com") }.kind == .exists)
    #expect(
      try failure { _ = try directory.addCredential("eve@nowhere.example") }.description
        == "there is no domain nowhere.example: add it first")
    #expect(try failure { _ = try directory.addCredential("eve+tag@example.com") }.kind == .invalid)
    #expect(try failure { _ = try directory.addCredential("eve@example.com", password: []) }.kind == .invalid)
    #expect(try failure { _ = try directory.changePassword(of: "eve@example.com") }.kind == .missing)
    #expect(try failure { _ = try directory.disableCredential("eve@example.com") }.kind == .missing)
  }
}
