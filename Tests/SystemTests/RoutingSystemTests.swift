import Foundation
import MailTesting
import Testing

/// Where mail goes, by real DNS, and under what protection.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RoutingSystemTests {
  private func roles(_ node: RunningNode) async throws -> [ProcessHarness] {
    [try await node.acceptor(), try await node.worker()]
  }

  @Test func aDomainWithoutMXIsItsOwnExchanger() async throws {
    let node = try await RunningNode(zones: ["implicit.example": "@ A 127.0.0.3\n"])
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@implicit.example"])
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.local == "127.0.0.3")
    _ = roles
  }

  @Test func exchangersOfEqualPreferenceShareTheMail() async throws {
    let node = try await RunningNode(
      zones: ["equal.example": "@ MX 10 a\n@ MX 10 b\na A 127.0.0.2\nb A 127.0.0.3\n"])
    let roles = try await roles(node)
    // All by chance at one of them: once in four million runs.
    _ = try await node.send(count: 24, to: ["bob@equal.example"])
    let mails = try await node.waitForCaptured(24)
    #expect(Set(mails.map(\.local)) == ["127.0.0.2", "127.0.0.3"])
    _ = roles
  }

  @Test func aDeadExchangerIsPassedOver() async throws {
    let node = try await RunningNode(
      zones: ["dead.example": "@ MX 10 dead\n@ MX 20 live\ndead A 127.0.0.9\nlive A 127.0.0.3\n"])
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@dead.example"])
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("kind, attempt, remote_address")
    #expect(outcome == "0|1|127.0.0.3")
    _ = roles
  }

  @Test func anExchangerThatGreetsWith421IsPassedOver() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: connect, listen: 127.0.0.3, reply: '421 4.3.2 not now', then: drop}\n",
      zones: ["grumpy.example": "@ MX 10 busy\n@ MX 20 free\nbusy A 127.0.0.3\nfree A 127.0.0.2\n"])
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@grumpy.example"])
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("kind, attempt, remote_address")
    #expect(outcome == "0|1|127.0.0.2")
    _ = roles
  }

  @Test func aPrivateAddressIsNotDialled() async throws {
    let node = try await RunningNode(
      zones: [
        "private.example": "@ MX 10 mx\nmx A 10.1.2.3\n", "mapped.example": "@ MX 10 mx\nmx AAAA ::ffff:192.168.1.1\n",
        "metadata.example": "@ A 169.254.169.254\n",
      ])
    let roles = try await roles(node)
    for name in ["private", "mapped", "metadata"] { _ = try await node.send(to: ["bob@\(name).example"]) }
    try await node.waitForOutcomes(3)
    #expect(
      try await node.database.query("SELECT DISTINCT failure, remote_address IS NULL FROM postrider.outcome")
        == "forbidden_address|t")
    _ = roles
  }

  @Test func aDomainWhoseExchangerIsThisNodeIsALoop() async throws {
    let node = try await RunningNode(zones: ["loop.example": "@ MX 10 node.test.\n"])
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@loop.example"])
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("failure")
    #expect(outcome == "mail_loop")
    _ = roles
  }

  @Test func mailThatHasPassedTooManyHostsIsRefused() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.acceptor()
    let output = try await node.python(
      """
      text = b"Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0000\\r\\n" * 26 + b"Subject: x\\r\\n\\r\\nx\\r\\n"
      say(send(connect(), ["bob@inbox.example"], text))
      """)
    #expect(output.contains("(554, '5.4.6"), "\(output)")
    _ = acceptor
  }

  // MARK: Smarthost

  private func smarthost(_ host: String, password: String) async throws -> (RunningNode, TemporaryDirectory) {
    let folder = try TemporaryDirectory()
    let file = try folder.write(password + "\n", to: "password")
    let node = try await RunningNode(
      script: "hosts:\n  127.0.0.2: {name: smart.example, logins: {relay: 'se cret'}}\n",
      zones: ["smart.example": "@ A 127.0.0.2\n", "alias.example": "@ A 127.0.0.2\n"],
      delivery: {
        "routes: [{domain: '*', host: \(host), port: \($0), tls: required, user: relay, password_file: \(file)}]"
      })
    return (node, folder)
  }

  @Test func aSmarthostTakesEverythingAfterALoginOverVerifiedTLS() async throws {
    let (node, folder) = try await smarthost("smart.example", password: "se cret")
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@wherever.example"])
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.field("login") == "relay")
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("kind, tls_version, tls_verified")
    #expect(outcome == "0|TLSv1.3|t")
    _ = (roles, folder)
  }

  @Test func aSmarthostWithAnotherNamesCertificateGetsNeitherPasswordNorMail() async throws {
    let (node, folder) = try await smarthost("alias.example", password: "se cret")
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@wherever.example"])
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("kind, failure, stage")
    #expect(outcome == "1|tls|4")
    #expect(try node.captured().isEmpty)
    _ = (roles, folder)
  }

  @Test func aSmarthostThatRefusesTheLoginDelaysTheMail() async throws {
    let (node, folder) = try await smarthost("smart.example", password: "wrong")
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@wherever.example"])
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("kind, reply_code, stage")
    #expect(outcome == "1|535|5")
    _ = (roles, folder)
  }

  // MARK: TLS

  private static let brokenTLS =
    "rules:\n  - {stage: starttls, listen: 127.0.0.3, reply: '220 2.0.0 go ahead', then: drop}\n"

  @Test func aBrokenHandshakeIsFollowedByOneTryInClear() async throws {
    let node = try await RunningNode(
      script: Self.brokenTLS, zones: ["broken.example": "@ MX 10 mx\nmx A 127.0.0.3\n"])
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@broken.example"])
    try await node.waitForOutcomes(1)
    let outcome = try await node.outcomes("kind, attempt, tls_version IS NULL")
    #expect(outcome == "0|1|t")
    let mail = try #require(try node.captured().first)
    #expect(mail.field("session") == 2, "one session was given to the handshake, one to the mail")
    _ = roles
  }

  @Test func requiredTLSNeverFallsBackToClear() async throws {
    let node = try await RunningNode(
      script: "hosts:\n  127.0.0.2: {name: mx.inbox.example, without: [STARTTLS]}\n" + Self.brokenTLS,
      zones: ["broken.example": "@ MX 10 mx\nmx A 127.0.0.3\n"], delivery: { _ in "tls: required" })
    let roles = try await roles(node)
    _ = try await node.send(to: ["bob@inbox.example"])
    _ = try await node.send(to: ["bob@broken.example"])
    try await node.waitForOutcomes(2)
    #expect(try await node.database.query("SELECT DISTINCT kind, stage FROM postrider.outcome") == "1|4")
    #expect(try node.captured().isEmpty)
    let journal = try node.journal()
    #expect(journal.allSatisfy { $0["mail_from"] == nil }, "no transaction was even begun")
    _ = roles
  }
}
