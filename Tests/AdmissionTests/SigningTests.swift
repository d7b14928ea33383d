import Admission
import Cryptography
import DKIM
import MailTesting
import Postgres
import Testing

/// Keys of domains: their life in the directory, and how acceptors learn of it.
@Suite struct SigningTests {
  @Test func keysAreMadeAndFound() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, keys) = try fixture.signing()
    #expect(try await fixture.found(keys) == [])
    let added = try directory.add(Self.pair(), to: "Example.com", after: .zero)
    #expect(added.map(\.algorithm) == [.rsa, .ed25519] && added.allSatisfy { $0.state == .signing })
    #expect(added.allSatisfy { $0.record.name == "\($0.selector)._domainkey.example.com" })
    // Not before what is known is two seconds old.
    #expect(try await fixture.found(keys) == [])
    fixture.advance(by: .seconds(2))
    #expect(try await fixture.found(keys) == added.map(\.selector))
    // What is found signs as what is published.
    let opened = try await keys.find(1, "example.com").get()
    #expect(opened.map(\.record) == added.map(\.record))
    // Another tenant's, and other domains.
    #expect(try await keys.find(2, "example.com").get().isEmpty)
    #expect(try await keys.find(1, "sub.example.com").get().isEmpty)
    #expect(try await fixture.database.query("SELECT count(*) FROM postrider.dkim_key") == "2")
  }

  /// Neither half of a private key is in the database as it is.
  @Test func privateKeysAreWrapped() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, keys) = try fixture.signing()
    let pair = try Self.pair()
    _ = try directory.add(pair, to: "example.com", after: .zero)
    let stored = try await fixture.database.query("SELECT encode(private_key, 'hex') FROM postrider.dkim_key")
    let digits = Array("0123456789abcdef")
    for key in pair {
      let secret = String(key.privateBytes.suffix(24).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
      #expect(!stored.contains(secret))
    }
    // Nor is one good for another row.
    try await fixture.database.query(
      "UPDATE postrider.dkim_key SET selector = 'another' WHERE algorithm = 'ed25519-sha256'")
    guard case .failure(let failure) = await keys.find(1, "example.com") else {
      Issue.record("a moved key was opened")
      return
    }
    #expect(failure.reason.contains("the key another of example.com cannot be opened"))
  }

  @Test func aRotationOverlaps() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, keys) = try fixture.signing()
    let old = try directory.add(Self.pair(), to: "example.com", selector: "old", after: .seconds(3600))
    #expect(old.map(\.selector) == ["old-rsa", "old-ed"] && old.allSatisfy { $0.state == .pending })
    #expect(throws: DirectoryFailure.self) { try rotate(directory, "early") }
    try await fixture.advanceSchedule("1 hour")
    #expect(try await fixture.found(keys) == ["old-rsa", "old-ed"])
    let new = try rotate(directory, "new")
    #expect(new.map(\.selector) == ["new-rsa", "new-ed"] && new.allSatisfy { $0.state == .pending })
    // A second one would retire keys that never signed.
    #expect(throws: DirectoryFailure.self) { try rotate(directory, "soon") }
    fixture.advance(by: .seconds(3))
    #expect(try await fixture.found(keys) == ["old-rsa", "old-ed"])
    try await fixture.advanceSchedule("2 days")
    fixture.advance(by: .seconds(3))
    #expect(try await fixture.found(keys) == ["new-rsa", "new-ed"])
    #expect(try directory.list(domain: "example.com").map(\.state) == [.retired, .retired, .signing, .signing])
    #expect(throws: DirectoryFailure.self) { try directory.remove("old-ed", from: "example.com") }
    #expect(throws: DirectoryFailure.self) { try directory.remove("new-ed", from: "example.com") }
    try await fixture.advanceSchedule("7 days")
    #expect(try directory.list().map(\.state) == [.removable, .removable, .signing, .signing])
    #expect(try directory.remove("old-ed", from: "example.com").selector == "old-ed")
    // By force, and from then on that algorithm signs no more.
    _ = try directory.remove("new-ed", from: "example.com", force: true)
    fixture.advance(by: .seconds(3))
    #expect(try await fixture.found(keys) == ["new-rsa"])
  }

  @Test func aSuccessorThatIsRemovedLeavesTheOldOne() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, keys) = try fixture.signing()
    _ = try directory.add(Self.pair(), to: "example.com", selector: "old", after: .zero)
    _ = try rotate(directory, "new")
    _ = try directory.remove("new-rsa", from: "example.com")
    try await fixture.advanceSchedule("3 days")
    #expect(try await fixture.found(keys) == ["old-rsa", "new-ed"])
    // It can be rotated again.
    #expect(try rotate(directory, "newer").map(\.selector) == ["newer-rsa", "newer-ed"])
  }

  @Test func whatIsRefused() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, _) = try fixture.signing()
    let pair = try Self.pair()
    func kind(_ body: () throws -> [SigningKeyEntry]) -> DirectoryFailure.Kind? {
      do {
        _ = try body()
        return nil
      } catch {
        return (error as? DirectoryFailure)?.kind
      }
    }
    #expect(kind { try directory.add(pair, to: "nobody.example", after: .zero) } == .missing)
    #expect(kind { try directory.list(domain: "nobody.example") } == .missing)
    #expect(kind { try rotate(directory, "x") } == .missing)
    #expect(kind { try directory.add([pair[1]], to: "example.com", selector: "a_b", after: .zero) } == .invalid)
    #expect(kind { try directory.add([pair[1]], to: "example.com", selector: "a", after: .zero) } == nil)
    #expect(kind { try directory.add(pair, to: "example.com", selector: "b", after: .zero) } == .exists)
    // Nothing of that one is there.
    #expect(try directory.list().map(\.selector) == ["a"])
    #expect(kind { try directory.add([pair[0]], to: "example.com", selector: "a", after: .zero) } == .exists)
    // Names by the date do not collide.
    #expect(kind { try directory.add([pair[0]], to: "example.com", after: .zero) } == nil)
    #expect(
      kind {
        try directory.rotate("example.com", after: .zero) { algorithm throws(CryptographyFailure) in
          try .generate(algorithm)
        }
      } == nil)
    #expect(Set(try directory.list().map(\.selector)).count == 4)
  }

  @Test func aDisabledDomainIsNotSigned() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, keys) = try fixture.signing()
    _ = try directory.add([Self.pair()[1]], to: "example.com", selector: "a", after: .zero)
    #expect(try await fixture.found(keys) == ["a"])
    try fixture.directory().disableDomain("example.com")
    fixture.advance(by: .seconds(3))
    #expect(try await fixture.found(keys) == [])
  }

  @Test func domainsInAnyScript() async throws {
    let fixture = try await AdmissionFixture()
    let (directory, keys) = try fixture.signing()
    try fixture.directory().addDomain("bücher.example", tenant: "acme")
    try fixture.directory().addDomain("xn--caf-dma.example", tenant: "acme")
    let added = try directory.add([Self.pair()[1]], to: "bücher.example", selector: "a", after: .zero)
    #expect(added[0].record.name == "a._domainkey.xn--bcher-kva.example")
    _ = try directory.add([Self.pair()[1]], to: "xn--caf-dma.example", selector: "b", after: .zero)
    #expect(try await keys.find(1, "bücher.example").get().map(\.domain) == ["xn--bcher-kva.example"])
    #expect(try await keys.find(1, "café.example").get().map(\.domain) == ["xn--caf-dma.example"])
    for form in ["xn--bcher-kva.example", "BÜCHER.example", "bu\u{308}cher.example"] {
      #expect(try await keys.find(1, form.lowercased()).get().map(\.domain) == ["xn--bcher-kva.example"])
    }
    // Two names of one domain could be two tenants'.
    #expect(throws: DirectoryFailure.self) {
      try fixture.directory().addDomain("xn--bcher-kva.example", tenant: "acme")
    }
    #expect(throws: DirectoryFailure.self) { try fixture.directory().addDomain("café.example", tenant: "acme") }
  }

  /// While the database is away, what was known last goes on; what was never known fails.
  @Test func withoutTheDatabase() async throws {
    let server = try await PostgresServer()
    let fixture = try await AdmissionFixture(on: server)
    let (directory, keys) = try fixture.signing()
    _ = try directory.add([Self.pair()[1]], to: "example.com", selector: "a", after: .zero)
    #expect(try await fixture.found(keys) == ["a"])
    try await server.stop()
    fixture.advance(by: .seconds(60))
    #expect(keys.remembered(1, "example.com") == nil)
    #expect(try await fixture.found(keys) == ["a"])
    guard case .failure = await keys.find(1, "other.example") else {
      Issue.record("an answer without a database")
      return
    }
  }

  private static func pair() throws -> [SigningKey] { [try .generate(.rsa), try .generate(.ed25519)] }

  private func rotate(_ directory: SigningDirectory, _ selector: String) throws -> [SigningKeyEntry] {
    try directory.rotate("example.com", selector: selector, after: .seconds(2 * 86_400)) {
      algorithm throws(CryptographyFailure) in try .generate(algorithm)
    }
  }
}

extension AdmissionFixture {
  fileprivate func signing() throws -> (SigningDirectory, SigningKeys) {
    let files = try TemporaryDirectory()
    try MasterKey.create(file: files.path("master.keys"))
    let master = try MasterKey.load(file: files.path("master.keys"))
    return (
      SigningDirectory(try directory(), master: master, publishedFor: .seconds(7 * 86_400)),
      SigningKeys(pool: pool, master: master) { self.now }
    )
  }

  fileprivate func found(_ keys: SigningKeys) async throws -> [String] {
    try await keys.find(1, "example.com").get().map(\.selector)
  }

  fileprivate func advanceSchedule(_ interval: String) async throws {
    try await database.query("UPDATE postrider.installation SET schedule_offset = schedule_offset + '\(interval)'")
  }
}
