import Foundation
import MailModel
import Postgres
import Supervision

/// `--once`: one message from a client to the destination's server, and what the node knows about it.
struct DevTrial: Sendable {
  let node: DevNode
  private let subject = "trial \(UInt64.random(in: .min ... .max))"

  init(node: DevNode) { self.node = node }

  func run(stoppingAt signals: TerminationSignals) async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await send() }
      tasks.addTask {
        await signals.wait()
        throw DevFailure("stopped by a signal")
      }
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  private func send() async throws {
    say("sending a message to \(DevDestinations.recipient) over port \(node.startTLSPort)")
    let id = try await submit()
    say("accepted as \(id)")
    do {
      try await waitForSink()
      say("the destination's server has it")
      try await waitForOutcome(id)
    } catch {
      try? await trace(id)
      throw error
    }
    try await trace(id)
  }

  private func submit() async throws -> QueueID {
    var specification = node.layout.program(
      "client", "postrider-lab",
      [
        "source", "--host", "localhost", "--port", "\(node.startTLSPort)", "--tls", "starttls", "--ca",
        node.layout.visible("tls/ca.pem"), "--user", DevDestinations.login, "--to", DevDestinations.recipient,
        "--messages", "1", "--subject", subject, "--show-replies",
      ])
    specification.environment["SMTP_PASS"] = node.files.secrets.submission
    let client = try ChildProcess.start(specification)
    let status = try await client.waitForExit(atMost: .seconds(90))
    guard status.isSuccess else {
      throw DevFailure("the message was not accepted: \(client.lines.joined(separator: "\n"))")
    }
    for word in client.lines.flatMap({ $0.split { !$0.isLetter && !$0.isNumber && $0 != "-" } }) {
      if let id = QueueID(String(word)) { return id }
    }
    throw DevFailure("the reply names no queue id: \(client.lines.joined(separator: "\n"))")
  }

  private func waitForSink() async throws {
    let clock = ContinuousClock()
    let limit = Duration.seconds(60)
    let deadline = clock.now.advanced(by: limit)
    let directory = node.layout.path("sink")
    while clock.now < deadline {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      for name in names.sorted().reversed() where name.hasSuffix(".eml") {
        let data = FileManager.default.contents(atPath: "\(directory)/\(name)") ?? Data()
        if String(decoding: data.prefix(65_536), as: UTF8.self).contains(subject) { return }
      }
      // A directory can be watched, but a look now and then is simpler than inotify.
      try await Task.sleep(for: .milliseconds(50))
    }
    throw DevFailure("the destination's server did not get the message within \(limit)")
  }

  /// The server has the message before we know that it has: the outcome is committed after its reply.
  private func waitForOutcome(_ id: QueueID) async throws {
    let pause = Duration.milliseconds(50)
    let url = node.files.databaseURL
    let database = try PostgresConfiguration(url: url, role: "postrider dev").connect()
    for _ in 0..<400 {
      // `id` holds letters and digits only.
      let uuid = id.bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
      let open = try database.query("SELECT 1 FROM postrider.job WHERE message = '\(uuid)'::uuid LIMIT 1")
      if open.rowCount == 0 { return }
      try await Task.sleep(for: pause)
    }
    throw DevFailure("the outcome of the delivery did not reach the queue within 20 seconds")
  }

  private func trace(_ id: QueueID) async throws {
    let schema = DevSchema(layout: node.layout, files: node.files, overrides: node.overrides)
    for line in try await schema.run(["message", "trace", "\(id)", "--wait", "30"]) { say(line) }
  }
}
