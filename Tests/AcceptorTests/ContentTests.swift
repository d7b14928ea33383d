import Acceptor
import Foundation
import MailModel
import MailQueue
import NIOCore
import SMTPWire
import Testing

@Suite(.timeLimit(.minutes(10))) struct ContentTests {
  @Test func declaredSizeIsRefusedAtMail() async throws {
    try await TestNode.with({ $0.limits.messageSizeMax = 1000 }) { node in
      let client = try await node.loggedIn()
      #expect(try await client.command("MAIL FROM:<a@example.org> SIZE=1001").hasPrefix("552 5.3.4 "))
      #expect(try await client.command("MAIL FROM:<a@example.org> SIZE=1000").hasPrefix("250 "))
    }
  }

  @Test func sizeIsRefusedInData() async throws {
    try await TestNode.with({ $0.limits.messageSizeMax = 1000 }) { node in
      let client = try await node.inData()
      let line = String(repeating: "x", count: 98) + "\r\n"
      #expect(try await client.command(String(repeating: line, count: 20) + ".").hasPrefix("552 5.3.4 "))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
      #expect(node.queue.count == 0)
    }
  }

  @Test func headerLimitIsToldApartFromTheMessages() async throws {
    try await TestNode.with({ $0.headerSizeMax = 500 }) { node in
      let client = try await node.inData()
      let header = (0..<20).map { "X-\($0): \(String(repeating: "x", count: 50))\r\n" }.joined()
      #expect(try await client.command(header + "\r\nbody\r\n.").hasPrefix("552 5.3.4 The message header is larger"))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
    }
  }

  @Test func loopIsRefused() async throws {
    try await TestNode.with({ $0.receivedCountMax = 3 }) { node in
      let client = try await node.inData()
      let header = String(repeating: "Received: from x by y; Fri, 20 Nov 2026 22:00:00 +0000\r\n", count: 4)
      #expect(try await client.command(header + "\r\nbody\r\n.").hasPrefix("554 5.4.6 "))
    }
  }

  /// Far above the threshold, with dots, in pieces that cut lines anywhere; through a file and back.
  @Test(arguments: [200_000, 3_000_000])
  func largeMessageArrivesUnchanged(_ size: Int) async throws {
    try await TestNode.with({ $0.spillThreshold = 100_000 }) { node in
      let client = try await node.inData()
      var generator = SystemRandomNumberGenerator()
      var body = ""
      while body.utf8.count < size {
        body += String(repeating: ".", count: Int.random(in: 0...2, using: &generator))
        body += String(repeating: "x", count: Int.random(in: 0...900, using: &generator)) + "\r\n"
      }
      let stuffed = body.replacingOccurrences(of: "\r\n.", with: "\r\n..")
      let sent = (body.hasPrefix(".") ? "." : "") + stuffed
      try await client.send("A: b\r\n\r\n" + sent + ".\r\n")
      #expect(try await client.reply().hasPrefix("250 "))
      let message = try #require(await node.queue.next())
      guard case .spilled = message.content else {
        Issue.record("kept in memory")
        return
      }
      let text = try message.text
      let blankLine = try #require(text.range(of: "\r\n\r\n"))
      #expect(text[blankLine.upperBound...] == body)
    }
  }

  @Test func spillDirectoryGone() async throws {
    try await TestNode.with({
      $0.spillThreshold = 1000
      $0.spoolDirectory = "/nonexistent"
    }) { node in
      let client = try await node.inData()
      let line = String(repeating: "x", count: 98) + "\r\n"
      #expect(
        try await client.command("A: b\r\n\r\n" + String(repeating: line, count: 2000) + ".").hasPrefix("451 4.3.0 "))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
      #expect(node.queue.count == 0)
    }
  }

  @Test(arguments: ["a\nb\r\n.", "a\rb\r\n.", "\nb\r\n.", "a\r\r\n.", "a: b\r\n\r\nx\n\r\n."])
  func bareLineEndsAreRefused(_ content: String) async throws {
    try await TestNode.with { node in
      let client = try await node.inData()
      #expect(try await client.command(content).hasPrefix("554 5.6.0 Bare "))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
      #expect(node.queue.count == 0)
    }
  }

  @Test(arguments: ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n\u{0}.\r\n\n.\r\n"])
  func smugglingNeverYieldsASecondMessage(_ end: String) async throws {
    try await TestNode.with { node in
      let client = try await node.inData()
      try await client.send(
        "A: b\r\n\r\nfirst\(end)MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nsecond\r\n.\r\n")
      #expect(try await client.reply().hasPrefix("554 5.6.0 Bare "))
      #expect(await client.isEnded())
      #expect(node.queue.count == 0)
    }
  }
}
