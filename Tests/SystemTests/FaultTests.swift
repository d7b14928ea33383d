import Foundation
import MailTesting
import Testing

@Suite(.serialized) struct FaultTests {
  /// kill -9 of a worker in mid-delivery: everything arrives, at most what was in flight twice.
  @Test func aKilledWorkerLosesNothing() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: dot, delay: 300ms}\n", settings: RunningNode.shortLease)
    let acceptor = try await node.acceptor()
    let keeper = try await node.keeper()
    let ids = try await node.send(count: 60)
    #expect(ids.allSatisfy { !$0.isEmpty })
    let first = try await node.worker()
    _ = try await node.waitForCaptured(5)
    try await first.kill()
    let second = try await node.worker()
    try await node.waitUntilEmpty()
    let messages = try node.captured().map(\.message)
    for id in ids { #expect(messages.contains { $0.contains(id) }, "\(id) is lost") }
    #expect(
      try await messages.count <= 60 + 20 * node.lostSessions(),
      "no more twice than connections to one destination were open")
    #expect(
      try await node.database.query(
        "SELECT count(*) FROM (SELECT message FROM postrider.outcome WHERE kind = 0 AND NOT late GROUP BY 1) x") == "60"
    )
    _ = (acceptor, keeper, second)
  }

  /// A worker frozen past its lease and thawed sends nothing under its old claims and marks what it did as late.
  @Test func aFrozenWorkerIsFenced() async throws {
    let node = try await RunningNode(script: "rules:\n  - {stage: rcpt, delay: 2s}\n", settings: RunningNode.shortLease)
    let acceptor = try await node.acceptor()
    let keeper = try await node.keeper()
    let frozen = try await node.worker()
    let ids = try await node.send(count: 30)
    _ = try await node.waitForCaptured(1)
    frozen.freeze()
    let other = try await node.worker()
    try await node.waitUntilEmpty()
    #expect(try await node.lostSessions() >= 1)
    frozen.thaw()
    try await frozen.waitForLine(containing: "ended by others")
    _ = try await frozen.waitForLine(containing: "worker session begun")
    let messages = try node.captured().map(\.message)
    for id in ids { #expect(messages.contains { $0.contains(id) }, "\(id) is lost") }
    #expect(try await messages.count <= 30 + 20 * node.lostSessions())
    _ = (acceptor, keeper, other)
  }

  /// kill -9 of an acceptor under load: whatever got a 250 is delivered; what did not may be repeated by the client.
  @Test func aKilledAcceptorKeepsItsPromises() async throws {
    let node = try await RunningNode()
    let worker = try await node.worker()
    let first = try await node.acceptor()
    async let sent = node.send(count: 400, reconnects: true)
    _ = try await node.waitForCaptured(20)
    let second = try await node.acceptor()
    try await first.kill()
    let ids = try await sent
    try await node.waitUntilEmpty()
    let messages = try node.captured().map(\.message)
    for id in ids where !id.isEmpty { #expect(messages.contains { $0.contains(id) }, "\(id) is lost") }
    #expect(ids.count == 400)
    #expect(ids.filter(\.isEmpty).count <= 1, "only the one in hand when the acceptor died")
    _ = (worker, second)
  }

  /// The database goes away and comes back: 4xx meanwhile, nothing lost, nothing twice.
  @Test func aDatabaseRestartLosesAndRepeatsNothing() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: dot, delay: 50ms}\n", server: try await PostgresServer())
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    async let sent = node.send(count: 150)
    _ = try await node.waitForCaptured(10)
    try await node.database.server.restart()
    let ids = try await sent
    try await eventually("everything is delivered") {
      (try? await node.database.query("SELECT count(*) FROM postrider.job")) == "0"
    }
    let messages = try node.captured().map(\.message)
    for id in ids where !id.isEmpty {
      #expect(messages.filter { $0.contains(id) }.count == 1, "\(id) must be there exactly once")
    }
    #expect(ids.filter { !$0.isEmpty }.count >= 10)
    _ = roles
  }

  /// A message that is not there any more: its recipient is held with an alarm, and other mail flows.
  @Test func aMissingMessageIsHeldWithAnAlarm() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.acceptor()
    try await node.send(to: ["lost@inbox.example"])
    try await node.database.query("DELETE FROM postrider.message")
    try await node.send(count: 3)
    let worker = try await node.worker()
    _ = try await node.waitForCaptured(3)
    let alarm = try await worker.waitForLine(containing: "a recipient is held because its message is not in the")
    #expect(alarm.lowercased().contains("critical"), "\(alarm)")
    try await eventually("all others are final") {
      try await node.database.query("SELECT held, claim_session IS NULL FROM postrider.job") == "t|t"
    }
    _ = acceptor
  }
}

extension RunningNode {
  /// Workers whose lease others have ended.
  fileprivate func lostSessions() async throws -> Int {
    Int(try await database.query("SELECT count(*) FROM postrider.worker_session WHERE ended_at IS NOT NULL")) ?? -1
  }
}
