import Acceptor
import Blocklists
import DNS
import Logging
import MailTesting
import NIOConcurrencyHelpers
import SMTPWire
import Testing

/// Clients that a list names, from the outside: a real name server, sockets from two loopback addresses.
@Suite(.timeLimit(.minutes(5))) struct BlocklistTests {
  private static let zone = "2.0.0.127 IN A 127.0.0.2\n2.0.0.127 IN TXT \"a test entry\"\n"

  private func blocklists(_ server: NameServer, exempt: [CIDR] = []) throws -> (ClientBlocklists, DNSResolver) {
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .seconds(120)))
    let list = try #require(Blocklist("bl.test"))
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return (
      ClientBlocklists(lists: [list], exempt: exempt, lookup: BlocklistLookup(resolver), logger: logger), resolver
    )
  }

  private func client(_ node: TestNode, from source: String) async throws -> TestClient {
    let client = try await TestClient.connect(to: node.implicitTLS, implicitTLS: node.trust, from: source)
    _ = try await client.reply()
    _ = try await client.command("EHLO client.example.org")
    _ = try await client.command("AUTH PLAIN \(TestNode.plain("secret"))")
    return client
  }

  @Test func aListedClientIsToldByWhom() async throws {
    let server = try await NameServer(zones: ["bl.test": Self.zone])
    let (lists, resolver) = try blocklists(server)
    try await TestNode.with({ $0.limits.commandsWithoutMailMax = 1_000_000 }, blocklists: lists) { node in
      let listed = try await client(node, from: "127.0.0.2")
      // The lists are asked while the client logs in; until they answer it is as good as any other.
      try await eventually("it is refused") {
        let reply = try await listed.command("MAIL FROM:<a@example.org>")
        _ = try await listed.command("RSET")
        return reply == "554 5.7.1 Your address 127.0.0.2 is listed by bl.test: a test entry"
      }
      let other = try await client(node, from: "127.0.0.3")
      #expect(try await other.command("MAIL FROM:<a@example.org>").hasPrefix("250 "))
      #expect(node.queue.count == 0)
    }
    resolver.shutdown()
    try await server.stop()
  }

  /// The answer comes when the message is under way: it is not queued.
  @Test func aLateAnswerCounts() async throws {
    let server = try await NameServer(zones: ["bl.test": Self.zone])
    await server.freeze()
    let (lists, resolver) = try blocklists(server)
    let log = CollectedLog()
    try await TestNode.with(blocklists: lists, logger: log.logger) { node in
      let client = try await client(node, from: "127.0.0.2")
      try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
      for _ in 0..<3 { _ = try await client.reply() }
      await server.thaw()
      try await eventually("the list has answered") { log.messages.contains("a client is listed") }
      #expect(try await client.command("A: b\r\n\r\ntext\r\n.").hasPrefix("554 5.7.1 Your address 127.0.0.2 "))
      #expect(node.queue.count == 0)
    }
    resolver.shutdown()
    try await server.stop()
  }

  @Test func aListThatDoesNotAnswerRefusesNobody() async throws {
    let server = try await NameServer(zones: ["bl.test": Self.zone])
    await server.freeze()
    let (lists, resolver) = try blocklists(server)
    try await TestNode.with(blocklists: lists) { node in
      let client = try await client(node, from: "127.0.0.2")
      try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
      for _ in 0..<3 { _ = try await client.reply() }
      #expect(try await client.command("A: b\r\n\r\ntext\r\n.").hasPrefix("250 "))
    }
    resolver.shutdown()
    await server.thaw()
    try await server.stop()
  }
}

/// What is logged, for tests that wait for it.
private final class CollectedLog: Sendable {
  private let lines = NIOLockedValueBox<[String]>([])

  var messages: [String] { lines.withLockedValue { $0 } }

  var logger: Logger { Logger(label: "test") { _ in Handler(lines: self.lines) } }

  private struct Handler: LogHandler {
    let lines: NIOLockedValueBox<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(lines: NIOLockedValueBox<[String]>) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.withLockedValue { $0.append("\(event.message)") } }
  }
}
