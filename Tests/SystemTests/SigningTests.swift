import Foundation
import MailTesting
import Supervision
import Testing

/// DKIM from the client's words to the verifier's.
@Suite struct SigningTests {
  /// dkimpy and OpenDKIM verify what arrives, by the records that the command prints.
  @Test func submittedMailArrivesSigned() async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    defer { withExtendedLifetime(roles) {} }
    try await node.send(subject: "unsigned")
    let unsigned = try await node.waitForCaptured(1)
    #expect(!unsigned[0].message.contains("DKIM-Signature"))

    let records = try await node.addKeys(after: "0s")
    // Large ones go through a spill file and are streamed.
    try await node.waitUntilSigned()
    let before = try node.captured().count
    try await node.send(count: 3)
    try await node.send(subject: "large", sizeBytes: 3_000_000)
    try await node.send(implicit: true)
    try await node.waitUntilEmpty()
    let messages = try await node.waitForCaptured(before + 5)[before...].map(\.octets)
    for found in try VerifiedSignature.verify(messages, records: records) {
      #expect(found.map(\.algorithm) == ["rsa-sha256", "ed25519-sha256"])
      #expect(found.allSatisfy { $0.isGood && $0.domain == "sender.example" }, "\(found)")
    }
    // RFC 6376 §5.6: in front of the trace fields.
    #expect(messages.allSatisfy { String(decoding: $0, as: UTF8.self).hasPrefix("DKIM-Signature: v=1; a=rsa-sha256") })

