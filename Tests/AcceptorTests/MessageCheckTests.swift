import Acceptor
import MailFormat
import SMTPWire
import Testing

/// Malformed messages as a client meets them: what it is told, and what is queued.
@Suite(.timeLimit(.minutes(10))) struct MessageCheckTests {
  private static let header = "From: a@example.org\r\nTo: b@example.net\r\nDate: x\r\nMessage-ID: <a@b>\r\n"
  private static let mixed = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let content: String
    /// What a reply begins with, by mode.
    let strict: String
    let repair: String
    var pass = "250 "
    var testDescription: String { name }

    init(_ name: String, _ content: String, _ strict: String, _ repair: String? = nil, pass: String = "250 ") {
      (self.name, self.content, self.strict, self.repair, self.pass) = (name, content, strict, repair ?? strict, pass)
    }
  }

  static let cases = [
    Case("in order", header + "\r\ntext\r\n", "250 "),
    Case("two To", header + "to: c@d\r\n\r\n", "550 5.6.0 Header line 5: a second to field"),
    Case("two From", "From: x@y\r\n" + header + "\r\n", "550 5.6.0 Header line 2: a second From field"),
    Case("two Date", header + "Date: y\r\n\r\n", "550 5.6.0 Header line 5: a second Date field"),
    Case("two IDs", header + "Message-ID: <c@d>\r\n\r\n", "550 5.6.0 Header line 5: a second Message-ID field"),
    Case("8-bit", header + "Subject: ü\r\n\r\n", "550 5.6.9 Header line 5: Subject has characters", "250 "),
    Case("8-bit address", header + "Cc: ü@b.example\r\n\r\n", "550 5.6.9 Header line 5: Cc has characters"),
    Case("glued", header + "text\r\n", "550 5.6.0 Header line 5: neither a header field nor", "250 "),
    Case(
      "no field", header + "text\r\n\r\n", "550 5.6.0 Header line 5: not a header field",
      pass: "550 5.6.0 Header line 5: not a header field"),
    Case(
      "no name", header + ": x\r\n\r\n", "550 5.6.0 Header line 5: not a header field",
      pass: "550 5.6.0 Header line 5: not a header field"),
    Case("spaced", header + "X : y\r\n\r\n", "550 5.6.0 Header line 5: white space before the colon", "250 "),
    Case("NUL", header + "\r\na\u{0}b\r\n", "550 5.6.0 The message's body: a NUL character, octet 2"),
    Case(
      "NUL in header", header + "X: a\u{0}b\r\n\r\n", "550 5.6.0 Header line 5: a NUL character",
      pass: "550 5.6.0 Header line 5: a NUL character"),
    Case(
      "no version", header + "Content-Type: text/html\r\n\r\n", "550 5.6.0 The message's header: Content-Type", "250 "),
    Case("no part", header + mixed + "text\r\n", "550 5.6.0 The message's body: a multipart that has no part"),
    Case(
      "no boundary", header + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n",
      "550 5.6.0 The message's header: Content-Type is multipart and gives no boundary"),
    Case(
      "no end", header + mixed + "--b\r\n\r\nx\r\n", "550 5.6.0 Part 1: a multipart that does not end with --b--",
      "250 "),
    Case(
      "hidden part", header + mixed + "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n--b--\r\n",
      "550 5.6.0 Part 1: a part behind the closing delimiter"),
    Case(
      "8-bit body", header + "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\nü\r\n",
      "550 5.6.0 The message's body: 8-bit characters", "250 "),
    Case(
      "too many parts", header + mixed + String(repeating: "--b\r\n\r\n", count: 1001) + "--b--\r\n",
      "550 5.6.0 Part 1001: the message has more than 1000 parts"),
  ]

  @Test(arguments: cases, CheckMode.allCases) func isAnswered(_ check: Case, _ mode: CheckMode) async throws {
    try await TestNode.with({ $0.checks = mode }) { node in
      let expected =
        switch mode {
        case .strict: check.strict
        case .repair: check.repair
        case .pass: check.pass
        }
      let client = try await node.inData()
      let reply = try await client.command(check.content + ".")
      #expect(reply.hasPrefix(expected), "\(reply)")
      // Nothing half: a message is queued whole or not at all, and the session goes on.
      #expect(node.queue.count == (expected == "250 " ? 1 : 0))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
    }
  }

  @Test func aMissingEndIsAddedAndSpilledMessagesToo() async throws {
    for threshold in [0, 1 << 20] {
      try await TestNode.with({ $0.spillThreshold = threshold }) { node in
        let client = try await node.inData()
        #expect(try await client.command(Self.header + Self.mixed + "--b\r\n\r\nx\r\n.").hasPrefix("250 "))
        let message = try #require(await node.queue.next())
        #expect(try message.text.hasSuffix("\r\n\r\n--b\r\n\r\nx\r\n\r\n--b--\r\n"))
      }
    }
  }

  @Test func theFaultIsFoundHoweverThePiecesCome() async throws {
    try await TestNode.with { node in
      let client = try await node.inData()
      let content = Array((Self.header + Self.mixed + "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\n.\r\n").utf8)
      for byte in content { try await client.send([byte]) }
      #expect(try await client.reply().hasPrefix("550 5.6.0 Part 1: a part behind the closing delimiter"))
      #expect(node.queue.count == 0)
    }
  }

  @Test func aLineThatIsTooLongIsNamed() async throws {
    let long = String(repeating: "x", count: 999)
    let content = Self.header + "\r\nshort\r\n\(long)\r\n."
    try await TestNode.with { node in
      let client = try await node.inData()
      #expect(try await client.command(content).hasPrefix("554 5.6.0 Line 7 of the message is too long: at most 998 "))
      #expect(node.queue.count == 0)
    }
    try await TestNode.with({ ($0.checks, $0.limits.lineLengthMax) = (.pass, .max) }) { node in
      let client = try await node.inData()
      #expect(try await client.command(content).hasPrefix("250 "))
      #expect(try await node.queue.next()?.text.hasSuffix("\r\nshort\r\n\(long)\r\n") == true)
    }
  }
}
