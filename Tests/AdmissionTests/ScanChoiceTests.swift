import Admission
import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct ScanChoiceTests {
  @Test func whatATenantDecides() async throws {
    let fixture = try await AdmissionFixture()
    let directory = try fixture.directory()
    #expect(try directory.scanning(ofTenant: "acme") == ScanChoice())
    let choice = ScanChoice(malware: .hold, spam: .off, spamScore: 12.5, tagScore: 4)
    #expect(try directory.setScanning(choice, ofTenant: "acme") == choice)
    #expect(try directory.scanning(ofTenant: "acme") == choice)
    #expect(throws: DirectoryFailure.self) {
      try directory.setScanning(ScanChoice(spamScore: 5, tagScore: 6), ofTenant: "acme")
    }
    #expect(throws: DirectoryFailure.self) { try directory.setScanning(choice, ofTenant: "nobody") }
    #expect(throws: DirectoryFailure.self) { try directory.scanning(ofTenant: "nobody") }
    #expect(
      ScanPolicy(malware: .reject, spam: .tag, spamScore: 1, tagScore: 1).changed(by: ScanChoice(spam: .hold))
        == ScanPolicy(malware: .reject, spam: .hold, spamScore: 1, tagScore: 1))
  }

  @Test func acceptorsHearOfIt() async throws {
    let server = try await PostgresServer()
    let fixture = try await AdmissionFixture(on: server)
    let tenant = try #require(try fixture.directory().tenants().first?.id)
    let choices = ScanChoices(pool: fixture.pool, keptFor: .zero)
    #expect(await choices.find(tenant) == ScanChoice())
    let choice = ScanChoice(malware: .tag, spamScore: 8)
    try fixture.directory().setScanning(choice, ofTenant: "acme")
    #expect(await choices.find(tenant) == choice)
    #expect(await choices.find(tenant + 1) == ScanChoice())
    // What was known last goes on.
    try await server.stop()
    #expect(await choices.find(tenant) == choice)
    #expect(await choices.find(tenant + 1) == ScanChoice())
  }

  /// Where its mail goes they go too.
  @Test func choicesFollowTheirTenant() async throws {
    let (home, shard) = (try await AdmissionFixture(), try await AdmissionFixture())
    let choice = ScanChoice(malware: .hold, spam: .off, spamScore: 12.5, tagScore: 4)
    try home.directory().setScanning(choice, ofTenant: "acme")
    let connections = try [home, shard].map { try PostgresConfiguration(url: $0.database.url, role: "test").connect() }
    try TenantCopies.copy(from: connections[0], to: connections[1])
    #expect(try shard.directory().scanning(ofTenant: "acme") == choice)
  }
}
