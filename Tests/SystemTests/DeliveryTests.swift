import Foundation
import MailTesting
import Supervision
import Testing

@Suite(.serialized) struct DeliveryTests {
  @Test func mailGoesFromClientToSinkThroughTheQueue() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.acceptor()
    let worker = try await node.worker()
    let id = try #require(try await node.send(subject: "first").first)
    #expect(id.count == 26)
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.message.hasPrefix("Received: "))
    #expect(mail.message.contains("\r\nSubject: first 0\r\n"))
    #expect(mail.message.contains(id), "the id is in Received")
    #expect(mail.envelope.contains("alice@sender.example"))
    #expect(mail.envelope.contains("TLSv1.3"), "STARTTLS was offered and used")
    try await node.waitUntilEmpty()
    #expect(
      try await node.database.query("SELECT kind, reply_code, tls_version, late FROM postrider.outcome")
        == "0|250|TLSv1.3|f")
    _ = try await node.send(subject: "second", implicit: true)
    _ = try await node.waitForCaptured(2)
    #expect(try await acceptor.terminate().isSuccess)
    #expect(try await worker.terminate().isSuccess)
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.worker_session WHERE ended_at IS NULL") == "0")
  }

  /// Also as the only process of its session, where nice values of others do not count.
  @Test func aWorkerStepsBack() async throws {
    let node = try await RunningNode()
    let worker = try await node.worker()
    #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), UInt32(worker.processID)) == 10)
    let group = "/proc/\(worker.processID)/autogroup"
    if FileManager.default.fileExists(atPath: group) {
      #expect(try String(contentsOfFile: group, encoding: .utf8).hasSuffix("nice 10\n"))
    }
  }

  @Test func aLargeMessageArrivesByteForByte() async throws {
    let node = try await RunningNode()
    _ = try await node.acceptor()
    let acceptor = try await node.acceptor()
    let worker = try await node.worker()
    _ = try await node.send(sizeBytes: 5_000_000)
    let mail = try #require(try await node.waitForCaptured(1).first)
    let body = try #require(mail.message.range(of: "\r\n\r\n"))
    let line = String(repeating: "x", count: 70) + "\r\n"
    #expect(mail.message[body.upperBound...] == String(repeating: line, count: 5_000_000 / 72))
    _ = (acceptor, worker)
  }

  @Test func aRefusedRecipientBouncesToTheSender() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'nobody@*', reply: '550 5.1.1 no such user here'}\n")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.send(to: ["nobody@inbox.example", "bob@inbox.example"])
    let mails = try await node.waitForCaptured(2)
    let bounce = try #require(mails.first { $0.message.contains("multipart/report") })
    #expect(bounce.message.contains("no such user here"))
    #expect(bounce.message.contains("nobody@inbox.example"))
    #expect(!bounce.message.contains("bob@inbox.example\r\nAction: failed"))
    #expect(bounce.envelope.contains("\"mail_from\" : \"\""))
    try await node.waitUntilEmpty()
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outbox") == "0")
    _ = roles
  }

  @Test func aDomainThatDoesNotExistBouncesAtOnce() async throws {
    let node = try await RunningNode(zones: ["null.example": "@ MX 0 .\n"])
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.send(to: ["bob@nosuchdomain.example"])
    _ = try await node.send(to: ["bob@null.example"])
    let mails = try await node.waitForCaptured(2)
    #expect(mails.allSatisfy { $0.message.contains("multipart/report") })
    #expect(
      try await node.database.query("SELECT DISTINCT failure FROM postrider.outcome WHERE kind = 2 ORDER BY 1")
        == "no_such_domain\nnull_mx")
    _ = roles
  }

  /// Five days with the real processes: schedule time is moved on, lease time is real.
  @Test func aMessageIsRetriedForFiveDaysAndThenBounces() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'full@*', reply: '452 4.2.2 mailbox full'}\n",
      settings: RunningNode.shortLease)
    let acceptor = try await node.acceptor()
    var (worker, keeper) = (try await node.worker(), try await node.keeper())
    _ = try await node.send(to: ["full@inbox.example"])
    @Sendable func attempts() async throws -> Int {
      Int(try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE kind = 1")) ?? 0
    }
    try await eventually("the first attempt") { try await attempts() == 1 }
    let expiry = try await node.database.query("SELECT expires_at FROM postrider.message")
    var known = 1
    var rounds = 0
    while try await node.database.query("SELECT count(*) FROM postrider.job") != "0" {
      // To just before the next attempt, or just past the end.
      try await node.database.query(
        """
        UPDATE postrider.installation SET schedule_offset = schedule_offset
          + (SELECT greatest(least(due, event_at) - postrider.schedule_now(), '0') FROM postrider.job
               JOIN postrider.message ON id = message WHERE reverse_path IS NOT NULL)
          + interval '1 second'
        """)
      let before = known
      try await eventually("the next attempt or the end") {
        let isOver =
          try await node.database.query(
            "SELECT count(*) FROM postrider.job JOIN postrider.message ON id = message WHERE reverse_path IS NOT NULL"
          ) == "0"
        return try await attempts() > before || isOver
      }
      known = try await attempts()
      rounds += 1
      try #require(rounds < 300)
      // Restarting everything in between changes nothing of the schedule, however it ends.
      if rounds % 10 == 0 {
        if rounds % 20 == 0 {
          try await worker.kill()
          try await keeper.kill()
        } else {
          try await worker.terminate()
          try await keeper.terminate()
        }
        (worker, keeper) = (try await node.worker(), try await node.keeper())
      }
      if try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE kind = 3") == "1" { break }
    }
    let timeline = try await node.database.query(
      """
      SELECT o.attempt, o.kind, date_trunc('second', o.at - m.accepted_at), o.reply_code
      FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message
      WHERE m.reverse_path IS NOT NULL ORDER BY o.at
      """)
    print("attempt|kind|after|reply\n\(timeline)")
    #expect(known > 20)
    #expect(
      try await node.database.query("SELECT expires_at FROM postrider.message WHERE reverse_path IS NOT NULL") == expiry
    )
    #expect(
      try await node.database.query(
        """
        SELECT o.at - m.accepted_at BETWEEN '5 days' AND '5 days 5 minutes'
        FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message WHERE o.kind = 3
        """) == "t")
    let notices = try await node.waitForCaptured(2).map(\.message)
    #expect(notices.map { $0.contains("\r\nAction: delayed\r\n") } == [true, false], "one of the delay, then the end")
    #expect(notices.last?.contains("\r\nAction: failed\r\n") == true)
    #expect(notices.allSatisfy { $0.contains("mailbox full") }, "the last real reply")
    _ = (acceptor, worker, keeper)
  }
}
