import Cryptography
import Foundation
import MailTesting
import Postgres
import Supervision

/// A whole node made of real processes: PostgreSQL, a name server, a sink behind MX records, acceptors, workers
/// and a keeper. Schedule time can be moved on; everything else is as in production.
final class RunningNode: Sendable {
  let database: TestDatabase
  let directory: TemporaryDirectory
  let names: NameServer
  let sink: ProcessHarness
  let implicitPort: Int
  let startTLSPort: Int
  /// Where the sink listens, on 127.0.0.2 and 127.0.0.3.
  let smtpPort: Int
  let settingsFile: String
  let capture: String
  let authority: String
  static let user = "alice@sender.example"
  static let password = "correct horse battery"
  /// For workers that are to die: others take over their work soon. Where none dies a worker's lease is long enough for a
  /// busy machine, because what a living one loses is delivered twice.
  static let shortLease = "worker: {poll_interval: 50ms, heartbeat: 200ms, lease: 3s}"

  /// - Parameters:
  ///   - script: what the sink says; see `postrider-lab sink --help`.
  ///   - settings: YAML lines in addition, at the top level.
  ///   - delivery: what is added to the delivery settings, given the sink's port.
  ///   - server: a PostgreSQL of the test's own, when it is going to be stopped.
  ///   - others: its standbys, which the node shall know too.
  init(
    script: String = "", zones: [String: String] = [:], settings: String = "",
    delivery: (_ smtpPort: Int) -> String = { _ in "" }, server: PostgresServer? = nil,
    others: [PostgresServer] = []
  ) async throws {
    if let server {
      database = try await TestDatabase.make(on: server)
    } else {
      database = try await TestDatabase.make()
    }
    directory = try TemporaryDirectory()
    smtpPort = LoopbackPort.free()
    implicitPort = LoopbackPort.free()
    startTLSPort = LoopbackPort.free()
    let zone = "@ MX 10 mx\nmx A 127.0.0.2\n"
    var all = ["inbox.example": zone, "sender.example": zone]
    all.merge(zones) { $1 }
    // The root: whatever no zone knows does not exist.
    all[""] = ""
    names = try await NameServer(zones: all.filter { !$0.key.isEmpty }.merging(["": "@ TXT root\n"]) { $1 })

    try FileManager.default.createDirectory(atPath: directory.path("tls"), withIntermediateDirectories: true)
    let files = try CertificateMaker.ensure(
      directory: directory.path("tls"), names: ["localhost", "127.0.0.1", "smart.example"])
    authority = files.authorityCertificate
    try MasterKey.create(file: directory.path("master.keys"))
    capture = directory.path("sink")
    let scriptFile = try directory.write(script, to: "sink.yaml")
    sink = try ProcessHarness(
      "postrider-lab",
      [
        "sink", "--listen", "127.0.0.2:\(smtpPort)", "--listen", "127.0.0.3:\(smtpPort)", "--capture", capture,
        "--journal", directory.path("journal"), "--script", scriptFile, "--certificate", files.certificate, "--key",
        files.key,
      ])
    settingsFile = try directory.write(
      """
      node: {name: node.test}
      database: {url: "\(PostgresServer.url([database.server] + others, database: database.name))"}
      keys: {master_file: \(directory.path("master.keys"))}
      spool: {directory: \(directory.path)}
      smtp:
        hostname: localhost\(settings.contains("queue_timeout") ? "" : "\n  queue_timeout: 20s")
        implicit_tls: {listen: ["127.0.0.1:\(implicitPort)", "[::1]:\(implicitPort)"]}
        starttls: {listen: ["127.0.0.1:\(startTLSPort)", "[::1]:\(startTLSPort)"]}
        certificate_file: \(files.certificate)
        key_file: \(files.key)
      delivery:
        port: \(smtpPort)
        allow_networks: [127.0.0.0/8]
        hostname: localhost
        ca_file: \(authority)
        \(delivery(smtpPort))
      dns: {servers: ["\(names.address)"]}
      keeper: {interval: 200ms}
      \(settings.contains("worker:") ? "" : "worker: {poll_interval: 50ms, heartbeat: 1s, lease: 30s}")
      \(settings)
      """, to: "postrider.yaml")
    try await sink.waitForLine(containing: "sink ready")
    let migration = try await run(
      ProcessHarness.productsDirectory + "/postrider", ["migrate", "--test", "--config", settingsFile])
    guard migration.status.isSuccess else { throw NodeTrouble(migration.output) }
    try await addSender()
  }

