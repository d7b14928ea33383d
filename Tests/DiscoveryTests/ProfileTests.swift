import Cryptography
import Foundation
import MailTesting
import Supervision
import Testing

@testable import Discovery

/// Apple's profile: what is in it, and who vouches for it.
@Suite(.timeLimit(.minutes(5))) struct ProfileTests {
  private func profile(_ service: MailService, _ address: String) throws -> [String: Any] {
    let address = try #require(AccountAddress(address))
    let text = try #require(AppleProfile.document(service, for: address))
    return try dictionary(Data(text.utf8))
  }

  private func dictionary(_ data: Data) throws -> [String: Any] {
    try #require(try PropertyListSerialization.propertyList(from: data, format: nil) as? [String: Any])
  }

  private func account(_ profile: [String: Any]) throws -> [String: Any] {
    try #require((profile["PayloadContent"] as? [[String: Any]])?.first)
  }

  @Test func theProfileHasBothServers() throws {
    let profile = try profile(Fixture.service, "o'brien&co@customer.example")
    #expect(profile["PayloadType"] as? String == "Configuration" && profile["PayloadVersion"] as? Int == 1)
    let account = try account(profile)
    #expect(account["PayloadType"] as? String == "com.apple.mail.managed")
    #expect(account["EmailAccountType"] as? String == "EmailTypeIMAP")
    #expect(account["EmailAddress"] as? String == "o'brien&co@customer.example")
    for (direction, host, port) in [("Incoming", "imap.node.example", 993), ("Outgoing", "smtp.node.example", 465)] {
      #expect(account["\(direction)MailServerHostName"] as? String == host)
      #expect(account["\(direction)MailServerPortNumber"] as? Int == port)
      #expect(account["\(direction)MailServerUseSSL"] as? Bool == true)
      #expect(account["\(direction)MailServerUsername"] as? String == "o'brien&co@customer.example")
      #expect(account["\(direction)MailServerAuthentication"] as? String == "EmailAuthPassword")
    }
    #expect(!account.keys.contains { $0.hasSuffix("ServerPassword") })
  }

  @Test func aNewProfileReplacesTheOneFromBefore() throws {
    let first = try profile(Fixture.service, "a@customer.example")
    var moved = Fixture.service
    moved.imap?.host = "imap2.node.example"
    let second = try profile(moved, "a@customer.example")
    let other = try profile(Fixture.service, "b@customer.example")
    for key in ["PayloadIdentifier", "PayloadUUID"] {
      #expect(first[key] as? String == second[key] as? String)
      #expect(first[key] as? String != other[key] as? String)
    }
    #expect(UUID(uuidString: first["PayloadUUID"] as? String ?? "") != nil)
  }

  @Test func onlyPOP3IsAnAccountToo() throws {
    var service = Fixture.service
    service.imap = nil
    let account = try account(try profile(service, "a@customer.example"))
    #expect(account["EmailAccountType"] as? String == "EmailTypePOP")
    #expect(account["IncomingMailServerHostName"] as? String == "pop.node.example")
  }

  /// OpenSSL's own program checks the signature, and takes the content out.
  @Test func theSignatureIsTheServices() async throws {
    let discovery = try await RunningDiscovery()
    let file = discovery.directory.path("profile")
    let fetched = try await run(
      "curl",
      [
        "--silent", "--fail", "--cacert", discovery.files.authorityCertificate, "--output", file, "--dump-header", "-",
        "https://localhost:\(discovery.securePort)/mail/account.mobileconfig?emailaddress=a@customer.example",
      ])
    #expect(fetched.output.contains("Content-Type: application/x-apple-aspen-config"), "\(fetched.output)")
    #expect(fetched.output.contains("filename=\"customer.example.mobileconfig\""))
    func verify(_ authority: String, _ file: String) async throws -> Bool {
      // The certificate is a server's, not one for mail: that is what Apple's devices accept.
      let verified = try await run(
        "openssl",
        [
          "cms", "-verify", "-inform", "DER", "-in", file, "-CAfile", authority, "-purpose", "any", "-out",
          discovery.directory.path("content"),
        ])
      return verified.status.isSuccess
    }
    #expect(try await verify(discovery.files.authorityCertificate, file))
    let content = try Data(contentsOf: URL(fileURLWithPath: discovery.directory.path("content")))
    #expect(try account(try dictionary(content))["EmailAddress"] as? String == "a@customer.example")

    // Changed content, or another authority: no.
    var octets = try Data(contentsOf: URL(fileURLWithPath: file))
    let place = try #require(octets.range(of: Data("imap.node.example".utf8)))
    octets[place.lowerBound] = UInt8(ascii: "x")
    let forged = discovery.directory.path("forged")
    try octets.write(to: URL(fileURLWithPath: forged))
    #expect(try await !verify(discovery.files.authorityCertificate, forged))
    let other = try TemporaryDirectory()
    let files = try CertificateMaker.ensure(directory: other.path, names: ["localhost"])
    #expect(try await !verify(files.authorityCertificate, file))
    try await discovery.end()
  }
}