    // No other domain's mail.
    let count = try node.captured().count
    for words in [
      ["domain", "add", "first", "elsewhere.example", "--trust"],
      ["credential", "set", RunningNode.user, "--allow-sender", "elsewhere.example"],
    ] {
      let result = try await node.command(words)
      #expect(result.status.isSuccess, "\(result.output)")
    }
    try await eventually("the other sender is allowed") {
      let output = try await node.python(
        """
        author = b"From: alice@elsewhere.example\\r\\nSubject: x\\r\\n\\r\\nx\\r\\n"
        print(send(connect(), ["bob@inbox.example"], author))
        """)
      return output.contains("(250,")
    }
    let other = try #require(try await node.waitForCaptured(count + 1).last)
    #expect(!other.message.contains("DKIM-Signature"))
  }

  /// What the acceptor does to a message, and the worker on the way out, leaves the signature good.
  @Test func everyFormOfAMessage() async throws {
    // Malformed ones too: they go as they came.
    let node = try await RunningNode(settings: "smtp.message_checks: pass")
    let roles = [try await node.acceptor(), try await node.worker()]
    defer { withExtendedLifetime(roles) {} }
    let records = try await node.addKeys(after: "0s")
    try await node.waitUntilSigned()
    let before = try node.captured().count
    let output = try await node.python(
      #"""
      author = b"From: alice@sender.example\r\n"
      forms = [
          author, author + b"\r\n", author + b"this is no field\r\nbody\r\n", author + b"\r\n\r\n\r\n",
          author + b"\r\n \t\r\nx\r\n \r\n", author + b"Bcc: carol@inbox.example\r\nTo: a@b.example,\r\n\tc@d.example\r\n\r\nx\r\n",
          author + b"\r\n.\r\n..\r\n.x\r\n", author + b"Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\n\xe9\xff\x00\r\n",
          b"Date: x\r\nMessage-ID: <1@a>\r\nReceived: a\r\n" + author + b"\r\nx\r\n",
          author + b"\r\n" + b"a line of text  with  spaces \r\n" * 50000,
      ]
      server = connect()
      for form in forms:
          say(*send(server, ["bob@inbox.example"], form, ["BODY=8BITMIME"]))
      # The same in pieces of any size, and one whose last line has no end.
      for size, form in [(1, forms[5]), (7, forms[2]), (4000, forms[9]), (30, author + b"\r\nno end")]:
          server.ehlo()
          server.mail(user, ["BODY=8BITMIME"])
          server.rcpt("bob@inbox.example")
          for start in range(0, len(form), size):
              part = form[start:start + size]
              last = b" LAST" if start + size >= len(form) else b""
              server.send(b"BDAT %d%s\r\n%s" % (len(part), last, part))
              code, reply = server.getreply()
          say(code, reply)
      """#)
    #expect(output.components(separatedBy: "250").count == 15, "\(output)")
    try await node.waitUntilEmpty()
    let messages = try await node.waitForCaptured(before + 14)[before...].map(\.octets)
    for (found, message) in zip(try VerifiedSignature.verify(messages, records: records), messages) {
      #expect(
        found.count == 2 && found.allSatisfy { $0.isGood },
        "\(found) \(String(decoding: message.prefix(2000), as: UTF8.self))")
    }
  }

  /// Every message verifies by the records that were there when it was signed: the new keys' are from before they sign, the
  /// old ones' stay.
  @Test func rotationUnderLoad() async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    defer { withExtendedLifetime(roles) {} }
    let first = try await node.addKeys(after: "0s")
    try await node.waitUntilSigned()
    let begun = try node.captured().count
    let load = try node.startPython(
      """
      number = 0
      servers = [connect() for _ in range(4)]
      while not os.path.exists(folder + "/enough"):
          code, reply = send(servers[number % 4], ["bob@inbox.example"],
              ("From: alice@sender.example\\r\\nSubject: %d\\r\\n\\r\\n%s\\r\\n" % (number, "text " * (number % 50))).encode())
          if code != 250: say("trouble", code, reply)
          number += 1
      say("sent", number)
      """)
    _ = try await node.waitForCaptured(begun + 20)
    let rotation = try await node.command(["dkim", "rotate", "sender.example", "--after", "1h"])
    #expect(rotation.status.isSuccess, "\(rotation.output)")
    let records = try await node.records()
    #expect(records.count == 4 && first.allSatisfy { records[$0.key] == $0.value })
    let waiting = try node.captured().count
    _ = try await node.waitForCaptured(waiting + 20)
    // Within the hour the old ones sign; then, without a word to anybody, the new ones.
    let old = try #require(try VerifiedSignature.verify([node.captured()[waiting + 10].octets], records: records).first)
    try await node.advance("61 minutes")
    try await eventually("the new keys sign") {
      let last = try #require(try node.captured().last)
      let found = try VerifiedSignature.verify([last.octets], records: records)
      return found.first.map { Set($0.map(\.selector)).isDisjoint(with: old.map(\.selector)) && $0.count == 2 } ?? false
    }
    try node.signal("enough")
    _ = try await load.waitForExit(atMost: .seconds(60))
    #expect(load.output.contains("sent") && !load.output.contains("trouble"), "\(load.output)")
    try await node.waitUntilEmpty()
    let messages = try node.captured()[begun...].map(\.octets)
    let found = try VerifiedSignature.verify(messages, records: records)
    #expect(found.allSatisfy { $0.count == 2 && $0.allSatisfy { $0.isGood } })
    #expect(Set(found.flatMap { $0.map(\.selector) }).count == 4)

    // The old ones cannot be removed while their mail may be on its way; a week later they can.
    let name = try #require(old.first?.selector)
    #expect(try await node.command(["dkim", "remove", "sender.example", name]).status == .exited(64))
    try await node.advance("7 days")
    #expect(try await node.command(["dkim", "remove", "sender.example", name]).status.isSuccess)
  }

  /// A key that cannot be opened does not let mail out without a signature.
  @Test func mailThatCannotBeSignedIsNotTaken() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.acceptor()
    defer { withExtendedLifetime(acceptor) {} }
    _ = try await node.addKeys(after: "0s")
    try await node.database.query("UPDATE postrider.dkim_key SET selector = 'another' WHERE algorithm = 'rsa-sha256'")
    let output = try await node.python(
      """
      server = connect()
      while True:
          code, reply = send(server, ["bob@inbox.example"], b"From: alice@sender.example\\r\\n\\r\\nx\\r\\n")
          if code != 250: break
      say(code, reply)
      """)
    #expect(output.contains("451 4.7.5 The message cannot be signed now"))
  }
}

extension RunningNode {
  /// Makes keys with the command.
  /// - Returns: the records that it tells to publish.
  fileprivate func addKeys(after delay: String) async throws -> [String: String] {
    let added = try await command(["dkim", "add", "sender.example", "--after", delay])
    guard added.status.isSuccess else { throw NodeTrouble(added.output) }
    return try await records()
  }

  fileprivate func records() async throws -> [String: String] {
    struct Record: Decodable {
      var name: String
      var value: String
    }
    let shown = try await command(["dkim", "record", "sender.example", "--json"])
    let records = try JSONDecoder().decode([Record].self, from: Data(shown.output.utf8))
    return Dictionary(uniqueKeysWithValues: records.map { ($0.name, $0.value) })
  }

  /// Sends until something arrives signed: acceptors ask for keys every two seconds.
  fileprivate func waitUntilSigned() async throws {
    try await eventually("a signed message") { [self] in
      let count = try captured().count
      try await send(subject: "probe")
      return try await waitForCaptured(count + 1).last?.message.contains("DKIM-Signature") == true
    }
    try await waitUntilEmpty()
  }
}
