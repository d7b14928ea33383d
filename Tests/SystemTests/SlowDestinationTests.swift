import MailTesting
import Testing

/// A destination that says nothing must not keep the mail of others.
@Suite(.serialized) struct SlowDestinationTests {
  private static let silence = "rules:\n  - {stage: connect, listen: 127.0.0.3, silent: true, then: hang}\n"
  private static let worker = "worker: {jobs_max: 20, poll_interval: 50ms, heartbeat: 1s, lease: 30s}"

  @Test func aSilentDestinationLeavesTheWorkerToOthers() async throws {
    let node = try await RunningNode(
      script: Self.silence, zones: ["slow.example": "@ MX 10 mx\nmx A 127.0.0.3\n"], settings: Self.worker)
    let acceptor = try await node.acceptor()
    _ = try await node.send(count: 40, to: ["bob@slow.example"])
    let worker = try await node.worker()
    try await othersAreServed(node)
    _ = (acceptor, worker)
  }

  /// Many domains whose mail goes to one silent host fill neither the worker nor that host's line.
  @Test func aSilentHostOfManyDomainsLeavesTheWorkerToOthers() async throws {
    let node = try await RunningNode(
      script: Self.silence, zones: ["slow.example": "* MX 10 mx\nmx A 127.0.0.3\n"], settings: Self.worker,
      delivery: { _ in "connections_per_destination: 2" })
    let acceptor = try await node.acceptor()
    _ = try await node.send(to: (0..<60).map { "bob@d\($0).slow.example" })
    let worker = try await node.worker()
    try await othersAreServed(node)
    // The sink has a message before the worker has its reply.
    try await eventually("the others are done with") {
      try await node.database.query("SELECT count(*) FROM postrider.job") == "60"
    }
    #expect(
      try await node.database.query("SELECT count(*), max(attempt) FROM postrider.job") == "60|0",
      "whoever found no place in the line was handed back at no cost")
    _ = (acceptor, worker)
  }

  private func othersAreServed(_ node: RunningNode) async throws {
    try await eventually("slow mail is in flight") {
      try await node.database.query("SELECT count(*) > 0 FROM postrider.job WHERE claim_session IS NOT NULL") == "t"
    }
    for round in 1...3 {
      _ = try await node.send(count: 10, subject: "round \(round)")
      _ = try await node.waitForCaptured(10 * round)
    }
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE kind = 0") != "0")
  }
}
