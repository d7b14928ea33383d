import Acceptor
import Admission
import DNS
import MailQueue
import MailTesting
import NIOCore
import Postgres
import Testing

/// Connections that come through a load balancer. It speaks from 127.0.0.2; others are at 127.0.0.1.
@Suite(.timeLimit(.minutes(10))) struct ProxyProtocolTests {
  private static let proxy = "127.0.0.2"
  private static let header = "PROXY TCP4 192.0.2.77 192.0.2.2 51234 465\r\n"

  private func configure(_ configuration: inout AcceptorConfiguration) {
    configuration.proxyNetworks = [CIDR("127.0.0.2/32")].compactMap { $0 }
    configuration.showsClientAddress = true
    configuration.proxyHeaderTimeout = .minutes(10)
  }

  private func submit(_ client: TestClient, _ node: TestNode) async throws {
    _ = try await client.command("EHLO client.example.org")
    _ = try await client.command("AUTH PLAIN \(TestNode.plain("secret"))")
    try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    for _ in 0..<3 { _ = try await client.reply() }
    #expect(try await client.command("Subject: x\r\n\r\nx\r\n.").hasPrefix("250 "))
  }

  /// The header may come together with what follows it, or octet by octet.
  @Test(arguments: [false, true]) func theClientIsTheOneInTheHeader(inPieces: Bool) async throws {
    try await TestNode.with(configure) { node in
      let client = try await TestClient.connect(to: node.startTLS, from: Self.proxy)
      if inPieces {
        for byte in Self.header.utf8 { try await client.send([byte]) }
      } else {
        try await client.send(Self.header)
      }
      #expect(try await client.reply().hasPrefix("220 "))
      _ = try await client.command("EHLO client.example.org")
      _ = try await client.command("STARTTLS")
      try await client.startTLS(node.trust)
      try await submit(client, node)
      let message = try #require(await node.queue.next())
      #expect(message.clientAddress == "192.0.2.77")
      #expect(try message.text.contains("from client.example.org ([192.0.2.77])"))
    }
  }

  @Test func commandsBehindTheHeaderAreNotLost() async throws {
    try await TestNode.with(configure) { node in
      let client = try await TestClient.connect(to: node.startTLS, from: Self.proxy)
      try await client.send("PROXY UNKNOWN\r\nEHLO x\r\nQUIT\r\n")
      #expect(try await client.reply().hasPrefix("220 "))
      #expect(try await client.reply().hasPrefix("250-"))
      #expect(try await client.reply().hasPrefix("221 "))
    }
  }

  @Test func theHeaderComesBeforeTLS() async throws {
    try await TestNode.with(configure) { node in
      let client = try await TestClient.connect(to: node.implicitTLS, from: Self.proxy)
      try await client.send(Self.header)
      try await client.startTLS(node.trust)
      #expect(try await client.reply().hasPrefix("220 "))
      try await submit(client, node)
      #expect(await node.queue.next()?.clientAddress == "192.0.2.77")
    }
  }

  /// Without its header a load balancer would be taken for its client.
  @Test(arguments: ["EHLO x\r\n", "\u{16}\u{3}\u{1}", "PROXY TCP4 192.0.2.77\r\n", "\r\n\r\nx"])
  func aLoadBalancerWithoutAHeaderIsTurnedAway(_ bytes: String) async throws {
    try await TestNode.with(configure) { node in
      let client = try await TestClient.connect(to: node.startTLS, from: Self.proxy)
      try await client.send(bytes)
      #expect(await client.isEnded())
      try await eventually("the connection is forgotten") { node.service.sessionCount == 0 }
    }
  }

  @Test func aHeaderThatDoesNotComeInTime() async throws {
    try await TestNode.with({
      configure(&$0)
      $0.proxyHeaderTimeout = .milliseconds(20)
    }) { node in
      let client = try await TestClient.connect(to: node.startTLS, from: Self.proxy)
      try await client.send("PROXY TCP4 ")
      #expect(await client.isEnded())
    }
  }

  /// What anybody may say is believed of nobody.
  @Test func othersAreNotBelieved() async throws {
    try await TestNode.with(configure) { node in
      let client = try await TestClient.connect(to: node.startTLS)
      #expect(try await client.reply().hasPrefix("220 "))
      #expect(try await client.command(String(Self.header.dropLast(2))).hasPrefix("500 "))
      _ = try await client.command("EHLO client.example.org")
      _ = try await client.command("STARTTLS")
      try await client.startTLS(node.trust)
      try await submit(client, node)
      #expect(await node.queue.next()?.clientAddress == "127.0.0.1")
    }
  }

  /// Who may use a plain listener is asked of the client, never of the load balancer in its place.
  @Test(arguments: [
    ("PROXY TCP4 192.0.2.77 192.0.2.2 51234 465\r\n", "421"), ("PROXY TCP4 192.0.3.77 192.0.2.2 51234 465\r\n", "554"),
    ("PROXY UNKNOWN\r\n", "554"),
  ])
  func thePlainListenerAsksForTheClient(_ header: String, _ code: String) async throws {
    // Whoever may come in learns that there is no database.
    let pool = PostgresPool(PostgresConfiguration(url: "postgresql://127.0.0.1:1/none", role: "test"), threads: 1)
    defer { pool.shutdown() }
    let trusted = TrustedClients(
      tenant: "first", networks: ["192.0.2.0/24", "127.0.0.0/8"].compactMap { CIDR($0) }, sendsAsAnybody: true,
      pool: pool)
    try await TestNode.with(
      {
        configure(&$0)
        $0.listeners[0].kind = .plain
      }, trusted: trusted
    ) { node in
      let client = try await TestClient.connect(to: node.implicitTLS, from: Self.proxy)
      try await client.send(header)
      #expect(try await client.reply().hasPrefix(code))
    }
  }

  @Test func connectionsThatWaitForTheirHeaderCountAndEndWithTheAcceptor() async throws {
    try await TestNode.with({
      configure(&$0)
      $0.sessionsMax = 1
    }) { node in
      let waiting = try await TestClient.connect(to: node.startTLS, from: Self.proxy)
      try await eventually("it counts") { node.service.sessionCount == 1 }
      let other = try await TestClient.connect(to: node.startTLS)
      #expect(try await other.reply().hasPrefix("421 4.3.2 Too many"))
      await node.service.drain()
      #expect(await waiting.isEnded())
    }
  }
}
