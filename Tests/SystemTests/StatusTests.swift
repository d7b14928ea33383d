import Cryptography
import Foundation
import MailTesting
import Supervision
import Testing

/// What real processes say of themselves over HTTP when all is well, and when something they need is missing.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StatusTests {
  @Test func everyRoleIsAliveAndReadyAndCounts() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(settings: "redis: {url: \"\(redis.url)\"}\nstatus: {queue_interval: 1s}")
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    let worker = try await node.watched("worker", awaiting: "worker session begun")
    let keeper = try await node.watched("keeper", awaiting: "leading")
    for role in [acceptor, worker, keeper] {
      #expect(try await role.get("/healthz") == .init(code: 200, body: "alive\n"))
      // Each look asks anew, and has its own limit of time.
      for text in ["ok: redis: answered in", "ok: database: answered in", "ok: schema: version", "ok: partitions: "] {
        try await eventually("ready, and \(text)") {
          let answer = try await role.get("/readyz")
          return answer.code == 200 && answer.body.hasPrefix("ready\n") && answer.body.contains(text)
        }
      }
    }
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ok: certificate: valid for ")
    #expect(try await acceptor.get("/elsewhere").code == 404)

    try await node.send(count: 3)
    _ = try await node.waitForCaptured(3)
    // What is noted last.
    let accepted = try await acceptor.waitUntil(
      "/metrics", code: 200, saying: "\npostrider_acceptance_seconds_count 3\n")
    #expect(accepted.contains("\npostrider_messages_accepted_total 3\n"))
    #expect(accepted.contains("\npostrider_recipients_accepted_total 3\n"))
    for what in ["database", "redis"] {
      _ = try await acceptor.waitUntil("/metrics", code: 200, saying: "\npostrider_\(what)_up 1\n")
    }
    #expect(accepted.contains("postrider_build_info{role=\"acceptor\","))
  }

  @Test func withoutItsDatabaseAProcessIsAliveButNotReadyAndSaysWhy() async throws {
    let server = try await PostgresServer()
    let node = try await RunningNode(server: server)
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ready")
    try await server.stop()
    let stopped = try await acceptor.waitUntil("/readyz", code: 503, saying: "failed: database: cannot be used: ")
    #expect(stopped.hasPrefix("not ready\n"))
    #expect(try await acceptor.get("/healthz").code == 200)
    #expect(try await acceptor.get("/metrics").body.contains("\npostrider_database_up 0\n"))
    try await server.start()
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ready")
    // A server that takes connections and says nothing must not make the answer wait for ever.
    await server.freeze()
    _ = try await acceptor.waitUntil("/readyz", code: 503, saying: "failed: database: has not answered")
    await server.thaw()
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ready")
  }

  @Test func withoutRedisEveryRoleIsDegradedAndInService() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(settings: "redis: {url: \"\(redis.url)\"}")
    let roles = [
      try await node.watched("acceptor", awaiting: "ready"),
      try await node.watched("worker", awaiting: "worker session begun"),
      try await node.watched("keeper", awaiting: "leading"),
    ]
    for role in roles { _ = try await role.waitUntil("/readyz", code: 200, saying: "ok: redis") }
    try await redis.kill()
    for role in roles {
      let degraded = try await role.waitUntil("/readyz", code: 200, saying: "degraded: redis: cannot be used: ")
      #expect(degraded.hasPrefix("ready, degraded\n"))
      #expect(try await role.get("/metrics").body.contains("\npostrider_redis_up 0\n"))
    }
    try await node.send()
    _ = try await node.waitForCaptured(1)
    try await redis.start()
    for role in roles { _ = try await role.waitUntil("/readyz", code: 200, saying: "ok: redis") }
  }

  @Test func anExpiredCertificateTakesAnAcceptorOutOfService() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ok: certificate: ")
    let tls = node.directory.path("tls")
    try CertificateMaker.makeServerCertificate(
      names: ["localhost"], authorityCertificateFile: node.authority, authorityKeyFile: "\(tls)/ca.key",
      certificateFile: "\(tls)/server.pem", keyFile: "\(tls)/server.key", days: -1)
    let expired = try await acceptor.waitUntil("/readyz", code: 503, saying: "has expired")
    #expect(expired.contains("failed: certificate: "))
    #expect(try await acceptor.get("/metrics").body.contains("\npostrider_certificate_days -1\n"))
  }

  @Test func aWrongSchemaAndMissingTablesAreSaid() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ready")
    // Ten days on, nobody has made tables.
    try await node.advance("10 days")
    _ = try await acceptor.waitUntil("/readyz", code: 503, saying: "failed: partitions: there are no tables for today")
    let keeper = try await node.keeper()
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ok: partitions: ")
    // During an upgrade the database goes first: a newer schema is no reason to stop.
    try await node.database.query(
      "INSERT INTO postrider.schema_version (number, title, oldest) VALUES (9999, 'of a newer build', 1)")
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "version 9999, newer than this build's")
    try await node.database.query("DELETE FROM postrider.schema_version WHERE number > 1")
    _ = try await acceptor.waitUntil("/readyz", code: 503, saying: "run `postrider migrate` first")
    _ = keeper
  }

  @Test func aTakenAddressEndsTheStartWithAReason() async throws {
    let node = try await RunningNode()
    let first = try await node.watched("acceptor", awaiting: "ready")
    let second = try ProcessHarness(
      "postrider", ["worker", "--config", node.settingsFile, "--set", "status.listen=127.0.0.1:\(first.port)"])
    #expect(try await second.waitForExit() == .exited(78))
    #expect(second.output.contains("status.listen: cannot listen on 127.0.0.1:\(first.port)"))
  }
}

/// A role with its status address.
struct WatchedRole: Sendable {
  struct Answer: Equatable {
    var code: Int
    var body: String
  }

  let process: ProcessHarness
  let port: Int

  /// Asks with curl, an independent client.
  func get(_ path: String) async throws -> Answer {
    let result = try await run(
      "curl", ["-sS", "--max-time", "20", "-w", "\n%{http_code}\n", "http://127.0.0.1:\(port)\(path)"])
    var lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    while lines.last?.isEmpty == true { lines.removeLast() }
    let code = Int(lines.popLast() ?? "") ?? 0
    while lines.last?.isEmpty == true { lines.removeLast() }
    return Answer(code: code, body: lines.joined(separator: "\n") + "\n")
  }

  /// Asks until the answer is as it must become.
  /// - Returns: its body.
  func waitUntil(_ path: String, code: Int, saying text: String) async throws -> String {
    let last = Observed(Answer(code: 0, body: ""))
    do {
      try await eventually("\(path) answers \(code) «\(text)»") {
        let answer = try await get(path)
        last.update { $0 = answer }
        return answer.code == code && answer.body.contains(text)
      }
    } catch {
      throw NodeTrouble("\(error); the last answer was \(last.value); \(process.lines.suffix(5))")
    }
    return last.value.body
  }
}

extension RunningNode {
  /// Starts a role that tells about itself.
  func watched(_ role: String, awaiting line: String, _ settings: [String] = []) async throws -> WatchedRole {
    let port = LoopbackPort.free()
    let all = ["status.listen=127.0.0.1:\(port)"] + settings
    let process = try ProcessHarness(
      "postrider", [role, "--config", settingsFile] + all.flatMap { ["--set", $0] })
    try await process.waitForLine(containing: line)
    try await process.waitForPort(port)
    return WatchedRole(process: process, port: port)
  }
}
