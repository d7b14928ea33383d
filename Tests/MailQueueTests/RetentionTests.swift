import Cryptography
import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct RetentionTests {
  @Test func aBodyGoesThirtyDaysAfterTheLastRecipientEnded() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    let message = queue.message(to: ["bob@example.org", "eve@example.net"])
    _ = try await queue.writer().enqueue(message)
    try await queue.end(["example.org"], as: .delivered)
    try await queue.advance("31 days")
    #expect(try await queue.redactDue(keeper) == 0)
    #expect(try await queue.trace(message.id)?.facts.isRedacted == false, "it still waits")

    try await queue.end(["example.net"], as: .delivered)
    let ended = try #require(try await queue.trace(message.id))
    #expect(try #require(ended.bodyUntil).microseconds - #require(ended.endedAt).microseconds == 30 * 86_400_000_000)
    try await queue.advance("29 days 23 hours")
    #expect(try await queue.redactDue(keeper) == 0)
    try await queue.advance("1 hour")
    #expect(try await queue.redactDue(keeper) == 1)
    let after = try #require(try await queue.trace(message.id))
    #expect(after.facts.isRedacted && after.facts.redactedAt != nil && after.bodyUntil == nil)
    #expect(after.outcomes.count == 2 && after.facts.envelope.recipients.count == 2, "the records stay")
    #expect(try await queue.redactDue(keeper) == 0)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.redaction") == "0")
  }

  @Test func theNarrowestChoiceHolds() async throws {
    let queue = try await QueueFixture()
    func retention(of message: NewMessage) async throws -> Retention? {
      _ = try await queue.writer().enqueue(message)
      return try await queue.trace(message.id)?.facts.retention
    }
    var message = queue.message()
    #expect(try await retention(of: message) == Retention())
    try await queue.database.query(
      """
      UPDATE postrider.tenant SET retention = 7 * 86400;
      INSERT INTO postrider.domain (tenant, name) VALUES (\(queue.tenant), 'example.com');
      INSERT INTO postrider.credential (tenant, domain, name, secret, retention_bounced)
      SELECT tenant, id, 'alice@example.com', '', 0 FROM postrider.domain
      """)
    message = queue.message()
    #expect(try await retention(of: message) == Retention(body: .seconds(7 * 86_400)))
    message = queue.message()
    message.credential = Int64(try await queue.database.query("SELECT id FROM postrider.credential"))
    #expect(try await retention(of: message) == Retention(body: .seconds(7 * 86_400), bounced: .zero))
    message.id = QueueID(unixMilliseconds: 1)
    message.retention = Retention(body: .zero, bounced: .seconds(60))
    #expect(try await retention(of: message) == Retention(body: .zero, bounced: .seconds(60)))
    message.id = QueueID(unixMilliseconds: 1)
    message.noticeOf = QueueID(unixMilliseconds: 2)
    #expect(try await retention(of: message) == Retention(body: .zero, bounced: .zero), "a notice may be a copy")
  }

  @Test func bouncedMailHasARetentionOfItsOwnAndWaitsForItsNotice() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    var message = queue.message(to: ["bob@example.org", "eve@example.net"])
    message.retention = Retention(body: .zero, bounced: .seconds(7 * 86_400))
    _ = try await queue.writer().enqueue(message)
    try await queue.end(["example.org"], as: .delivered)
    try await queue.end(["example.net"], as: .bounced(notify: true))
    #expect(try await queue.redactDue(keeper) == 0)
    try await queue.advance("8 days")
    #expect(try await queue.redactDue(keeper) == 0, "its sender has not been told")
    try await queue.database.query("DELETE FROM postrider.outbox")
    #expect(try await queue.redactDue(keeper) == 0)
    try await queue.advance("1 minute")
    #expect(try await queue.redactDue(keeper) == 1)
  }

  @Test(arguments: ["cancelled", "expired", "at once"])
  func everyEndCounts(_ way: String) async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    var message = queue.message()
    message.retention = Retention(body: .zero, bounced: .zero)
    message.envelope.reversePath = nil
    let id = message.id
    _ = try await queue.writer().enqueue(message)
    #expect(try await queue.redactDue(keeper) == 0)
    switch way {
    case "cancelled": _ = try await queue.pool.run { try Steering.cancel(id, $0) }
    case "expired":
      try await queue.advance("5 days")
      _ = try await queue.pool.run { try Expiry.endOverdue(guardedBy: keeper.guardStatement, $0) }
    default: try await queue.end(["example.org"], as: .delivered)
    }
    #expect(try await queue.redactDue(keeper) == 1)
  }

  @Test func recipientsThatEndAtTheSameMomentAreNotMissed() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    var message = queue.message(to: ["bob@example.org", "eve@example.net"])
    message.retention = Retention(body: .zero, bounced: .zero)
    _ = try await queue.writer().enqueue(message)
    // Neither transaction sees that the other ends the other recipient.
    let (first, second) = (try queue.connect(), try queue.connect())
    for (connection, number) in [(first, 1), (second, 2)] {
      _ = try connection.query("BEGIN")
      _ = try connection.query("DELETE FROM postrider.job WHERE recipient = \(number)")
    }
    _ = try first.query("COMMIT")
    #expect(try await queue.redactDue(keeper) == 0, "one recipient is left")
    _ = try second.query("COMMIT")
    #expect(try await queue.redactDue(keeper) == 1)
  }

  @Test func aMessageIsRedactedAtOnceOnDemandWithItsCopies() async throws {
    let queue = try await QueueFixture()
    let subject = queue.message()
    _ = try await queue.writer().enqueue(subject)
    #expect(try await queue.pool.run { try Redaction.redact(subject.id, $0) } == nil, "it waits")
    try await queue.end(["example.org"], as: .delivered)
    var notice = queue.message(to: ["alice@example.com"])
    notice.noticeOf = subject.id
    _ = try await queue.writer().enqueue(notice)
    #expect(try await queue.pool.run { try Redaction.redact(subject.id, $0) } == [subject.id])
    #expect(try await queue.trace(notice.id)?.facts.isRedacted == false, "the notice waits")
    try await queue.end(["example.com"], as: .delivered)
    #expect(try await queue.pool.run { try Redaction.redact(subject.id, $0) } == [notice.id])
    #expect(try await queue.pool.run { try Redaction.redact(subject.id, $0) } == [])
  }

  @Test func onlyTheLeaderRedacts() async throws {
    let queue = try await QueueFixture()
    let former = try await queue.lead()
    _ = try await queue.pool.run { try Leadership.take(holder: "other", patience: .zero, $0) }
    await #expect(throws: PostgresError.self) { try await queue.redactDue(former) }
  }

  @Test func mailOfTheBuildBeforeIsKeptForThirtyDays() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    // A message that ended before there was a list.
    try await queue.end(["example.org"], as: .delivered)
    try await queue.database.query("DELETE FROM postrider.redaction")
    try await queue.advance("34 days")
    try await queue.tendDays()
    #expect(try await queue.redactDue(keeper) == 0)
    try await queue.advance("2 days")
    try await queue.tendDays()
    #expect(try await queue.redactDue(keeper) == 1)
  }
}

