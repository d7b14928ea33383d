import Acceptor
import ContentScan
import Logging
import MailModel
import MailQueue
import MailTesting
import NIOCore
import NIOPosix
import Testing

/// What a session does while scanners look, and after.
@Suite(.timeLimit(.minutes(10))) struct ScanningTests {
  private func scanning(_ fake: FakeScanner, timeMax: Duration, _ policy: ScanPolicy = ScanPolicy()) -> MessageScanning
  {
    var configuration = ContentScannerConfiguration()
    configuration.clamd = .network(host: "127.0.0.1", port: fake.port)
    configuration.timeMax = timeMax
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let scanner = ContentScanner(
      configuration, group: MultiThreadedEventLoopGroup.singleton, threads: .singleton, logger: logger)
    return MessageScanning(scanner, slack: .seconds(120)) { tenant in
      #expect(tenant == 7)
      return policy
    }
  }

  private func next(_ client: TestClient) async throws {
    try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    for _ in 0..<3 { _ = try await client.reply() }
  }

  /// A scanner may take longer than the queue; the session goes on after its refusal.
  @Test func scannersHaveTheirOwnTime() async throws {
    let fake = try await FakeScanner(.silent)
    let scanning = scanning(fake, timeMax: .seconds(1))
    try await TestNode.with({ $0.queueTimeout = .milliseconds(10) }, scanning: scanning) { node in
      let client = try await node.inData()
      #expect(try await client.command("A: b\r\n\r\nx\r\n.").hasPrefix("451 4.7.1 "))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
      #expect(node.queue.count == 0)
    }
  }

  @Test func aRefusalEndsNoSession() async throws {
    let fake = try await FakeScanner(.saying(Array("stream: Bad FOUND\0".utf8)))
    try await TestNode.with(scanning: scanning(fake, timeMax: .seconds(600))) { node in
      let client = try await node.inData()
      for _ in 0..<3 {
        #expect(
          try await client.command("A: b\r\n\r\nx\r\n.") == "554 5.7.0 The message contains malware (Bad)")
        try await next(client)
      }
      #expect(node.queue.count == 0)
    }
  }

  /// With what was found in front, in memory and in a file; what the client says of it is taken out.
  @Test(arguments: [0, 1 << 20]) func heldAndMarked(_ threshold: Int) async throws {
    let fake = try await FakeScanner(.saying(Array("stream: Bad FOUND\0".utf8)))
    let scanning = scanning(fake, timeMax: .seconds(600), ScanPolicy(malware: .hold))
    try await TestNode.with({ $0.spillThreshold = threshold }, scanning: scanning) { node in
      let client = try await node.inData()
      let text = "X-Postrider-Scan: clean\r\nX-SPAM-flag:\r\n NO\r\nA: b\r\n\r\nx\r\n."
      #expect(try await client.command(text).hasPrefix("250 2.0.0 "))
      let message = try #require(await node.queue.next())
      #expect(message.holdReason == "malware Bad")
      #expect(message.scan == "infected (clamd: Bad)")
      let content = String(decoding: try message.content.read(at: 0, count: message.content.size), as: UTF8.self)
      #expect(
        content.hasPrefix(
          "X-Postrider-Scan: infected (clamd: Bad)\r\nX-Virus-Status: Infected (Bad)\r\nReceived: from "), "\(content)")
      #expect(content.contains("\r\nA: b\r\n") && !content.contains("clean") && !content.lowercased().contains("spam"))
    }
  }

  /// Nobody waits for it any more: neither the scanner's time nor a place is used for it.
  @Test func theEndOfASessionEndsItsScan() async throws {
    let fake = try await FakeScanner(.silent)
    try await TestNode.with(scanning: scanning(fake, timeMax: .seconds(3600))) { node in
      let client = try await node.inData()
      try await client.send("A: b\r\n\r\nx\r\n.\r\n")
      try await eventually("the scan begins") { fake.open == 1 }
      // After a short patience it closes what is open.
      await node.service.drain()
      try await eventually("the scan ends") { fake.open == 0 }
      #expect(node.queue.count == 0)
    }
  }
}
