import Admission
import Cryptography
import DKIM
import MailQueue
import MailTesting
import Postgres
import Testing

/// Whose a domain is, and what becomes of it while that is not known.
@Suite(.timeLimit(.minutes(10))) struct DomainTests {
  let fixture: AdmissionFixture

  init() async throws { fixture = try await AdmissionFixture() }

  private func connection() throws -> PostgresConnection {
    try PostgresConfiguration(url: fixture.database.url, role: "test").connect()
  }

  /// Looks at a domain, with what was seen.
  @discardableResult
  private func look(_ name: String, _ see: (DomainCheck) -> DomainSight.Owner) throws -> DomainNews {
    let connection = try connection()
    let check = try #require(try DomainChecks.take(name, connection))
    return try DomainChecks.write(
      DomainSight(owner: see(check), findings: "[]"), of: check, interval: .seconds(86_400), connection)
  }

  private func own(_ check: DomainCheck) -> DomainSight.Owner { .tenant(check.tenant) }

  private func advance(_ interval: String) async throws {
    try await fixture.database.query(
      "UPDATE postrider.installation SET schedule_offset = schedule_offset + '\(interval)'")
  }

  private func due(_ limit: Int32 = 10) throws -> [String] {
    try DomainChecks.takeDue(limit: limit, try connection()).map(\.name)
  }

  private func domain(_ name: String) throws -> Domain { try #require(try fixture.directory().domain(name)) }

  @Test func aNewDomainIsUnprovenUntilItsTokenIsSeen() throws {
    let directory = try fixture.directory()
    guard case .added(let added) = try directory.addDomain("New.example", tenant: "acme") else {
      Issue.record("not added")
      return
    }
    #expect(added.provenAt == nil && added.proof == nil)
    #expect(added.challenge.name == "_postrider-challenge.new.example")
    #expect(added.challenge.text.wholeMatch(of: /postrider-verification=[0-9a-f]{64}/) != nil)
    #expect(try look("new.example") { _ in .nobody } == .unchanged)
    #expect(try look("new.example") { _ in .unknown } == .unchanged)
    #expect(try domain("new.example").provenAt == nil)
    #expect(try look("NEW.example", own) == .proven(.record, tenant: 1))
    #expect(try domain("new.example").proof == .record)
    #expect(try look("new.example", own) == .unchanged)
    // A proof does not lapse: that it is gone is noted.
    #expect(try look("new.example") { _ in .unknown } == .unchanged)
    #expect(try domain("new.example").vanishedAt == nil)
    guard case .vanished = try look("new.example", { _ in .nobody }) else {
      Issue.record("nobody noticed")
      return
    }
    let gone = try domain("new.example")
    #expect(gone.provenAt != nil && gone.vanishedAt != nil)
    #expect(try look("new.example", own) == .unchanged)
    #expect(try domain("new.example").vanishedAt == nil)
    #expect(try DomainChecks.take("nobody.example", try connection()) == nil)
  }

  @Test func whatAnOlderBuildAddsIsUnprovenAndWhatWasThereIsNot() async throws {
    try await fixture.database.query("INSERT INTO postrider.domain (tenant, name) VALUES (1, 'late.example')")
    #expect(try domain("late.example").provenAt == nil)
    // As the step of the schema finds them.
    let old = try await TestDatabase.make()
    let connection = try PostgresConfiguration(url: old.url, role: "test").connect()
    let before = Migration.all.filter { $0.number < 14 }.map(\.sql)
    try connection.execute(
      script: """
        CREATE SCHEMA postrider;
        CREATE TABLE postrider.schema_version (
          number int PRIMARY KEY, title text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
        \(before.joined(separator: "\n"))
        INSERT INTO postrider.installation (purpose) VALUES ('test');
        INSERT INTO postrider.schema_version (number, title) VALUES (13, 'before');
        INSERT INTO postrider.tenant (name) VALUES ('acme');
        INSERT INTO postrider.domain (tenant, name) SELECT id, 'here.example' FROM postrider.tenant;
        """)
    try Schema.migrate(connection, purpose: .test)
    let here = try #require(try TenantDirectory(connection).domain("here.example"))
    #expect(here.proof == .earlier && here.provenAt != nil)
    #expect(here.challenge.text.count > 64, "it can be proven all the same")
  }

  @Test func aProvenDomainCoversThoseBelow() throws {
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    try directory.addDomain("shop.example.com", tenant: "acme")
    try directory.addDomain("rival.example.com", tenant: "rival")
    try directory.addDomain("notexample.com", tenant: "acme")
    #expect(try domain("shop.example.com").proof == .parent)
    #expect(try domain("rival.example.com").proof == nil)
    #expect(try domain("notexample.com").proof == nil)
    // Also one that was there before.
    try directory.addDomain("a.b.later.example", tenant: "acme")
    try directory.addDomain("a.rival.later.example", tenant: "rival")
    try directory.addDomain("later.example", tenant: "acme")
    _ = try due()
    #expect(try look("later.example", own) == .proven(.record, tenant: 1))
    #expect(try due() == ["a.b.later.example"])
    #expect(try look("a.b.later.example") { _ in .unknown } == .proven(.parent, tenant: 1))
    #expect(try look("a.rival.later.example") { _ in .nobody } == .unchanged)
  }

  @Test func anOperatorsWordCounts() throws {
    let directory = try fixture.directory()
    try directory.addDomain("word.example", tenant: "acme")
    let connection = try connection()
    let check = try #require(try DomainChecks.take("word.example", connection))
    #expect(try directory.trustDomain("word.example").proof == .trusted)
    let late = DomainSight(owner: .nobody, findings: "[]")
    #expect(try DomainChecks.write(late, of: check, interval: .seconds(60), connection) == .outdated)
    // There was no record that could be gone.
    #expect(try look("word.example") { _ in .nobody } == .unchanged)
    #expect(try domain("word.example").vanishedAt == nil)
    #expect(try look("word.example", own) == .unchanged)
    #expect(try domain("word.example").proof == .record)
    #expect(throws: DirectoryFailure.self) { try directory.trustDomain("nobody.example") }
  }

  /// Whoever proves it first has it, with nothing of the other's.
  @Test func twoTenantsClaimOneDomain() async throws {
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    #expect(throws: DirectoryFailure.self) { try directory.addDomain("example.com", tenant: "rival") }
    try directory.addDomain("wanted.example", tenant: "acme")
    _ = try directory.addCredential("eve@wanted.example", password: Array("secret".utf8))
    try directory.allowSender("wanted.example", for: "bob@example.com")
    guard case .claimed(let claim, let holder) = try directory.addDomain("wanted.example", tenant: "rival") else {
      Issue.record("not claimed")
      return
    }
    #expect(holder == "acme" && claim.tenant == "rival")
    #expect(try claim.challenge.text != domain("wanted.example").challenge.text)
    guard case .claimed(let again, _) = try directory.addDomain("wanted.example", tenant: "rival") else {
      Issue.record("not claimed again")
      return
    }
    #expect(again == claim, "the token stays")
    #expect(throws: DirectoryFailure.self) {
      try directory.addDomain("wanted.example", tenant: "rival", isTrusted: true)
    }
    #expect(throws: DirectoryFailure.self) { try directory.addDomain("wanted.example", tenant: "nobody") }
    #expect(try directory.claims(on: domain("wanted.example")) == [claim])

    let news = try look("wanted.example") { check in
      check.claims.first.map { .tenant($0.tenant) } ?? .nobody
    }
    #expect(news == .proven(.record, tenant: 2))
    let won = try domain("wanted.example")
    #expect(won.tenant == "rival" && won.proof == .record && won.challenge == claim.challenge)
    #expect(try directory.claims(on: won).isEmpty)
    #expect(try directory.credentials().map(\.name) == ["example.com", "bob@example.com"])
    #expect(try directory.credentials().allSatisfy { $0.senders.isEmpty })
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login("eve@wanted.example", "secret") == .rejected)
    // One that was being added in that moment is nobody's.
    try await fixture.database.query(
      """
      INSERT INTO postrider.credential (tenant, domain, name, secret)
      SELECT 1, d.id, 'eve@wanted.example', c.secret FROM postrider.domain d, postrider.credential c
      WHERE d.name = 'wanted.example' AND c.name = 'bob@example.com'
      """)
    fixture.advance(by: .seconds(2))
    #expect(await authenticator.login("eve@wanted.example", "secret") == .rejected)
    await authenticator.shutdown()
  }

  @Test func theHolderCanProveItToo() throws {
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    try directory.addDomain("wanted.example", tenant: "acme")
    try directory.addDomain("wanted.example", tenant: "rival")
    #expect(try look("wanted.example", own) == .proven(.record, tenant: 1))
    #expect(try directory.claims(on: domain("wanted.example")).isEmpty)
    #expect(throws: DirectoryFailure.self) { try directory.addDomain("wanted.example", tenant: "rival") }
  }

  /// Who takes a look on moves the next one ahead; what somebody else has found later counts.
  @Test func looksAreSharedOut() async throws {
    let directory = try fixture.directory()
    _ = try due()
    for number in 0..<5 { try directory.addDomain("d\(number).example", tenant: "acme") }
    #expect(try due(3) == ["d0.example", "d1.example", "d2.example"])
    #expect(try due() == ["d3.example", "d4.example"])
    #expect(try due().isEmpty)
    // Whoever took them has died.
    try await advance("2 minutes")
    #expect(try due(3) == ["example.com", "d0.example", "d1.example"])
    let connection = try connection()
    let first = try #require(try DomainChecks.take("d0.example", connection))
    let second = try #require(try DomainChecks.take("d0.example", connection))
    let sight = DomainSight(owner: .tenant(1), findings: "[]")
    #expect(try DomainChecks.write(sight, of: first, interval: .seconds(60), connection) == .outdated)
    #expect(try domain("d0.example").provenAt == nil)
    #expect(
      try DomainChecks.write(sight, of: second, interval: .seconds(60), connection) == .proven(.record, tenant: 1))
    try directory.disableDomain("d4.example")
    try await advance("1 day")
    #expect(try Set(due()).isDisjoint(with: ["d4.example"]))
  }

  @Test func whatIsNewIsLookedAtOften() async throws {
    try fixture.directory().addDomain("new.example", tenant: "acme")
    func wait() async throws -> String {
      try await fixture.database.query(
        """
        SELECT round(extract(epoch FROM check_due - checked_at)) FROM postrider.domain WHERE name = 'new.example'
        """)
    }
    func absent() throws {
      let connection = try connection()
      let check = try #require(try DomainChecks.takeDue(limit: 10, connection).first { $0.name == "new.example" })
      _ = try DomainChecks.write(
        DomainSight(owner: .nobody, findings: "[]"), of: check, interval: .seconds(86_400), connection)
    }
    for (later, seconds) in [("0 s", "60"), ("5 hours", "900"), ("2 days", "3600"), ("14 days", "86400")] {
      try await advance(later)
      try absent()
      #expect(try await wait() == seconds, "after \(later)")
    }
    // Somebody asks.
    try look("new.example") { _ in .nobody }
    #expect(try await wait() == "60")
    try look("new.example", own)
    #expect(try await wait() == "86400")
    try look("new.example") { _ in .unknown }
    #expect(try await wait() == "300")
  }

  /// What a login may send as says what of it is not proven, within seconds.
  @Test func loginsAreNotGoodForUnprovenDomains() async throws {
    let directory = try fixture.directory()
    try directory.addDomain("new.example", tenant: "acme")
    _ = try directory.addCredential("eve@new.example", password: Array("secret".utf8))
    try directory.allowSender("new.example", for: "bob@example.com")
    let authenticator = fixture.authenticator()
    let closed = fixture.authenticator(AuthenticatorConfiguration(requiresProof: false))
    for name in ["eve@new.example", "bob@example.com"] {
      let result = await authenticator.authenticate(
        username: name, password: Array("secret".utf8), clientAddress: "::1")
      guard case .accepted(let principal) = result else {
        Issue.record("\(result)")
        return
      }
      let token = String(try domain("new.example").challenge.text.dropFirst(DomainChallenge.prefix.count))
      let unproven = [UnprovenDomain(name: "new.example", token: token)]
      #expect(principal.unproven == unproven)
      #expect(await authenticator.standing(of: principal) == .goodExcept(unproven))
      #expect(await closed.standing(of: principal) == .good)
      try look("new.example", own)
      fixture.advance(by: .seconds(2))
      #expect(await authenticator.standing(of: principal) == .good)
      try await fixture.database.query(
        "UPDATE postrider.domain SET proven_at = NULL, proof = NULL WHERE name = 'new.example'")
      fixture.advance(by: .seconds(2))
    }
    await authenticator.shutdown()
    await closed.shutdown()
  }

  /// Whoever was logged in when his domain turned out to be another's does not go on sending as it.
  @Test func aDomainThatWentToAnotherIsClosedToOpenSessions() async throws {
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    try directory.addDomain("wanted.example", tenant: "acme")
    try directory.allowSender("wanted.example", for: "bob@example.com")
    let authenticator = fixture.authenticator()
    let login = await authenticator.authenticate(
      username: "bob@example.com", password: Array("secret".utf8), clientAddress: "::1")
    guard case .accepted(let principal) = login else {
      Issue.record("\(login)")
      return
    }
    _ = try directory.addDomain("wanted.example", tenant: "rival")
    try look("wanted.example") { check in check.claims.first.map { .tenant($0.tenant) } ?? .nobody }
    fixture.advance(by: .seconds(2))
    #expect(await authenticator.standing(of: principal) == .goodExcept(principal.unproven))
    #expect(authenticator.rememberedStanding(of: principal) == .goodExcept(principal.unproven))
    await authenticator.shutdown()
  }

  @Test func trustedNetworksAreNoWayRound() async throws {
    try fixture.directory().addDomain("new.example", tenant: "acme")
    func standing(_ asAnybody: Bool, _ requiresProof: Bool) async -> Standing {
      let clients = TrustedClients(
        tenant: "acme", networks: [], sendsAsAnybody: asAnybody, requiresProof: requiresProof, pool: fixture.pool)
      guard case .accepted(let principal) = await clients.principal() else { return .smtpOff }
      return await clients.standing(of: principal)
    }
    guard case .goodExcept(let unproven) = await standing(false, true) else {
      Issue.record("not refused")
      return
    }
    #expect(unproven.map(\.name) == ["new.example"])
    #expect(await standing(true, true) == .good)
    #expect(await standing(false, false) == .good)
  }

  /// A key that does not sign yet waits for its record, and the one before it goes on.
  @Test func keysWaitForTheirRecords() async throws {
    let files = try TemporaryDirectory()
    try MasterKey.create(file: files.path("master.keys"))
    let master = try MasterKey.load(file: files.path("master.keys"))
    let keys = SigningDirectory(try fixture.directory(), master: master, publishedFor: .seconds(86_400))
    let connection = try connection()
    func look(_ there: [String], _ missing: [String]) throws {
      let check = try #require(try DomainChecks.take("example.com", connection))
      func ids(_ selectors: [String]) -> [Int64] {
        check.keys.filter { key in selectors.contains { key.record.name.hasPrefix("\($0).") } }.map(\.id)
      }
      var sight = DomainSight(owner: .unknown, findings: "[]")
      (sight.keysThere, sight.keysMissing) = (ids(there), ids(missing))
      _ = try DomainChecks.write(sight, of: check, interval: .seconds(86_400), connection)
    }
    func states() throws -> [String] {
      try keys.list(domain: "example.com").sorted { $0.id < $1.id }.map { "\($0.selector) \($0.state.rawValue)" }
    }
    _ = try keys.add([.generate(.ed25519)], to: "example.com", selector: "one", after: .seconds(3600))
    try look([], ["one"])
    try await advance("2 hours")
    #expect(try states() == ["one pending"])
    #expect(try DomainHealth.look(connection).keysWaiting == 1)
    try look(["one"], [])
    #expect(try states() == ["one signing"])

    // Once it signs it goes on, whatever is found.
    try look([], ["one"])
    #expect(try states() == ["one signing"])
    _ = try keys.rotate("example.com", selector: "two", after: .seconds(86_400)) {
      algorithm throws(CryptographyFailure) in try .generate(algorithm)
    }
    try look(["one"], ["two"])
    try await advance("2 days")
    #expect(try states() == ["one signing", "two pending"])
    // Seen, missing again, seen: it is the time that was meant, if that is still to come.
    try look(["one", "two"], [])
    #expect(try states() == ["one retired", "two signing"])
    _ = try keys.rotate("example.com", selector: "three", after: .seconds(86_400)) {
      algorithm throws(CryptographyFailure) in try .generate(algorithm)
    }
    try look([], ["three"])
    try look(["three"], [])
    #expect(try states().suffix(2) == ["two signing", "three pending"])
    try await advance("1 day")
    #expect(try states().suffix(2) == ["two retired", "three signing"])
    // One that waits and is removed leaves the one before.
    _ = try keys.rotate("example.com", selector: "four", after: .seconds(86_400)) {
      algorithm throws(CryptographyFailure) in try .generate(algorithm)
    }
    try look([], ["four"])
    _ = try keys.remove("four", from: "example.com")
    try await advance("9 days")
    #expect(try states().last == "three signing")
    #expect(try keys.list(domain: "example.com").last?.retiredAt == nil)
  }

  /// Mailboxes go by the same proof as sending: that its record is gone takes nothing away, and begins nothing.
  @Test func whereMailboxesAreOutlivesTheRecordAndIsNotBegunWithoutIt() async throws {
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    try directory.addDomain("kept.example", tenant: "acme")
    try look("kept.example", own)
    try directory.setMailboxes(true, of: "kept.example")
    try look("kept.example") { _ in .nobody }
    #expect(try domain("kept.example").mailboxDomain == "kept.example" && domain("kept.example").vanishedAt != nil)
    let health = try DomainHealth.look(try connection())
    #expect(health.hosted == 1 && health.hostedVanished == 1)
    #expect(try DomainHealth.hostedVanished(try connection()).map(\.name) == ["kept.example"])
    // Nobody else can have it meanwhile, so that nobody else's proof is passed over.
    #expect(throws: DirectoryFailure.self) { try directory.addDomain("kept.example", tenant: "rival") }

    try directory.setMailboxes(false, of: "kept.example")
    #expect(throws: DirectoryFailure.self) { try directory.setMailboxes(true, of: "kept.example") }
    try directory.trustDomain("kept.example")
    try directory.setMailboxes(true, of: "kept.example")
    #expect(try DomainHealth.look(try connection()).hostedVanished == 0)
  }

  @Test func whoeverProvesADomainSaysAnewWhereItsMailboxesAre() async throws {
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    try directory.addDomain("wanted.example", tenant: "acme")
    _ = try directory.addDomain("wanted.example", tenant: "rival")
    #expect(throws: DirectoryFailure.self) { try directory.setMailboxes(true, of: "wanted.example") }
    try look("wanted.example") { check in check.claims.first.map { .tenant($0.tenant) } ?? .nobody }
    #expect(try domain("wanted.example").tenant == "rival" && domain("wanted.example").mailboxDomain == nil)
    #expect(try DomainHealth.look(try connection()).hosted == 0)
    try directory.setMailboxes(true, of: "wanted.example")
    #expect(try domain("wanted.example").mailboxDomain == "wanted.example")
  }

  @Test func howTheyStand() async throws {
    let directory = try fixture.directory()
    for name in ["a.example", "b.example", "c.example"] { try directory.addDomain(name, tenant: "acme") }
    try look("c.example", own)
    try look("c.example") { _ in .nobody }
    let connection = try connection()
    let health = try DomainHealth.look(connection)
    #expect(health.proven == 2 && health.unproven == 2 && health.vanished == 1 && health.keysWaiting == 0)
    #expect(try DomainHealth.unproven(limit: 1, connection).map(\.name) == ["a.example"])
    #expect(try DomainHealth.vanished(connection).map(\.name) == ["c.example"])
    try await advance("2 hours")
    #expect(try #require(DomainHealth.look(connection).overdue) > .seconds(7000))
  }
}