extension QueueFixture {
  func lead() async throws -> Leadership {
    try #require(try await pool.run { try Leadership.take(holder: "keeper", patience: .seconds(60), $0) })
  }

  /// As the leading keeper does it.
  func redactDue(_ leader: Leadership) async throws -> Int {
    try await pool.run { try Redaction.redactDue(guardedBy: leader.guardStatement, $0) }.redacted
  }

  /// - Returns: what was done to which days.
  @discardableResult
  func tendDays() async throws -> Redaction.Tended {
    var done: Redaction.Tended = []
    for day in try await pool.run({ try Redaction.daysToTend(every: .seconds(6 * 3600), $0) }) {
      done.formUnion(try await pool.run { try Redaction.tend(day, $0) })
    }
    return done
  }

  /// Ends the recipients of some domains.
  /// - Parameter success: what is to be told of those that are delivered.
  func end(_ domains: [String], as disposition: Disposition, success: OutboxKind? = nil) async throws {
    try await advance("1 second")
    let session = try await session()
    let claimed = try await claim(session)
    let (wanted, others) = (
      claimed.filter { domains.contains($0.envelope.recipients.first?.address.domain ?? "") },
      claimed.filter { !domains.contains($0.envelope.recipients.first?.address.domain ?? "") }
    )
    _ = try await complete(wanted, as: disposition, session: session, success: success)
    _ = try await complete(others, as: .handedBack, session: session)
  }
}
