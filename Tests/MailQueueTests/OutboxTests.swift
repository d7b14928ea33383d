import MailModel
import MailQueue
import MailTesting
import NIOCore
import Postgres
import Testing

@Suite struct OutboxTests {
  // MARK: Delays

  @Test func aDelayIsToldOnceWhereverTheMailWaits() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    for name in ["waits", "held", "refused"] {
      _ = try await queue.writer().enqueue(queue.message(to: ["a@\(name).example"]))
    }
    try await queue.end(["refused.example"], as: .deferred(.seconds(86_400)))
    try await queue.database.query(
      """
      UPDATE postrider.job SET held = true WHERE lane = (SELECT id FROM postrider.lane WHERE destination = 'held.example');
      UPDATE postrider.tenant SET suspended_at = now();
      UPDATE postrider.lane SET ready = false, wake_at = 'infinity'
      """)
    try await queue.advance("3 hours")
    #expect(try await queue.noteDelays(keeper) == 0)
    try await queue.advance("1 hour")
    #expect(try await queue.noteDelays(keeper) == 3)
    #expect(try await queue.told() == "1|3")
    #expect(try await queue.noteDelays(keeper) == 0, "once")
    try await queue.advance("4 days")
    #expect(try await queue.noteDelays(keeper) == 0)
    #expect(try await queue.jobs() == 3)
    // Its time to expire is looked at all the same.
    try await queue.advance("20 hours 1 minute")
    #expect(try await queue.pool.run { try Expiry.endOverdue(guardedBy: keeper.guardStatement, $0) } == 3)
  }

  @Test func whoDoesNotWantToHearIsNotNoted() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    for notify in [NotifyConditions.never, .failure, .success, [.failure, .success]] {
      var message = queue.message()
      message.id = QueueID(unixMilliseconds: 1)
      message.envelope.recipients[0].notify = notify
      _ = try await queue.writer().enqueue(message)
    }
    var notice = queue.message()
    notice.envelope.reversePath = nil
    _ = try await queue.writer().enqueue(notice)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.job WHERE delay_at IS NOT NULL") == "0")
    try await queue.advance("5 hours")
    #expect(try await queue.noteDelays(keeper) == 0)
  }

  @Test func tenantsHaveTheirOwnDelay() async throws {
    let queue = try await QueueFixture()
    let (early, never) = (
      try await QueueFixture.addTenant("early", queue.pool), try await QueueFixture.addTenant("never", queue.pool)
    )
    try await queue.database.query(
      """
      UPDATE postrider.tenant SET notice_delay = 600 WHERE name = 'early';
      UPDATE postrider.tenant SET notice_delay = 0 WHERE name = 'never'
      """)
    // In one transaction, and in turns.
    let messages = [queue.tenant, early, never, early, queue.tenant].map { tenant in
      var message = queue.message(to: ["a@one.example", "b@two.example"], tenant: tenant)
      message.id = QueueID(unixMilliseconds: UInt64.random(in: 1...1_000_000))
      return message
    }
    let writer = queue.writer()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for message in messages { group.addTask { _ = try await writer.enqueue(message) } }
      try await group.waitForAll()
    }
    #expect(
      try await queue.database.query(
        """
        SELECT t.name, count(*), j.delay_at - m.accepted_at FROM postrider.job j
        JOIN postrider.message m ON m.id = j.message JOIN postrider.tenant t ON t.id = m.tenant
        GROUP BY 1, 3 ORDER BY 1
        """) == "early|4|00:10:00\nfirst|4|04:00:00\nnever|2|")
  }

  @Test func whatIsInFlightIsNotLateYet() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    _ = try await queue.writer().enqueue(queue.message())
    let session = try await queue.session(lease: .seconds(3600))
    try await queue.advance("5 hours")
    let claimed = try await queue.claim(session)
    #expect(try await queue.noteDelays(keeper) == 0)
    _ = try await queue.complete(claimed, as: .deferred(.seconds(60)), session: session)
    #expect(try await queue.noteDelays(keeper) == 1)
    // It arrives before the notice is written: then there is nothing to tell any more.
    try await queue.end([], as: .handedBack)
    try await queue.advance("2 minutes")
    try await queue.end(["example.org"], as: .delivered)
    let pending = try #require(try await queue.pending().first)
    #expect(pending.kind == .delayed)
    #expect(try await queue.consume(pending, keeper) == false)
    #expect(try await queue.pending().isEmpty)
    #expect(try await queue.noticeCount() == 0)
  }

  /// What a build of the release before inserts has no time for a delay, and one for its end.
  @Test func whatHasNoTimeForADelayStillExpires() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    _ = try await queue.writer().enqueue(queue.message())
    let lane = try #require(Int64(try await queue.database.query("SELECT id FROM postrider.lane")))
    let older = try queue.openInsertion(recipient: 2, lane: lane)
    _ = try older.query("COMMIT")
    try await queue.advance("5 hours")
    #expect(try await queue.noteDelays(keeper) == 1)
    try await queue.advance("4 days 19 hours")
    #expect(try await queue.noteDelays(keeper) == 0)
    #expect(try await queue.pool.run { try Expiry.endOverdue(guardedBy: keeper.guardStatement, $0) } == 2)
  }

  /// The other databases have what home has, also what has been taken back.
  @Test func choicesReachEveryDatabase() async throws {
    let (home, shard) = (try await QueueFixture(), try await QueueFixture())
    func copied() async throws -> String {
      try TenantCopies.copy(from: home.connect(), to: shard.connect())
      return try await shard.database.query(
        """
        SELECT retention, retention_bounced, notice_delay, notice_success, notice_language,
          (SELECT string_agg(tenant || kind || language || source, ',' ORDER BY source) FROM postrider.notice_template)
        FROM postrider.tenant
        """)
    }
    try await home.database.query(
      """
      UPDATE postrider.tenant SET retention = 7, notice_delay = 60, notice_success = true, notice_language = 'fi';
      INSERT INTO postrider.notice_template (tenant, kind, language, source)
      VALUES (0, 'failed', 'nl', 'a'), (1, 'delayed', 'fi', 'b')
      """)
    #expect(try await copied() == "7||60|t|fi|0failednla,1delayedfib")
    try await home.database.query(
      """
      UPDATE postrider.tenant SET retention = NULL, notice_success = false, notice_language = NULL;
      DELETE FROM postrider.notice_template WHERE source = 'a';
      UPDATE postrider.notice_template SET source = 'c'
      """)
    #expect(try await copied() == "||60|f||1delayedfic")
  }

  // MARK: Exactly once

  /// Whoever writes a notice dies in the middle of its transaction: the next one writes it, and nobody a second.
  @Test(arguments: [Disposition.bounced(notify: true), .delivered])
  func aNoticeIsWrittenOnceThoughItsWriterDies(disposition: Disposition) async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    _ = try await queue.writer().enqueue(queue.message())
    try await queue.end(["example.org"], as: disposition, success: .relayed)
    let pending = try #require(try await queue.pending().first)
    let witness = Witness(value: try queue.connect())
    let error = await #expect(throws: PostgresError.self) {
      _ = try await queue.consume(
        pending, keeper,
        meanwhile: { connection in
          // The rows are deleted, the notice is not queued: now the server loses its client.
          let backend = try? connection.query("SELECT pg_backend_pid()").int32(0, 0)
          _ = try? witness.value.query("SELECT pg_terminate_backend(\(backend ?? 0))")
        })
    }
    #expect(error != nil)
    #expect(try await queue.noticeCount() == 0)
    #expect(try await queue.pending() == [pending])
    // Two keepers that both believe to lead: the later epoch holds.
    let next = try #require(
      try await queue.pool.run { try Leadership.take(holder: "next", patience: .zero, $0) })
    await #expect(throws: PostgresError.self) { _ = try await queue.consume(pending, keeper) }
    #expect(try await queue.consume(pending, next) == true)
    #expect(try await queue.consume(pending, next) == false)
    #expect(try await queue.pending().isEmpty)
    #expect(try await queue.noticeCount() == 1)
  }

  @Test func recipientsWithTheSameFateShareANotice() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    let message = queue.message(to: ["a@one.example", "b@two.example", "c@three.example", "d@four.example"])
    _ = try await queue.writer().enqueue(message)
    try await queue.end(["one.example"], as: .bounced(notify: true))
    #expect(try await queue.pending().isEmpty, "others may follow")
    try await queue.end(["two.example"], as: .bounced(notify: true))
    try await queue.advance("1 minute")
    let first = try #require(try await queue.pending().first)
    #expect(try await queue.consume(first, keeper, sees: { $0.recipients.count == 2 }) == true)
    // The end of the message: nobody need be waited for.
    try await queue.end(["three.example"], as: .bounced(notify: true))
    try await queue.end(["four.example"], as: .delivered, success: .relayed)
    let rest = try await queue.pending()
    #expect(Set(rest.map(\.kind)) == [.failed, .relayed])
    for pending in rest {
      #expect(try await queue.consume(pending, keeper, sees: { $0.recipients.count == 1 }) == true)
    }
    #expect(try await queue.noticeCount() == 3)
  }

  @Test func aLongOutboxIsReadInSteps() async throws {
    let queue = try await QueueFixture()
    try await queue.database.query(
      """
      INSERT INTO postrider.outbox (kind, recipient, day, message, tenant, created_at)
      SELECT 2, 1, postrider.utc_day(now()), gen_random_uuid(), 1, now() FROM generate_series(1, 1200)
      """)
    var (sizes, position): ([Int], Int64?) = ([], 0)
    while let from = position {
      let batch = try await queue.pool.run { try Outbox.pending(from: from, $0) }
      sizes.append(batch.ready.count)
      position = batch.next
    }
    #expect(sizes == [500, 500, 200])
  }

  // MARK: What a notice carries

  @Test func aWholeMessageComesBackWhenItIsAskedFor() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    let text = "Subject: hello\r\n\r\n" + String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 5000)
    func fate(_ returned: ReturnedContent?, _ disposition: Disposition, wholeSizeMax: Int = 1 << 20) async throws
      -> NoticeSubject
    {
      var message = queue.message(text: text)
      message.id = QueueID(unixMilliseconds: 1)
      message.envelope.returned = returned
      _ = try await queue.writer().enqueue(message)
      try await queue.end(["example.org"], as: disposition, success: .relayed)
      let pending = try #require(try await queue.pending().first)
      let seen = Seen()
      _ = try await queue.consume(pending, keeper, wholeSizeMax: wholeSizeMax, sees: { seen.set($0) })
      return try #require(seen.subject)
    }
    let full = try await fate(.full, .bounced(notify: true))
    #expect(full.isWhole && full.content == Array(text.utf8))
    let headers = try await fate(.headers, .bounced(notify: true))
    #expect(!headers.isWhole && headers.content.count < text.utf8.count)
    #expect(try await !fate(nil, .bounced(notify: true)).isWhole)
    #expect(try await !fate(.full, .delivered).isWhole, "RET is about failures (RFC 3461 §4.3)")
    #expect(try await !fate(.full, .bounced(notify: true), wholeSizeMax: text.utf8.count - 1).isWhole)
  }

  /// A body that is to go at once stays until its sender has been told, and the notice goes when it has ended.
  @Test(arguments: [Disposition.bounced(notify: true), .delivered])
  func theBodyWaitsForTheNoticeAndTheNoticeForNothing(disposition: Disposition) async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    var message = queue.message()
    message.retention = Retention(body: .zero, bounced: .zero)
    _ = try await queue.writer().enqueue(message)
    try await queue.end(["example.org"], as: disposition, success: .relayed)
    #expect(try await queue.redactDue(keeper) == 0)
    let pending = try #require(try await queue.pending().first)
    #expect(try await queue.consume(pending, keeper, sees: { !$0.content.isEmpty }) == true)
    try await queue.advance("1 minute")
    #expect(try await queue.redactDue(keeper) == 1)
    #expect(
      try await queue.database.query("SELECT body_key IS NULL FROM postrider.message WHERE notice_of IS NULL") == "t")
    try await queue.end(["example.com"], as: .delivered)
    #expect(try await queue.redactDue(keeper) == 1)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.message WHERE body_key IS NOT NULL") == "0")
  }

  @Test func aTenantsWishIsFixedWhenTheMailIsAccepted() async throws {
    let queue = try await QueueFixture()
    try await queue.database.query("UPDATE postrider.tenant SET notice_success = true")
    var message = queue.message(to: ["a@one.example", "b@one.example"])
    message.envelope.recipients[1].notify = .failure
    _ = try await queue.writer().enqueue(message)
    var notice = queue.message()
    notice.id = QueueID(unixMilliseconds: 2)
    notice.envelope.reversePath = nil
    _ = try await queue.writer().enqueue(notice)
    #expect(
      try await queue.database.query("SELECT notify FROM postrider.message ORDER BY reverse_path NULLS LAST")
        == "{14,2}\n{NULL}")
    let session = try await queue.session()
    let recipients = try await queue.claim(session).flatMap(\.envelope.recipients)
    #expect(recipients.compactMap { $0.notify?.contains(.assumed) } == [true, false])
    #expect(recipients.compactMap { $0.notify?.said } == [.failure])
  }
}

