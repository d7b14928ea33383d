import Foundation
import MailTesting
import Supervision
import Testing

/// SIGTERM in the middle of work: what was promised is kept, nothing is done twice, and the process ends well.
@Suite(.serialized, .timeLimit(.minutes(10))) struct DrainTests {
  @Test func anAcceptorFinishesTheTransactionInHandAndSays421ToTheRest() async throws {
    let node = try await RunningNode(settings: "shutdown: {timeout: 10m}")
    let acceptor = try await node.acceptor()
    let worker = try await node.worker()
    let client = try node.startPython(
      """
      busy, idle = connect(), connect()
      busy.mail(user); busy.rcpt("bob@inbox.example")
      say("data", busy.docmd("DATA")[0])
      say("idle", idle.getreply())
      busy.send(b"Subject: in hand\\r\\n\\r\\nx\\r\\n.\\r\\n")
      say("busy", busy.getreply())
      try:
          say("next", busy.mail(user))
      except smtplib.SMTPServerDisconnected:
          say("next gone")
      """)
    try await client.waitForLine(containing: "data 354")
    acceptor.send(.terminate)
    #expect(try await client.waitForLine(containing: "idle").contains("421"))
    #expect(try await client.waitForLine(containing: "busy").contains("(250"))
    #expect(try await client.waitForLine(containing: "next").contains("421"))
    #expect(try await acceptor.waitForExit().isSuccess)
    _ = try await node.waitForCaptured(1)
    _ = worker
  }

  /// Several clients that send numbered messages, each until it has its 250, and stop when they are told.
  private func load(_ node: RunningNode) throws -> ProcessHarness {
    try node.startPython(
      """
      def sender(place):
          number, server = place, None
          while not os.path.exists(folder + "/stop"):
              text = b"Subject: load\\r\\nX-Number: %d\\r\\n\\r\\n%s" % (number, b"x" * 70 + b"\\r\\n")
              try:
                  server = server or connect()
                  code, reply = send(server, ["bob@inbox.example"], text)
              except (smtplib.SMTPException, OSError) as error:
                  code = 0
              if code == 250:
                  number += 8
              else:
                  server = None
              time.sleep(0.02)
          say("taken", place, number)
      threads = [threading.Thread(target=sender, args=(place,)) for place in range(8)]
      for thread in threads: thread.start()
      for thread in threads: thread.join()
      say("done")
      """)
  }

  private func expectEachExactlyOnce(_ node: RunningNode, _ taken: [String]) async throws {
    try await node.waitUntilEmpty()
    let numbers = try node.captured().compactMap { mail in
      mail.message.split(separator: "\r\n").first { $0.hasPrefix("X-Number: ") }.map { String($0.dropFirst(10)) }
    }
    #expect(Set(numbers).isSuperset(of: taken), "a promise is broken")
    #expect(Set(numbers) == Set(taken), "without a 250 nothing was queued")
    #expect(numbers.count == Set(numbers).count, "something came twice")
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE late OR kind <> 0 OR attempt <> 1")
        == "0")
  }

  /// All that got a 250: every eighth number from each sender's first up to where it stopped.
  private func numbers(_ client: ProcessHarness) -> [String] {
    client.lines.filter { $0.hasPrefix("taken ") }.flatMap { line -> [String] in
      let words = line.split(separator: " ").compactMap { Int($0) }
      return words.count == 2 ? stride(from: words[0], to: words[1], by: 8).map { "\($0)" } : []
    }
  }

  @Test func rollingRestartsUnderLoadLoseAndRepeatNothing() async throws {
    let node = try await RunningNode(script: "rules:\n  - {stage: dot, delay: 20ms}\n")
    var keeper = try await node.keeper()
    var acceptors = [try await node.acceptor(), try await node.acceptor()]
    var workers = [try await node.worker(), try await node.worker()]
    let client = try load(node)
    for place in 0..<2 {
      let seen = try node.captured().count
      _ = try await node.waitForCaptured(seen + 20)
      acceptors.append(try await node.acceptor())
      #expect(try await acceptors[place].terminate().isSuccess, "\(acceptors[place].lines.suffix(5))")
      _ = try await node.waitForCaptured(try node.captured().count + 20)
      workers.append(try await node.worker())
      #expect(try await workers[place].terminate().isSuccess, "\(workers[place].lines.suffix(5))")
      #expect(try await keeper.terminate().isSuccess, "\(keeper.lines.suffix(5))")
      keeper = try await node.keeper()
    }
    _ = try await node.waitForCaptured(try node.captured().count + 20)
    try node.signal("stop")
    #expect(try await client.waitForExit().isSuccess)
    try await expectEachExactlyOnce(node, numbers(client))
    for process in acceptors[2...] + workers[2...] + [keeper] { #expect(try await process.terminate().isSuccess) }
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.worker_session WHERE ended_at IS NULL") == "0")
  }

  @Test func aWorkerThatIsToldToStopEndsWhatItHasBegun() async throws {
    let node = try await RunningNode(script: "rules:\n  - {stage: dot, delay: 200ms}\n")
    let roles = [try await node.acceptor(), try await node.keeper()]
    let ids = try await node.send(count: 60)
    let first = try await node.worker()
    _ = try await node.waitForCaptured(5)
    #expect(try await first.terminate().isSuccess)
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.job WHERE claim_session IS NOT NULL") == "0",
      "what it did not get to is free")
    let second = try await node.worker()
    try await node.waitUntilEmpty()
    let messages = try node.captured().map(\.message)
    for id in ids { #expect(messages.filter { $0.contains(id) }.count == 1, "\(id) must be there exactly once") }
    _ = (roles, second)
  }
}
