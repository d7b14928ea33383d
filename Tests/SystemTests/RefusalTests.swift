import Foundation
import MailTesting
import Supervision
import Testing

/// A role that cannot keep its promises does not start, and says what to do.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RefusalTests {
  private func expectRefusal(
    _ node: RunningNode, _ roles: [String], _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    for role in roles {
      let refusal = try await node.refusal(of: role)
      #expect(!refusal.status.isSuccess, "\(role)", sourceLocation: sourceLocation)
      for word in words {
        #expect(refusal.output.contains(word), "\(role): \(refusal.output)", sourceLocation: sourceLocation)
      }
      #expect(!refusal.output.contains("Fatal error"), sourceLocation: sourceLocation)
    }
  }

  @Test func withoutFsync() async throws {
    let node = try await RunningNode(server: try await PostgresServer(fsync: false))
    try await expectRefusal(node, ["acceptor", "worker", "keeper"], "fsync = off", "Set it on")
  }

  @Test func withANewerSchema() async throws {
    let node = try await RunningNode()
    try await node.database.query("INSERT INTO postrider.schema_version VALUES (9999, 'from the future')")
    try await expectRefusal(
      node, ["acceptor", "worker", "keeper", "migrate"], "schema: version 9999",
      "use a build that is at least as new")
  }

  @Test func withAnOlderSchema() async throws {
    let node = try await RunningNode()
    try await node.database.query("DELETE FROM postrider.schema_version WHERE number > 1")
    try await expectRefusal(node, ["acceptor", "worker", "keeper"], "schema: version 1", "postrider migrate")
  }

  @Test func withoutMasterKey() async throws {
    let node = try await RunningNode()
    let file = node.directory.path("master.keys")
    try FileManager.default.removeItem(atPath: file)
    try await expectRefusal(node, ["acceptor", "worker", "keeper"], file, "keys.master_file", "restore it")
  }

  @Test func withAMasterKeyThatOthersMayRead() async throws {
    let node = try await RunningNode()
    let file = node.directory.path("master.keys")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    try await expectRefusal(node, ["acceptor", "worker", "keeper"], file, "chmod 600")
  }

  @Test func withACertificateThatIsNone() async throws {
    let node = try await RunningNode()
    let file = node.directory.path("tls/server.pem")
    try Data("nonsense".utf8).write(to: URL(fileURLWithPath: file))
    try await expectRefusal(node, ["acceptor"], file, "needs the PEM chain")
  }

  @Test func withAnotherCertificatesKey() async throws {
    let node = try await RunningNode()
    let file = node.directory.path("tls/server.key")
    try FileManager.default.removeItem(atPath: file)
    let made = try await run(
      "openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file])
    #expect(made.status.isSuccess)
    try await expectRefusal(node, ["acceptor"], "server.key", "smtp.key_file its key")
  }

  /// 451 within the acceptor's limit while the database does not answer, and work again as soon as it does.
  @Test func aFrozenDatabaseIs451UntilItThaws() async throws {
    let node = try await RunningNode(server: try await PostgresServer())
    let roles = [try await node.acceptor(), try await node.worker()]
    let client = try node.startPython(
      """
      server, idle = connect(), connect()
      content = b"Subject: x\\r\\n\\r\\nx\\r\\n"
      say("first", send(server, ["bob@inbox.example"], content))
      wait_for("frozen")
      say("second", send(server, ["bob@inbox.example"], content))
      wait_for("thawed")
      for attempt in range(20):
          # Whoever found no connection waits a moment before he tries again.
          try:
              server = connect()
              break
          except smtplib.SMTPAuthenticationError as refusal:
              assert refusal.smtp_code == 454 and attempt < 19, refusal
              time.sleep(0.5)
      say("third", send(server, ["bob@inbox.example"], content))
      say("fourth", send(idle, ["bob@inbox.example"], content))
      """)
    try await client.waitForLine(containing: "first (250")
    try await node.waitUntilEmpty()
    await node.database.server.freeze()
    try node.signal("frozen")
    let second = try await client.waitForLine(containing: "second", atMost: .seconds(110))
    await node.database.server.thaw()
    try node.signal("thawed")
    #expect(second.contains("(451, '4.3.0"), "\(second)")
    try await client.waitForLine(containing: "third (250")
    try await client.waitForLine(containing: "fourth (250")
    _ = try await node.waitForCaptured(3)
    try await node.waitUntilEmpty()
    #expect(try node.captured().count <= 4, "at most the one whose COMMIT was not answered in addition")
    _ = roles
  }
}
