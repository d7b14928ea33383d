import Foundation
import MailTesting
import Supervision
import Testing

/// A site that says «less»: all workers slow down for it, and nothing else does.
@Suite(.serialized) struct SlowedSiteTests {
  private static let zones = ["limited.example": "@ MX 10 mx\nmx A 127.0.0.3\n"]
  private static let script =
    "rules:\n  - {stage: mail, listen: 127.0.0.3, times: 1, reply: '421 4.7.0 Too many messages, try again later'}\n"
  private static let settings = """
    retry:
      slowdown: {pause: 8s, recovery: 40s, normal_min: 120}
    worker: {jobs_max: 200, poll_interval: 50ms, heartbeat: 1s, lease: 30s}
    """

  /// A node whose limited site has just said so, to the first of two workers.
  private func slowedNode(redis: RedisServer, _ settings: String = settings) async throws -> (
    node: RunningNode, workers: [ProcessHarness], acceptor: ProcessHarness
  ) {
    let node = try await RunningNode(
      script: Self.script, zones: Self.zones, settings: "redis: {url: \"\(redis.url)\"}\n\(settings)",
      delivery: { _ in "public_address: 203.0.113.7" })
    let acceptor = try await node.acceptor()
    let first = try await node.worker()
    _ = try await node.send(to: ["first@limited.example"])
    try await eventually("the site is slowed") {
      try await node.database.query("SELECT kind, category, times FROM postrider.site") == "slowed|rate_limit|1"
    }
    let second = try await node.worker()
    return (node, [first, second], acceptor)
  }

  /// As Redis knows them.
  private func slowedSites(_ redis: RedisServer) async throws -> Int? {
    Int(try await redis.command("HLEN", "postrider:paces:203.0.113.7").filter(\.isNumber))
  }

  /// How many were delivered to the limited site by so many seconds after the pause, for each of them. By then at most
  /// `(count, seconds)` may have gone.
  private func deliveries(_ node: RunningNode) async throws -> [(count: Int, seconds: Double)] {
    let rows = try await node.database.query(
      """
      SELECT extract(epoch FROM o.at - s.next_at) FROM postrider.outcome o CROSS JOIN postrider.site s
      WHERE o.kind = 0 AND o.remote_address = '127.0.0.3' ORDER BY o.at
      """)
    return rows.split(separator: "\n").compactMap { Double($0) }.enumerated().map { ($0.offset + 1, $0.element) }
  }

  /// From one a second on, two a second after twenty; `spare` may go at once.
  private func expectGradual(_ deliveries: [(count: Int, seconds: Double)], spare: Double) {
    // Redis' pause of eight seconds begins a little before that which the database tells.
    for (count, seconds) in deliveries where seconds < 19.5 {
      #expect(seconds >= -3, "nothing goes in the pause")
      let bound = spare + max(0, seconds) + seconds * seconds / 40
      #expect(Double(count) <= bound, "\(count) after \(seconds) s")
    }
  }

  @Test func twoWorkersSlowDownTogetherAndRecoverGradually() async throws {
    let redis = try await RedisServer()
    let (node, workers, acceptor) = try await slowedNode(redis: redis)
    try await eventually("it is slowed") { try await slowedSites(redis) == 1 }
    let shown = try await run(
      ProcessHarness.productsDirectory + "/postrider", ["queue", "--json", "--config", node.settingsFile]
    ).output
    for text in ["\"state\" : \"slowed\"", "rate_limit", "\"normal_rate\" : 120", "Too many messages"] {
      #expect(shown.contains(text), "\(text) in \(shown)")
    }
    _ = try await node.send(count: 60, to: ["bob@limited.example"])
    _ = try await node.send(count: 30)
    try await eventually("the other destination's mail is delivered") {
      try await node.database.query(
        "SELECT count(*) FROM postrider.outcome WHERE kind = 0 AND remote_address = '127.0.0.2'") == "30"
    }
    try await eventually("all is delivered", atMost: .seconds(180)) {
      try await node.database.query(
        "SELECT count(*) FROM postrider.outcome WHERE kind = 0 AND remote_address = '127.0.0.3'") == "60"
    }
    let gone = try await deliveries(node)
    print("to the slowed site: " + gone.map { "\($0.count) after \($0.seconds) s" }.joined(separator: ", "))
    // Three that Redis deals out at once, and as much of each worker's own as when it once is late.
    expectGradual(gone, spare: 9)
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE kind = 1") == "1",
      "nobody else had to be refused to know it")
    #expect(try await node.database.query("SELECT max(attempt) FROM postrider.outcome WHERE kind = 0") == "1")
    try await eventually("it is over") {
      try await node.database.query("SELECT kind FROM postrider.site") == "free"
    }
    // The workers tell it to the database first, each on its own, and then to Redis.
    try await eventually("Redis has forgotten it") { try await slowedSites(redis) == 0 }
    _ = (workers, acceptor)
  }

  @Test func withoutRedisEachWorkerGoesOnByWhatItKnows() async throws {
    let redis = try await RedisServer()
    let (node, workers, acceptor) = try await slowedNode(redis: redis)
    _ = try await node.send(count: 60, to: ["bob@limited.example"])
    try await eventually("some have gone") { try await deliveries(node).count >= 2 }
    try await redis.kill()
    try await eventually("all is delivered", atMost: .seconds(180)) {
      try await node.database.query(
        "SELECT count(*) FROM postrider.outcome WHERE kind = 0 AND remote_address = '127.0.0.3'") == "60"
    }
    let gone = try await deliveries(node)
    print("to the slowed site: " + gone.map { "\($0.count) after \($0.seconds) s" }.joined(separator: ", "))
    // What Redis had dealt out, and one of each worker's own.
    expectGradual(gone, spare: 9)
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE kind = 1") == "1")
    for worker in workers { try await worker.waitForLine(containing: "Redis is away: slowed sites") }
    try await redis.start()
    for worker in workers { try await worker.waitForLine(containing: "shared through Redis again") }
    _ = (workers, acceptor)
  }

  /// What a person lifts stays lifted, on every worker and in Redis.
  @Test func aPersonLiftsASlowdown() async throws {
    let redis = try await RedisServer()
    let settings = Self.settings.replacing("pause: 8s, recovery: 40s", with: "pause: 30m, recovery: 1h")
    let (node, workers, acceptor) = try await slowedNode(redis: redis, settings)
    _ = try await node.send(count: 20, to: ["bob@limited.example"])
    try await eventually("its mail waits") {
      try await node.database.query("SELECT count(*) FROM postrider.lane WHERE parked_by IS NOT NULL") == "1"
    }
    #expect(try await deliveries(node).isEmpty)
    let command = ProcessHarness.productsDirectory + "/postrider"
    let wrong = try await run(command, ["queue", "lift", "other.example", "--config", node.settingsFile])
    #expect(wrong.output.contains("neither down nor slowed"))
    let lifted = try await run(command, ["queue", "lift", "limited.example", "--config", node.settingsFile])
    #expect(lifted.status.isSuccess && lifted.output.contains("lifted, 1 destination goes on"), "\(lifted.output)")
    try await eventually("all is delivered") {
      try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE kind = 0") == "20"
    }
    try await eventually("Redis has forgotten it") { try await slowedSites(redis) == 0 }
    _ = (workers, acceptor)
  }
}
