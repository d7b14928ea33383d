import Admission
import MailTesting
import Postgres
import Testing

/// Which domains have their mailboxes here, as a worker knows it.
@Suite(.timeLimit(.minutes(10))) struct HostedDomainTests {
  @Test func theListIsReadAgainWhenItIsOld() async throws {
    let fixture = try await AdmissionFixture()
    let hosted = HostedDomains(directory: fixture.pool) { fixture.now }
    let directory = try fixture.directory()
    #expect(await hosted.contains("example.com") == false)
    try directory.setMailboxes(true, of: "example.com")
    #expect(await hosted.contains("example.com") == false, "nobody has asked again")
    // Whoever comes first after a while gets what is known, and has it read again.
    fixture.advance(by: .seconds(3))
    #expect(await hosted.contains("example.com") != nil)
    try await eventually("it is known") { await hosted.contains("example.com") == true }
    #expect(await hosted.contains("other.example") == false)
    // After a longer one he waits.
    try directory.disableDomain("example.com")
    fixture.advance(by: .seconds(11))
    #expect(await hosted.contains("example.com") == false)
    try directory.enableDomain("example.com")
    fixture.advance(by: .seconds(11))
    #expect(await hosted.contains("example.com") == true)
  }

  @Test func whatIsConfirmedIsTheDatabasesWord() async throws {
    let fixture = try await AdmissionFixture()
    let directory = try fixture.directory()
    let pool = PostgresPool(PostgresConfiguration(url: fixture.database.url, role: "test"), threads: 1)
    let hosted = HostedDomains(directory: pool) { fixture.now }
    try directory.setMailboxes(true, of: "example.com")
    #expect(await hosted.contains("example.com") == true)
    try directory.setMailboxes(false, of: "example.com")
    #expect(await hosted.contains("example.com") == true, "nobody has asked again")
    #expect(await !hosted.confirms("example.com"))
    try directory.setMailboxes(true, of: "example.com")
    #expect(await hosted.confirms("example.com"))
    #expect(await !hosted.confirms("other.example"))
    pool.shutdown()
    #expect(await !hosted.confirms("example.com"))
  }

  @Test func everyoneOfManyIsAnswered() async throws {
    let fixture = try await AdmissionFixture()
    try fixture.directory().setMailboxes(true, of: "example.com")
    let hosted = HostedDomains(directory: fixture.pool) { fixture.now }
    let answers = await withTaskGroup(of: Bool?.self) { group in
      for _ in 0..<200 { group.addTask { await hosted.contains("example.com") } }
      return await group.reduce(into: [Bool?]()) { $0.append($1) }
    }
    #expect(answers.count == 200 && answers.allSatisfy { $0 == true })
  }

  @Test func withoutTheDatabaseTheLastListCounts() async throws {
    let fixture = try await AdmissionFixture()
    try fixture.directory().setMailboxes(true, of: "example.com")
    let pool = PostgresPool(PostgresConfiguration(url: fixture.database.url, role: "test"), threads: 1)
    let hosted = HostedDomains(directory: pool) { fixture.now }
    #expect(await hosted.contains("example.com") == true)
    // From now on whatever is asked of it fails.
    pool.shutdown()
    for _ in 0..<3 {
      fixture.advance(by: .seconds(3600))
      #expect(await hosted.contains("example.com") == true)
      #expect(await hosted.contains("other.example") == false)
    }
    let late = HostedDomains(directory: pool) { fixture.now }
    for _ in 0..<3 { #expect(await late.contains("example.com") == nil, "it has never been read") }
  }
}
