import Admission
import Foundation
import MailModel
import NIOConcurrencyHelpers
import Testing

/// Who may send as whom, as clients hear it.
@Suite(.timeLimit(.minutes(10))) struct IdentityTests {
  /// - Returns: the replies to one transaction, then to MAIL once more, and how many messages were queued.
  private func submit(_ header: String) async throws -> (replies: [String], queued: Int) {
    let result = NIOLockedValueBox<(replies: [String], queued: Int)>(([], 0))
    try await TestNode.with { node in
      let client = try await node.greeted().login("alice@example.org", "own")
      try await client.send(
        "MAIL FROM:<alice@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n\(header)\r\n\r\ntext\r\n.\r\n"
          + "MAIL FROM:<alice@example.org>\r\n")
      var replies: [String] = []
      for _ in 0..<5 { replies.append(try await client.reply()) }
      result.withLockedValue { [replies, count = node.queue.count] in $0 = (replies, count) }
    }
    return result.withLockedValue { $0 }
  }

  @Test(arguments: [
    "From: alice@example.org", "from: Alice <Alice+tag@EXAMPLE.org>", "From: Alice\r\n <alice@example.org>",
    "Sender: alice@example.org\r\nFrom: alice@example.org",
  ])
  func onesOwnMailIsTaken(header: String) async throws {
    let (replies, queued) = try await submit(header)
    #expect(replies.map { $0.prefix(4) } == ["250 ", "250 ", "354 ", "250 ", "250 "])
    #expect(queued == 1)
  }

  @Test(arguments: [
    "From: ceo@bank.example", "From: alice@example.org\r\nSender: ceo@bank.example",
    "From: alice@example.org\r\nFrom: ceo@bank.example", "From : alice@example.org",
    "From: alice@example.org\r\nfRoM: alice@example.org", "From: \"ceo@bank.example\" <alice@example.org>",
    "From: alice@example.org, ceo@bank.example", "From: x:alice@example.org;",
  ])
  func othersNamesAreNot(header: String) async throws {
    let (replies, queued) = try await submit(header)
    #expect(replies[3].hasPrefix("550 5.7.1 "))
    #expect(replies[3].contains("this login sends as alice@example.org"))
    #expect(replies[4].hasPrefix("250 "), "the session goes on")
    #expect(queued == 0)
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

  @Test(arguments: [
    (Standing.good, "250 2.0.0 "), (.disabled("by hand"), "550 5.7.13 This account is disabled"),
    (.smtpOff, "550 5.7.13 SMTP access is switched off"),
  ])
  func anOpenSessionEndsItsRights(standing: Standing, reply: String) async throws {
    try await TestNode.with { node in
      let client = try await node.greeted().login("alice@example.org", "own")
      for isKnown in [true, false] {
        node.authenticator.knownStanding.withLockedValue { $0 = isKnown ? standing : nil }
        node.authenticator.laterStanding.withLockedValue { $0 = standing }
        try await client.send("MAIL FROM:<>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n\r\ntext\r\n.\r\n")
        for _ in 0..<3 { _ = try await client.reply() }
        #expect(try await client.reply().hasPrefix(reply))
      }
      #expect(node.queue.count == (standing == .good ? 2 : 0))
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

  /// A login may send as some of its domains and not as others, from one message of a session to the next.
  @Test func unprovenDomainsAreNotSentAs() async throws {
    try await TestNode.with { node in
      let unproven = [UnprovenDomain(name: "example.org", token: "abc")]
      node.authenticator.knownStanding.withLockedValue { $0 = nil }
      node.authenticator.laterStanding.withLockedValue { $0 = .goodExcept(unproven) }
      let client = try await node.greeted().login("alice@example.org", "own")
      func submit(_ path: String, _ author: String) async throws -> String {
        try await client.send(
          "MAIL FROM:<\(path)>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nFrom: \(author)\r\n\r\ntext\r\n.\r\n")
        for _ in 0..<3 { _ = try await client.reply() }
        return try await client.reply()
      }
      for path in ["", "alice@example.org"] {
        let reply = try await submit(path, "Alice <alice@EXAMPLE.org>")
        #expect(reply.hasPrefix("550-5.7.1 example.org is not verified yet"), "\(reply)")
        #expect(reply.contains("_postrider-challenge.example.org") && reply.contains("postrider-verification=abc"))
      }
      // Other domains' proofs do not concern it.
      node.authenticator.laterStanding.withLockedValue {
        $0 = .goodExcept([UnprovenDomain(name: "x.example", token: "a")])
      }
      #expect(try await submit("alice@example.org", "alice@example.org").hasPrefix("250 "))
      node.authenticator.laterStanding.withLockedValue { $0 = .good }
      #expect(try await submit("alice@example.org", "alice@example.org").hasPrefix("250 "))
      #expect(node.queue.count == 2)
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
