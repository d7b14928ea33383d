import Foundation
import MailModel
import Testing

/// Who may send as whom, as clients hear it.
@Suite(.timeLimit(.minutes(10))) struct IdentityTests {
  private func submit(
    _ header: String, path: String = "alice@example.org", _ check: @Sendable (TestClient, TestNode) async throws -> Void
  ) async throws {
    try await TestNode.with { node in
      let client = try await node.greeted().login("alice@example.org", "own")
      try await client.send(
        "MAIL FROM:<\(path)>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n\(header)\r\n\r\ntext\r\n.\r\n")
      try await check(client, node)
    }
  }

  @Test(arguments: [
    "From: alice@example.org", "from: Alice <Alice+tag@EXAMPLE.org>", "From: Alice\r\n <alice@example.org>",
    "Sender: alice@example.org\r\nFrom: alice@example.org",
  ])
  func onesOwnMailIsTaken(header: String) async throws {
    try await submit(header) { client, _ in
      #expect(try await client.reply().hasPrefix("250 2.1.0 "))
      #expect(try await client.reply().hasPrefix("250 2.1.5 "))
      #expect(try await client.reply().hasPrefix("354 "))
      #expect(try await client.reply().hasPrefix("250 2.0.0 "))
    }
  }

  @Test(arguments: [
    "From: ceo@bank.example", "From: alice@example.org\r\nSender: ceo@bank.example",
    "From: alice@example.org\r\nFrom: ceo@bank.example", "From : alice@example.org",
    "From: alice@example.org\r\nfRoM: alice@example.org", "From: \"ceo@bank.example\" <alice@example.org>",
    "From: alice@example.org, ceo@bank.example", "From: x:alice@example.org;",
  ])
  func othersNamesAreNot(header: String) async throws {
    try await submit(header) { client, node in
      for _ in 0..<3 { _ = try await client.reply() }
      let refusal = try await client.reply()
      #expect(refusal.hasPrefix("550 5.7.1 "))
      #expect(refusal.contains("this login sends as alice@example.org"))
      #expect(node.queue.count == 0)
      // The session goes on.
      #expect(try await client.command("MAIL FROM:<alice@example.org>").hasPrefix("250 "))
    }
  }

  @Test(arguments: ["", "bounces@example.org"]) func whoSaysNothingIsNamed(path: String) async throws {
    try await TestNode.with { node in
      let client = try await node.greeted().login(path.isEmpty ? "alice@example.org" : "example.org", "own")
      try await client.send("MAIL FROM:<\(path)>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n")
      for _ in 0..<3 { _ = try await client.reply() }
      #expect(try await client.reply().hasPrefix("250 2.0.0 "))
      let message = try #require(await node.queue.next())
      #expect(try message.text.contains("\r\nFrom: <\(path.isEmpty ? "alice@example.org" : path)>\r\n\r\ntext"))
    }
  }

  @Test func nobodyIsNamedForAWholeDomain() async throws {
    try await TestNode.with { node in
      let client = try await node.greeted().login("example.org", "own")
      try await client.send("MAIL FROM:<>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n")
      for _ in 0..<3 { _ = try await client.reply() }
      #expect(
        try await client.reply()
          == "550 5.7.1 There is no From field: this login sends as any address at example.org")
    }
  }

  @Test func theReversePathIsOnesOwnOrNull() async throws {
    try await TestNode.with { node in
      let client = try await node.greeted().login("alice@example.org", "own")
      #expect(
        try await client.command("MAIL FROM:<ceo@bank.example>")
          == "553 5.7.1 This sender address is not yours: this login sends as alice@example.org")
      #expect(try await client.command("MAIL FROM:<alice+bounces@example.org>").hasPrefix("250 "))
      #expect(try await client.command("RSET").hasPrefix("250 "))
      #expect(try await client.command("MAIL FROM:<>").hasPrefix("250 "))
    }
  }

  @Test func smtpThatIsSwitchedOffSaysSo() async throws {
    try await TestNode.with { node in
      let client = try await node.greeted()
      #expect(
        try await client.command("AUTH PLAIN \(TestNode.plain("smtp off"))")
          == "525 5.7.13 SMTP access is switched off for this account")
    }
  }
}

extension TestClient {
  /// - Returns: the client itself, logged in.
  fileprivate func login(_ user: String, _ password: String) async throws -> TestClient {
    let reply = try await command("AUTH PLAIN \(Data("\0\(user)\0\(password)".utf8).base64EncodedString())")
    #expect(reply.hasPrefix("235 "))
    return self
  }
}
