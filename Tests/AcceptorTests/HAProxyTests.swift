import Acceptor
import DNS
import MailQueue
import MailTesting
import NIOCore
import Supervision
import Testing

/// Debian's HAProxy in front of an acceptor, with both versions of the PROXY protocol and its own health checks.
@Suite(.timeLimit(.minutes(10))) struct HAProxyTests {
  enum Version: String, CaseIterable, Sendable {
    case line = "send-proxy"
    case binary = "send-proxy-v2"
    case binaryWithTLVs = "send-proxy-v2 proxy-v2-options unique-id,crc32c"
  }

  private struct Balanced {
    let process: ProcessHarness
    let implicitTLS: SocketAddress
    let startTLS: SocketAddress
    let files: TemporaryDirectory
  }

  private func start(_ version: Version, before node: TestNode) async throws -> Balanced {
    let (implicit, start) = (LoopbackPort.free(), LoopbackPort.free())
    let files = try TemporaryDirectory()
    let (implicitBehind, startBehind) = (try #require(node.implicitTLS.port), try #require(node.startTLS.port))
    let file = try files.write(
      """
      global
        log stdout format raw local0
      defaults
        mode tcp
        log global
        option log-health-checks
        timeout connect 60s
        # A busy machine is no failure.
        timeout check 60s
        timeout client 60s
        timeout server 60s
        unique-id-format %Ts%rt
      listen implicit
        bind 127.0.0.1:\(implicit)
        option smtpchk EHLO balancer.example.org
        server one 127.0.0.1:\(implicitBehind) \(version.rawValue) check check-send-proxy check-ssl verify none inter 5s fall 20
      listen starttls
        bind 127.0.0.1:\(start)
        option smtpchk EHLO balancer.example.org
        server one 127.0.0.1:\(startBehind) \(version.rawValue) check check-send-proxy inter 5s fall 20

      """, to: "haproxy.cfg")
    let process = try ProcessHarness("haproxy", ["-db", "-f", file])
    try await process.waitForPort(start)
    return Balanced(
      process: process, implicitTLS: try SocketAddress(ipAddress: "127.0.0.1", port: implicit),
      startTLS: try SocketAddress(ipAddress: "127.0.0.1", port: start), files: files)
  }

  private func submit(_ client: TestClient) async throws {
    _ = try await client.command("EHLO client.example.org")
    _ = try await client.command("AUTH PLAIN \(TestNode.plain("secret"))")
    try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    for _ in 0..<3 { _ = try await client.reply() }
    #expect(try await client.command("Subject: x\r\n\r\nx\r\n.").hasPrefix("250 "))
  }

  @Test(arguments: Version.allCases) func clientsAndHealthChecksPass(_ version: Version) async throws {
    try await TestNode.with({ $0.proxyNetworks = [CIDR("127.0.0.1/32")].compactMap { $0 } }) { node in
      let balanced = try await start(version, before: node)
      for name in ["implicit/one", "starttls/one"] {
        try await balanced.process.waitForLine(containing: "Health check for server \(name) succeeded")
      }
      let implicit = try await TestClient.connect(
        to: balanced.implicitTLS, implicitTLS: node.trust, from: "127.0.0.33")
      #expect(try await implicit.reply().hasPrefix("220 "))
      try await submit(implicit)
      #expect(await node.queue.next()?.clientAddress == "127.0.0.33")

      let upgraded = try await TestClient.connect(to: balanced.startTLS, from: "127.0.0.44")
      #expect(try await upgraded.reply().hasPrefix("220 "))
      _ = try await upgraded.command("EHLO client.example.org")
      _ = try await upgraded.command("STARTTLS")
      try await upgraded.startTLS(node.trust)
      try await submit(upgraded)
      #expect(await node.queue.next()?.clientAddress == "127.0.0.44")
      #expect(!balanced.process.output.contains("failed"), "\(balanced.process.output)")
      try await balanced.process.kill()
    }
  }
}
