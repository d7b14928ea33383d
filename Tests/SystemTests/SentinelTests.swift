import MailTesting
import Supervision
import Testing

/// A whole node over a Redis that fails over.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SentinelTests {
  /// Nobody polls here: mail that arrives was announced through Redis.
  @Test func hintsAndTicketKeysFollowTheMaster() async throws {
    let group = try await SentinelGroup.start(downAfter: .seconds(3))
    let node = try await RunningNode(
      settings: """
        redis: {url: "\(group.url)"}
        worker: {poll_interval: 1m, heartbeat: 1s, lease: 30s}
        """)
    let acceptor = try await node.acceptor()
    try await acceptor.waitForLine(containing: "ticket keys are shared")
    let worker = try await node.worker()
    try await waitForListener(group.master)
    try await expectHint(node)

    try await group.master.kill()
    try await waitForListener(group.replica)
    try await expectHint(node)
    let second = try await node.acceptor()
    try await second.waitForLine(containing: "ticket keys are shared")

    // It may have looked while there was no master.
    @Sendable func keys(_ lines: [String]) -> [String] { lines.filter { $0.contains("ticket keys are") } }
    try await acceptor.waitForLines { keys($0).last?.contains("are shared") == true }
    let told = keys(acceptor.lines).count

    // From here on nobody could find a master, and nobody has to.
    for sentinel in group.sentinels { try await sentinel.kill() }
    try await expectHint(node)
    for process in [acceptor, second, worker] { #expect(try await process.terminate().isSuccess) }
    #expect(keys(acceptor.lines).count == told)
  }

  private func waitForListener(_ redis: RedisServer) async throws {
    try await eventually("the worker listens") {
      let answer = (try? await redis.command("PUBSUB", "NUMSUB", "postrider:queued")) ?? ""
      return answer.split(separator: "\n").last == "1"
    }
  }

  /// An acceptor whose connection is not back yet loses its hint; the next one carries both messages.
  private func expectHint(_ node: RunningNode) async throws {
    try await eventually("mail is announced", atMost: .seconds(45)) {
      let before = try node.captured().count
      try await node.send()
      return try await arrived(more: before, node)
    }
  }

  private func arrived(more before: Int, _ node: RunningNode) async throws -> Bool {
    do {
      try await eventually("arrival", atMost: .seconds(5)) { try node.captured().count > before }
      return true
    } catch is WaitTimedOut {
      return false
    }
  }
}