  private func addSender() async throws {
    let secret = try PasswordHash.make(Array(Self.password.utf8))
    try await database.query(
      """
      INSERT INTO postrider.tenant (name) VALUES ('first');
      INSERT INTO postrider.domain (tenant, name, proven_at, proof)
      SELECT id, 'sender.example', now(), 'operator' FROM postrider.tenant;
      INSERT INTO postrider.credential (tenant, domain, name, secret)
      SELECT d.tenant, d.id, '\(Self.user)', '\(secret)' FROM postrider.domain d
      """)
  }

  // MARK: Roles

  /// Starts a role and expects it to refuse.
  func refusal(of role: String) async throws -> (status: ExitStatus, output: String) {
    try await run(ProcessHarness.productsDirectory + "/postrider", [role, "--config", settingsFile])
  }

  func start(_ role: String, awaiting line: String) async throws -> ProcessHarness {
    let process = try ProcessHarness("postrider", [role, "--config", settingsFile])
    try await process.waitForLine(containing: line)
    return process
  }

  func acceptor() async throws -> ProcessHarness { try await start("acceptor", awaiting: "ready") }
  func worker() async throws -> ProcessHarness { try await start("worker", awaiting: "worker session begun") }
  func keeper() async throws -> ProcessHarness { try await start("keeper", awaiting: "leading") }

  // MARK: Sending with an independent client

  /// Sends with Python's smtplib, over TLS with verification.
  /// - Returns: the queue ids of the 250 replies; an empty one where the message was refused or the connection lost.
  @discardableResult
  func send(
    count: Int = 1, to recipients: [String] = ["bob@inbox.example"], subject: String = "hello", sizeBytes: Int = 100,
    implicit: Bool = false, user: String = RunningNode.user, reconnects: Bool = false
  ) async throws -> [String] {
    let program = """
      import smtplib, ssl, sys
      context = ssl.create_default_context(cafile="\(authority)")
      recipients = \(recipients)
      def connect():
          if \(implicit ? "True" : "False"):
              server = smtplib.SMTP_SSL("localhost", \(implicitPort), context=context, timeout=60)
          else:
              server = smtplib.SMTP("localhost", \(startTLSPort), timeout=60)
              server.starttls(context=context)
          server.login("\(user)", "\(Self.password)")
          return server
      def reach():
          # The kernel may give a connection to an acceptor that is about to be gone.
          try:
              return connect()
          except (smtplib.SMTPServerDisconnected, ConnectionResetError):
              if not \(reconnects ? "True" : "False"): raise
              return connect()
      server = None
      for number in range(\(count)):
          text = "Subject: \(subject) %d\\r\\nFrom: \(user)\\r\\nX-Number: %d\\r\\n\\r\\n%s\\r\\n" % (
              number, number, "\\r\\n".join("x" * 70 for _ in range(max(1, \(sizeBytes) // 72))))
          try:
              server = server or reach()
              server.mail("\(user)")
              for recipient in recipients:
                  server.rcpt(recipient)
              code, reply = server.data(text.encode())
              print("id", reply.decode().split()[-1] if code == 250 else "-", flush=True)
          except (smtplib.SMTPException, OSError) as error:
              print("id -", type(error).__name__, error, flush=True)
              server = None
      """
    let result = try await run("python3", ["-c", program])
    return result.output.split(separator: "\n").filter { $0.hasPrefix("id ") }.map { line in
      let id = line.split(separator: " ")[1]
      return id == "-" ? "" : String(id)
    }
  }

  // MARK: What arrived

  struct Captured: Sendable {
    let envelope: String
    let octets: [UInt8]

    var message: String { String(decoding: octets, as: UTF8.self) }

    /// The message with a space for each break: where lines end says nothing.
    var words: String { message.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
  }

  /// What the sink has taken so far, in order.
  func captured() throws -> [Captured] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: capture)) ?? []
    return try names.filter { $0.hasSuffix(".eml") }.sorted().map { name in
      let data = try Data(contentsOf: URL(fileURLWithPath: "\(capture)/\(name)"))
      let envelope = try Data(contentsOf: URL(fileURLWithPath: "\(capture)/\(name.dropLast(4)).json"))
      return Captured(
        envelope: String(decoding: envelope, as: UTF8.self), octets: Array(data))
    }
  }

  func waitForCaptured(_ count: Int) async throws -> [Captured] {
    try await eventually("\(count) messages in the sink") { [self] in try captured().count >= count }
    return try captured()
  }

  /// Waits until every recipient has a final outcome.
  func waitUntilEmpty() async throws {
    try await eventually("no job waits") { [database] in
      try await database.query("SELECT count(*) FROM postrider.job") == "0"
    }
  }

  func advance(_ interval: String) async throws {
    try await database.query("UPDATE postrider.installation SET schedule_offset = schedule_offset + '\(interval)'")
  }
}

struct NodeTrouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
