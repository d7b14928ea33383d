import Foundation
import MailTesting
import Supervision
import Testing

/// What a load balancer is told when a process is to end, and what bounds its patience.
@Suite(.serialized, .timeLimit(.minutes(10))) struct DrainLimitTests {
  /// A client in the middle of its message, which goes on when the test says «finish».
  private func busyClient(_ node: RunningNode) async throws -> ProcessHarness {
    let client = try node.startPython(
      """
      busy = connect()
      busy.mail(user); busy.rcpt("bob@inbox.example")
      say("data", busy.docmd("DATA")[0])
      wait_for("finish")
      try:
          busy.send(b"Subject: in hand\\r\\n\\r\\nx\\r\\n.\\r\\n")
          say("busy", busy.getreply())
      except (smtplib.SMTPServerDisconnected, OSError):
          say("busy gone")
      """)
    try await client.waitForLine(containing: "data 354")
    return client
  }

  @Test func anAcceptorSaysDrainingBeforeItStopsListening() async throws {
    let node = try await RunningNode(settings: "shutdown: {notice: 10m}")
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    _ = try await acceptor.waitUntil("/readyz", code: 200, saying: "ready")
    acceptor.process.send(.terminate)
    let answer = try await acceptor.waitUntil("/readyz", code: 503, saying: "draining")
    #expect(answer.hasPrefix("draining\n") && !answer.contains("failed"))
    #expect(try await acceptor.get("/healthz").code == 200)
    #expect(try await acceptor.get("/metrics").body.contains("\npostrider_draining 1\n"))
    // Whoever has not noticed yet is served.
    #expect(try await node.send().first?.isEmpty == false)
    acceptor.process.send(.terminate)
    #expect(try await acceptor.process.waitForExit().isSuccess)
  }

  @Test func anAcceptorIsDrainingUntilTheMessageInHandIsAnswered() async throws {
    let node = try await RunningNode(settings: "shutdown: {timeout: 10m}")
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    let client = try await busyClient(node)
    acceptor.process.send(.terminate)
    try await eventually("nobody listens") { [port = node.startTLSPort] in !LoopbackPort.accepts(port) }
    #expect(try await acceptor.get("/readyz").code == 503)
    #expect(try await acceptor.get("/readyz").body.hasPrefix("draining\n"))
    #expect(acceptor.process.isRunning)
    try node.signal("finish")
    #expect(try await client.waitForLine(containing: "busy").contains("(250"))
    #expect(try await acceptor.process.waitForExit().isSuccess)
  }

  @Test func aSecondSignalEndsAnAcceptorAtOnce() async throws {
    let node = try await RunningNode(settings: "shutdown: {timeout: 1h}")
    let acceptor = try await node.watched("acceptor", awaiting: "ready")
    let client = try await busyClient(node)
    acceptor.process.send(.terminate)
    try await acceptor.process.waitForLine(containing: "draining")
    #expect(acceptor.process.isRunning)
    acceptor.process.send(.terminate)
    #expect(try await acceptor.process.waitForExit().isSuccess, "\(acceptor.process.lines.suffix(5))")
    #expect(acceptor.process.output.contains("a second signal"))
    try node.signal("finish")
    _ = try await client.waitForLine(containing: "busy gone")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.message") == "0")
  }

  @Test func theTimeLimitEndsAnAcceptor() async throws {
    let node = try await RunningNode(settings: "shutdown: {timeout: 500ms}")
    let acceptor = try await node.acceptor()
    let client = try await busyClient(node)
    #expect(try await acceptor.terminate().isSuccess, "\(acceptor.lines.suffix(5))")
    try node.signal("finish")
    _ = try await client.waitForLine(containing: "busy gone")
  }

  /// What has not reached its final dot is handed back: the next worker delivers it, and nothing comes twice.
  @Test(arguments: [false, true])
  func aWorkerHandsBackWhatItIsNotGivenTimeFor(bySecondSignal: Bool) async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, delay: 30m}\n",
      settings: "shutdown: {timeout: \(bySecondSignal ? "1h" : "500ms")}")
    let acceptor = try await node.acceptor()
    let worker = try await node.watched("worker", awaiting: "worker session begun")
    try await node.send(count: 3)
    _ = try await worker.waitUntil("/metrics", code: 200, saying: "\npostrider_jobs_in_flight 3\n")
    worker.process.send(.terminate)
    if bySecondSignal {
      _ = try await worker.waitUntil("/readyz", code: 503, saying: "draining")
      worker.process.send(.terminate)
    }
    #expect(try await worker.process.waitForExit().isSuccess, "\(worker.process.lines.suffix(5))")
    #expect(
      try await node.database.query("SELECT count(*), count(claim_session), sum(attempt) FROM postrider.job")
        == "3|0|0")
    _ = acceptor
  }
}
