import Admission
import MailModel
import Authorship
import MailTesting
import NIOConcurrencyHelpers
import Postgres
import Testing

@Suite(.timeLimit(.minutes(10))) struct AuthenticatorTests {
  let fixture: AdmissionFixture

  init() async throws { fixture = try await AdmissionFixture() }

  /// Guesses at one password count together, whatever name they come under.
  @Test func allNamesOfADomainsCredentialAreOneAccount() async throws {
    let authenticator = fixture.authenticator()
    for name in ["example.com", "anybody@example.com", "Anybody.Else@EXAMPLE.com"] {
      #expect(await authenticator.account(of: name) == "example.com")
    }
    #expect(await authenticator.account(of: "bob@example.com") == "bob@example.com")
    #expect(await authenticator.account(of: "nobody@elsewhere.example") == "nobody@elsewhere.example")
    #expect(await authenticator.account(of: "no name") == "-")
    await authenticator.shutdown()
  }

  @Test func theAddressAndItsVariantsLogIn() async throws {
    let authenticator = fixture.authenticator()
    for name in ["bob@example.com", "bob@EXAMPLE.com", "bob+invoices@example.com", "bob+a+b@Example.Com"] {
      #expect(await authenticator.login(name, "secret") == .accepted("bob@example.com"))
    }
    #expect(await authenticator.login("Bob@example.com", "secret") == .rejected)
    await authenticator.shutdown()
  }

  @Test func aDomainsCredentialCoversItsAddresses() async throws {
    let authenticator = fixture.authenticator()
    let result = await authenticator.authenticate(
      username: "anyone@example.com", password: Array("shared".utf8), clientAddress: "::1")
    guard case .accepted(let principal) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(principal.coversDomain)
    #expect(principal.name == "example.com")
    #expect(principal.tenantName == "acme")
    #expect(await authenticator.login("example.com", "shared") == .accepted("example.com"))
    // An address with a credential of its own has that one only.
    #expect(await authenticator.login("bob@example.com", "shared") == .rejected)
    await authenticator.shutdown()
  }

  @Test(arguments: [
    ("bob@example.com", "wrong"), ("bob@example.com", ""), ("bob@example.com", "secret\0"),
    ("nobody@nowhere.example", "secret"),
    ("", "secret"), ("@example.com", "shared"), ("bob@", "secret"), ("bob\0@example.com", "secret"),
    ("bob @example.com", "secret"), (String(repeating: "a", count: 400) + "@example.com", "shared"),
    ("' OR true --@example.com", "x"),
  ])
  func everythingElseGetsOneAnswer(name: String, password: String) async throws {
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login(name, password) == .rejected)
    await authenticator.shutdown()
  }

  @Test func aSuccessSparesTheNextCheck() async throws {
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login("bob@example.com", "secret") == .accepted("bob@example.com"))
    // From here on no password can be checked.
    await authenticator.shutdown()
    fixture.advance(by: .seconds(59))
    #expect(await authenticator.login("bob@example.com", "secret") == .accepted("bob@example.com"))
    #expect(await authenticator.login("bob@example.com", "secret2") == .overloaded)
    fixture.advance(by: .seconds(1))
    #expect(await authenticator.login("bob@example.com", "secret") == .overloaded, "after a minute it is checked again")
  }

  @Test func aChangedPasswordIsVoidWithinSeconds() async throws {
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login("bob@example.com", "secret") == .accepted("bob@example.com"))
    _ = try fixture.directory().changePassword(of: "bob@example.com", to: Array("other".utf8))
    fixture.advance(by: .seconds(2))
    #expect(await authenticator.login("bob@example.com", "secret") == .rejected)
    #expect(await authenticator.login("bob@example.com", "other") == .accepted("bob@example.com"))
    await authenticator.shutdown()
  }

  @Test func twoPasswordsAreGoodWhileOneFollowsTheOther() async throws {
    let authenticator = fixture.authenticator()
    func expect(_ password: String, _ right: Outcome) async {
      #expect(await authenticator.login("bob@example.com", password) == right, "\(password)")
    }
    let changed = try fixture.directory().changePassword(
      of: "bob@example.com", to: Array("second".utf8), keepingOld: .seconds(3600)
    ).credential
    #expect(changed.oldPasswordUntil != nil)
    for password in ["secret", "second"] { await expect(password, .accepted("bob@example.com")) }
    await expect("wrong", .rejected)
    // The database's clock says when it is over, and what was remembered does not outlive it.
    try await fixture.database.query("UPDATE postrider.credential SET old_secret_until = now()")
    fixture.advance(by: .seconds(2))
    await expect("secret", .rejected)
    await expect("second", .accepted("bob@example.com"))
    _ = try fixture.directory().changePassword(of: "bob@example.com", to: Array("third".utf8))
    fixture.advance(by: .seconds(2))
    await expect("second", .rejected)
    await authenticator.shutdown()
  }

  /// How a login with the right password ends once what was known is over.
  private func expectLater(_ right: Outcome, _ authenticator: CredentialAuthenticator) async {
    fixture.advance(by: .seconds(2))
    #expect(await authenticator.login("bob@example.com", "secret") == right)
    // Whoever has not the password does not learn it.
    #expect(await authenticator.login("bob@example.com", "wrong") == .rejected)
  }

  @Test func credentialsEndAndAreForSMTPOrNot() async throws {
    let authenticator = fixture.authenticator()
    let directory = try fixture.directory()
    func expect(_ right: Outcome) async { await expectLater(right, authenticator) }
    try directory.setExpiry(of: "bob@example.com", after: .seconds(3600))
    await expect(.accepted("bob@example.com"))
    try directory.setExpiry(of: "bob@example.com", after: .zero)
    await expect(.disabled("the credential has expired"))
    try directory.setExpiry(of: "bob@example.com", after: nil)
    try directory.setSMTP(false, of: "bob@example.com")
    await expect(.smtpOff)
    try directory.setSMTP(true, of: "bob@example.com")
    await expect(.accepted("bob@example.com"))
    await authenticator.shutdown()
  }

  @Test func whoIsLoggedInStaysSoWhileNothingIsSwitchedOff() async throws {
    let authenticator = fixture.authenticator()
    let directory = try fixture.directory()
    var principals: [Principal] = []
    for user in ["bob@example.com", "anyone@example.com"] {
      let result = await authenticator.authenticate(
        username: user, password: Array((user.hasPrefix("bob") ? "secret" : "shared").utf8), clientAddress: "::1")
      guard case .accepted(let principal) = result else {
        Issue.record("\(result)")
        return
      }
      func standing() async -> Standing {
        fixture.advance(by: .seconds(2))
        #expect(authenticator.rememberedStanding(of: principal) == nil)
        let standing = await authenticator.standing(of: principal)
        #expect(authenticator.rememberedStanding(of: principal) == standing)
        return standing
      }
      #expect(await standing() == .good)
      _ = try directory.changePassword(of: principal.name, to: Array("other".utf8))
      #expect(await standing() == .good)
      try directory.setSMTP(false, of: principal.name)
      #expect(await standing() == .smtpOff)
      try directory.setSMTP(true, of: principal.name)
      try directory.disableTenant("acme")
      #expect(await standing() == .disabled("the tenant is suspended"))
      try directory.enableTenant("acme")
      #expect(await standing() == .good)
      if user.hasPrefix("bob") { try directory.disableCredential("bob@example.com") }
      _ = await standing()
      principals.append(principal)
    }
    try await fixture.database.drop()
    fixture.advance(by: .seconds(2))
    let principal = Principal(
      tenant: 1, tenantName: "acme", credential: 77, name: "bob@example.com", coversDomain: false, senders: nil)
    #expect(await authenticator.standing(of: principals[0]) == .disabled("the credential is disabled"))
    #expect(await authenticator.standing(of: principals[1]) == .good)
    #expect(await authenticator.standing(of: principal) == .good, "who is logged in goes on")
    #expect(authenticator.rememberedStanding(of: principal) == .good)
    await authenticator.shutdown()
  }

  @Test func itIsKnownWhenACredentialWasLastUsed() async throws {
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login("bob@example.com", "wrong") == .rejected)
    @Sendable func used() async throws -> String {
      try await fixture.database.query(
        "SELECT coalesce(last_used_at::text, '') FROM postrider.credential WHERE name LIKE 'bob%'")
    }
    #expect(try await used().isEmpty)
    #expect(await authenticator.login("bob@example.com", "secret") == .accepted("bob@example.com"))
    try await eventually("the use is written down") { try await !used().isEmpty }
    await authenticator.shutdown()
  }

  @Test func allowedSendersAreOfTheTenant() async throws {
    let authenticator = fixture.authenticator()
    let directory = try fixture.directory()
    try directory.addTenant("rival")
    try directory.addDomain("rival.example", tenant: "rival")
    func mayAll(_ addresses: String...) async throws -> [Bool] {
      fixture.advance(by: .seconds(2))
      let result = await authenticator.authenticate(
        username: "bob@example.com", password: Array("secret".utf8), clientAddress: "::1")
      guard case .accepted(let principal) = result else { return [] }
      let senders = try #require(principal.senders)
      return try addresses.map { senders.contains(try #require(MailAddress(trusted: $0))) }
    }
    #expect(try await mayAll("bob@example.com", "eve@example.com") == [true, false])
    try directory.allowSender("Eve@example.com", for: "bob@example.com")
    try directory.allowSender("Eve@example.com", for: "bob@example.com")
    #expect(try await mayAll("bob@example.com", "eve@example.com", "x@example.com") == [true, true, false])
    #expect(
      try directory.allowSender("example.com", for: "bob@example.com").senders == ["Eve@example.com", "example.com"])
    #expect(try await mayAll("x@example.com") == [true])
    #expect(throws: DirectoryFailure.self) { try directory.allowSender("ceo@rival.example", for: "bob@example.com") }
    #expect(throws: DirectoryFailure.self) { try directory.allowSender("rival.example", for: "bob@example.com") }
    try directory.addDomain("shop.example", tenant: "acme")
    try directory.allowSender("shop.example", for: "bob@example.com")
    #expect(try await mayAll("x@shop.example") == [true])
    try directory.disableDomain("shop.example")
    #expect(try await mayAll("x@shop.example") == [false])
    try directory.disallowSender("example.com", for: "bob@example.com")
    #expect(try await mayAll("x@example.com", "eve@example.com") == [false, true])
    #expect(throws: DirectoryFailure.self) { try directory.disallowSender("example.com", for: "bob@example.com") }
    await authenticator.shutdown()
  }

  @Test func whatIsSwitchedOffEndsWithinSeconds() async throws {
    let authenticator = fixture.authenticator()
    let directory = try fixture.directory()
    func expect(_ right: Outcome) async { await expectLater(right, authenticator) }
    await expect(.accepted("bob@example.com"))
    try directory.disableCredential("bob@example.com")
    await expect(.disabled("the credential is disabled"))
    try directory.enableCredential("bob@example.com")
    try directory.disableDomain("example.com")
    await expect(.disabled("the domain is disabled"))
    try directory.enableDomain("example.com")
    try directory.disableTenant("acme")
    await expect(.disabled("the tenant is suspended"))
    try directory.enableTenant("acme")
    await expect(.accepted("bob@example.com"))
    await authenticator.shutdown()
  }

  @Test func aNewAccountIsFoundWithinSeconds() async throws {
    let authenticator = fixture.authenticator()
    let directory = try fixture.directory()
    try directory.addDomain("new.example", tenant: "acme")
    #expect(await authenticator.login("eve@new.example", "secret") == .rejected)
    _ = try directory.addCredential("eve@new.example", password: Array("secret".utf8))
    fixture.advance(by: .seconds(2))
    #expect(await authenticator.login("eve@new.example", "secret") == .accepted("eve@new.example"))
    await authenticator.shutdown()
  }

  @Test func whatComesOnTopOfTheBoundIsRefused() async throws {
    let authenticator = fixture.authenticator(AuthenticatorConfiguration(checksMax: 1, waitingMax: 1))
    let outcomes = await withTaskGroup(of: Outcome.self) { group in
      for number in 0..<16 { group.addTask { await authenticator.login("bob@example.com", "wrong\(number)") } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.contains(.rejected))
    #expect(outcomes.contains(.overloaded))
    #expect(
      await authenticator.login("bob@example.com", "secret") == .accepted("bob@example.com"), "the bound is free again")
    await authenticator.shutdown()
  }

  @Test func oneClientsManyConnectionsCostOneCheck() async throws {
    let authenticator = fixture.authenticator(AuthenticatorConfiguration(checksMax: 1, waitingMax: 0))
    let outcomes = await withTaskGroup(of: Outcome.self) { group in
      for _ in 0..<32 { group.addTask { await authenticator.login("bob@example.com", "secret") } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes == Array(repeating: .accepted("bob@example.com"), count: 32))
    await authenticator.shutdown()
  }

  @Test func withoutTheDatabaseNobodyIsRejectedOrLetIn() async throws {
    let authenticator = fixture.authenticator()
    #expect(await authenticator.login("bob@example.com", "secret") == .accepted("bob@example.com"))
    try await fixture.database.drop()
    fixture.advance(by: .seconds(2))
    #expect(await authenticator.login("bob@example.com", "secret") == .unavailable)
    #expect(await authenticator.login("bob@example.com", "wrong") == .unavailable)
    #expect(await authenticator.login("nobody@example.com", "secret") == .unavailable)
    #expect(await authenticator.login("\0", "secret") == .unavailable)
    await authenticator.shutdown()
  }

  @Test func aDatabaseThatHangsDoesNotGatherLogins() async throws {
    let locker = try PostgresConfiguration(url: fixture.database.url, role: "locker").connect()
    try locker.execute(script: "BEGIN; LOCK TABLE postrider.credential IN ACCESS EXCLUSIVE MODE")
    let impatient = fixture.authenticator(AuthenticatorConfiguration(lookupTimeMax: .milliseconds(50)))
    #expect(await impatient.login("bob@example.com", "secret") == .unavailable)
    await impatient.shutdown()
    let narrow = fixture.authenticator(AuthenticatorConfiguration(lookupsMax: 1, lookupTimeMax: .seconds(60)))
    async let first = narrow.login("bob@example.com", "secret")
    // Two lookups wait at the lock: the impatient one's and this one's.
    try await eventually("two waiting lookups") { [database = fixture.database] in
      try await database.query(
        """
        SELECT count(*) = 2 FROM pg_locks WHERE NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
      ).hasPrefix("t")
    }
    #expect(await narrow.login("eve@example.com", "secret") == .unavailable)
    try locker.execute(script: "ROLLBACK")
    #expect(await first == .accepted("bob@example.com"))
    await narrow.shutdown()
  }
}
