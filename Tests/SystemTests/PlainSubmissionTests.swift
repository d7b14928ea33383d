import MailTesting
import Supervision
import Testing

/// The listener without TLS and login: for one tenant's own networks, and for nobody else.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PlainSubmissionTests {
  private func acceptor(
    _ node: RunningNode, port: Int, tenant: String = "first", networks: String, senders: String = "any"
  ) throws -> ProcessHarness {
    try ProcessHarness(
      "postrider",
      [
        "acceptor", "--config", node.settingsFile, "--set", "smtp.plain.listen=127.0.0.1:\(port)", "--set",
        "smtp.plain.tenant=\(tenant)", "--set", "smtp.plain.allow_networks=\(networks)", "--set",
        "smtp.plain.senders=\(senders)",
      ])
  }

  /// Sends one message from the given source address.
  private func client(_ node: RunningNode, port: Int, from source: String) throws -> ProcessHarness {
    try node.startPython(
      """
      try:
          server = smtplib.SMTP("127.0.0.1", \(port), timeout=60, source_address=("\(source)", 0))
          server.ehlo("client.example")
          say("features", *sorted(server.esmtp_features))
          say("sent", *send(server, ["bob@inbox.example"], b"Subject: plain\\r\\n\\r\\nx\\r\\n", sender="app@anywhere.example"))
      except smtplib.SMTPConnectError as error:
          say("turned away", error.smtp_code, error.smtp_error)
      """)
  }

  @Test func aTrustedNetworkSubmitsForItsTenantAndOthersAreTurnedAway() async throws {
    let node = try await RunningNode()
    let (port, worker) = (LoopbackPort.free(), try await node.worker())
    let acceptor = try acceptor(node, port: port, networks: "127.0.0.8/32")
    try await acceptor.waitForLine(containing: "ready")

    let trusted = try client(node, port: port, from: "127.0.0.8")
    let features = try await trusted.waitForLine(containing: "features")
    #expect(!features.contains("auth") && !features.contains("starttls"))
    #expect(try await trusted.waitForLine(containing: "sent").contains("sent 250"))
    let mail = try await node.waitForCaptured(1)
    #expect(mail[0].message.contains(" with ESMTP\r\n"))
    #expect(
      try await node.database.query(
        "SELECT t.name || ' ' || (m.credential IS NULL) FROM postrider.message m JOIN postrider.tenant t ON t.id = m.tenant"
      ) == "first true")

    let stranger = try client(node, port: port, from: "127.0.0.9")
    #expect(try await stranger.waitForLine(containing: "turned away").contains("554"))

    try await node.database.query("UPDATE postrider.tenant SET suspended_at = now()")
    try await eventually("a suspended tenant is turned away") {
      try await client(node, port: port, from: "127.0.0.8").waitForLine(containing: " ").isEmpty == false
        && acceptor.lines.contains { $0.contains("the tenant is suspended") }
    }
    #expect(try await acceptor.terminate().isSuccess)
    _ = worker
  }

  @Test func aTrustedNetworkSendsAsItsTenantsDomains() async throws {
    let node = try await RunningNode()
    let port = LoopbackPort.free()
    let acceptor = try acceptor(node, port: port, networks: "127.0.0.0/8", senders: "tenant")
    try await acceptor.waitForLine(containing: "ready")
    let client = try node.startPython(
      """
      def attempt(path, text):
          server = smtplib.SMTP("127.0.0.1", \(port), timeout=60)
          server.ehlo("client.example")
          return send(server, ["bob@inbox.example"], text.encode(), sender=path)
      say("own", *attempt("app@sender.example", "From: app@sender.example\\r\\n\\r\\nx\\r\\n"))
      say("path", *attempt("app@anywhere.example", "From: app@sender.example\\r\\n\\r\\nx\\r\\n"))
      say("from", *attempt("app@sender.example", "From: app@anywhere.example\\r\\n\\r\\nx\\r\\n"))
      """)
    #expect(try await client.waitForLine(containing: "own").contains("250"))
    #expect(try await client.waitForLine(containing: "path").contains("553 5.7.1"))
    #expect(
      try await client.waitForLine(containing: "from").contains("only domains of the tenant first send from here"))
    _ = acceptor
  }

  @Test func anUnknownTenantIsRefusedAtTheStart() async throws {
    let node = try await RunningNode()
    let acceptor = try acceptor(node, port: LoopbackPort.free(), tenant: "nobody", networks: "127.0.0.0/8")
    #expect(try await !acceptor.waitForExit().isSuccess)
    #expect(acceptor.lines.contains { $0.contains("smtp.plain.tenant") && $0.contains("postrider tenant add nobody") })
  }
}
