import Foundation
import MailTesting
import Supervision
import Testing

/// A site that cannot be reached costs its mail no attempts: one message at a time finds out whether it is back.
@Suite(.serialized) struct DeadSiteTests {
  private static let zones = ["dead.example": "@ MX 10 mx\nmx A 127.0.0.9\n"]

  private func sink(_ node: RunningNode, script: String = "") async throws -> ProcessHarness {
    let file = try node.directory.write(script, to: "other-sink.yaml")
    let sink = try ProcessHarness(
      "postrider-lab",
      [
        "sink", "--listen", "127.0.0.9:\(node.smtpPort)", "--capture", node.directory.path("other"), "--script", file,
      ])
    try await sink.waitForLine(containing: "sink ready")
    return sink
  }

  private func count(_ node: RunningNode, _ condition: String, of table: String = "outcome") async throws -> Int {
    Int(try await node.database.query("SELECT count(*) FROM postrider.\(table) WHERE \(condition)")) ?? -1
  }

  @Test func aDeadSiteIsProbedAndItsMailIsDeliveredWhenItIsBack() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(
      zones: Self.zones,
      settings: """
        redis: {url: "\(redis.url)"}
        retry: {probe: {first: 2s, max: 3s}}
        worker: {jobs_max: 200, poll_interval: 50ms, heartbeat: 1s, lease: 30s}
        """, delivery: { _ in "timeout: {greeting: 3s}" })
    // It takes connections and says nothing: a probe lasts three seconds.
    let silent = try await sink(node, script: "rules:\n  - {stage: connect, silent: true, then: hang}\n")
    let acceptor = try await node.acceptor()
    _ = try await node.send(count: 1000, to: ["bob@dead.example"])
    let workers = [try await node.worker(), try await node.worker(), try await node.worker()]
    try await eventually("it is down, and probed a few times") {
      try await node.database.query("SELECT count(*) FROM postrider.site WHERE kind = 'down' AND times >= 4") == "1"
    }
    _ = try await node.send(count: 10)
    _ = try await node.waitForCaptured(10)
    let attempts = try await count(node, "kind = 1")
    let probes = Int(try await node.database.query("SELECT times FROM postrider.site")) ?? 0
    print("\(attempts) attempts counted, at most \(probes + 1) of them probes, for 1000 recipients")
    #expect(attempts <= 3 * 3 + probes + 1, "each worker finds out by three; then only probes count")
    try await eventually("the other site's mail is done with") { try await count(node, "true", of: "job") <= 1000 }
    #expect(try await count(node, "true", of: "job") == 1000)
    #expect(
      try await node.database.query(
        """
        WITH tried AS (
          SELECT o.at - o.duration_ms * interval '1 millisecond' AS began, o.at AS ended, o.message
          FROM postrider.outcome o CROSS JOIN postrider.site s
          WHERE o.kind = 1 AND o.at - o.duration_ms * interval '1 millisecond' > s.since + interval '1 second')
        SELECT count(*) FROM tried a JOIN tried b ON a.message < b.message AND a.began < b.ended AND b.began < a.ended
        """) == "0", "one probe at a time")

    try await silent.kill()
    let back = try await sink(node)
    try await eventually("whoever was never tried is delivered") {
      try await count(node, "attempt = 0", of: "job") == 0
    }
    let tried = try await count(node, "kind = 1")
    #expect(try await count(node, "kind = 0 AND remote_address = '127.0.0.9'") >= 1000 - tried)
    try await node.advance("1 hour")
    try await eventually("the few that were tried follow") { try await count(node, "true", of: "job") == 0 }
    #expect(try await count(node, "kind = 0 AND remote_address = '127.0.0.9' AND NOT late") == 1000)
    _ = (workers, acceptor, back)
  }

  @Test func aPersonLetsMailGoToADeadSite() async throws {
    let node = try await RunningNode(zones: Self.zones, settings: "retry: {probe: {first: 1h, max: 1h}}")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.send(count: 50, to: ["bob@dead.example"])
    try await eventually("it is down and nobody is at it") {
      let isDown = try await count(node, "kind = 'down'", of: "site") == 1
      return try await count(node, "claim_session IS NOT NULL", of: "job") == 0 && isDown
    }
    let command = ProcessHarness.productsDirectory + "/postrider"
    let shown = try await run(command, ["queue", "--config", node.settingsFile]).output
    #expect(shown.contains("mx.dead.example:\(node.smtpPort)") && shown.contains("down") && shown.contains("probe in"))
    let back = try await sink(node)
    let lifted = try await run(
      command, ["queue", "lift", "mx.dead.example:\(node.smtpPort)", "--config", node.settingsFile])
    #expect(lifted.status.isSuccess, "\(lifted.output)")
    try await eventually("its mail goes") { try await count(node, "attempt = 0", of: "job") == 0 }
    try await node.advance("1 hour")
    try await eventually("all of it") { try await count(node, "kind = 0") == 50 }
    _ = (roles, back)
  }
}