/// A connection that one thread at a time uses: the pool's, while the test waits for it.
private struct Witness: @unchecked Sendable {
  let value: PostgresConnection
}

/// What a notice would have been made of.
private final class Seen: @unchecked Sendable {
  // Set on the pool's thread before the call returns, read after it.
  private(set) var subject: NoticeSubject?

  func set(_ subject: NoticeSubject) -> Bool {
    self.subject = subject
    return true
  }
}

extension QueueFixture {
  fileprivate func noteDelays(_ leader: Leadership) async throws -> Int {
    try await pool.run { try Delays.noteDue(guardedBy: leader.guardStatement, $0) }
  }

  fileprivate func told() async throws -> String {
    try await database.query("SELECT kind, count(*) FROM postrider.outbox GROUP BY 1 ORDER BY 1")
  }

  fileprivate func pending() async throws -> [PendingNotice] { try await pool.run { try Outbox.pending($0).ready } }

  fileprivate func noticeCount() async throws -> Int {
    Int(try await database.query("SELECT count(*) FROM postrider.message WHERE notice_of IS NOT NULL")) ?? -1
  }

  /// - Parameter sees: whether what the notice is made of is as it should be.
  fileprivate func consume(
    _ pending: PendingNotice, _ leader: Leadership, wholeSizeMax: Int = 1 << 20,
    sees: @escaping @Sendable (NoticeSubject) -> Bool = { _ in true },
    meanwhile: @escaping @Sendable (PostgresConnection) -> Void = { _ in }
  ) async throws -> Bool {
    let (reading, policy) = (
      NoticeReading(bodies: BodyStore(master: master), wholeSizeMax: wholeSizeMax), EnqueuePolicy(master: master)
    )
    var notice = message(to: ["alice@example.com"])
    notice.id = QueueID(unixMilliseconds: 3)
    notice.envelope.reversePath = nil
    notice.noticeOf = pending.message
    return try await pool.run { [notice] connection in
      try Outbox.consume(pending, guardedBy: leader.guardStatement, reading: reading, policy: policy, connection) {
        meanwhile(connection)
        return sees($0) ? notice : nil
      }
    }
  }
}
