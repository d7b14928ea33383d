import MailQueue
import MailTesting
import Postgres
import Testing

/// The bounded look at the queue that metrics are made of.
@Suite struct QueueSampleTests {
  @Test func anEmptyQueueIsSeenWhole() async throws {
    let queue = try await QueueFixture()
    let sample = try await queue.pool.run { try QueueSample.take($0) }
    #expect(sample.lanes.isEmpty && sample.isComplete)
    #expect(sample.recipientsEstimate == 0 && sample.workerSessions == 0 && sample.oldestLease == .zero)
  }

  @Test func whatIsDueIsCountedByTenantAndDestinationWithItsDelay() async throws {
    let queue = try await QueueFixture()
    let other = try await QueueFixture.addTenant("second", queue.pool)
    let writer = queue.writer()
    _ = try await writer.enqueue(queue.message(to: ["a@one.example", "b@one.example", "c@two.example"]))
    _ = try await writer.enqueue(queue.message(to: ["d@one.example"], tenant: other))
    try await queue.advance("90 seconds")
    let sample = try await queue.pool.run { try QueueSample.take($0) }
    #expect(sample.isComplete)
    #expect(
      sample.lanes.map { "\($0.tenant) \($0.destination) \($0.recipients)" }.sorted()
        == ["first one.example 2", "first two.example 1", "second one.example 1"])
    #expect(sample.lanes.allSatisfy { $0.isReady && $0.delay >= .seconds(90) })
    #expect(sample.recipientsEstimate >= 4)
  }

  @Test func nobodyIsLateWhenMailIsInFlightDeferredOrSuspended() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    try await queue.advance("1 hour")
    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    let flying = try await queue.pool.run { try QueueSample.take($0) }
    #expect(flying.lanes.allSatisfy { $0.delay == .zero } && flying.workerSessions == 1)
    // Its worker is gone: whoever is free may take it, so it is late.
    try await queue.pool.run { try WorkerSessions.end(session, why: "test", $0) }
    let orphaned = try await queue.pool.run { try QueueSample.take($0) }
    #expect(orphaned.lanes.contains { $0.delay >= .seconds(3600) } && orphaned.workerSessions == 0)

    let next = try await queue.session()
    // The lane was laid aside while all its due mail was in flight.
    try await queue.advance("10 seconds")
    let again = try await queue.claim(next, counter: 2)
    _ = try await queue.complete(again, as: .deferred(.seconds(7200)), session: next)
    let deferred = try await queue.pool.run { try QueueSample.take($0) }
    #expect(deferred.lanes.map(\.recipients) == [1] && deferred.lanes.allSatisfy { $0.delay == .zero })
    try await queue.advance("3 hours")
    try await queue.database.query("UPDATE postrider.tenant SET suspended_at = now()")
    let suspended = try await queue.pool.run { try QueueSample.take($0) }
    #expect(suspended.lanes.map(\.recipients) == [1] && suspended.lanes.allSatisfy { $0.delay == .zero })
    _ = claimed
  }

  /// The promise that makes it fit for a keeper: the same few pages whatever the backlog.
  @Test func itReadsNoMoreWhenTheQueueGrows() async throws {
    let queue = try await QueueFixture()
    try await Backlog().load(into: queue.database)
    let sample = try await queue.pool.run { try QueueSample.take($0) }
    #expect(!sample.isComplete, "there is more than it may look at")
    #expect(sample.lanes.count <= 65 * 9 + 257)
    #expect(sample.lanes.allSatisfy { $0.recipients <= 501 })
    #expect(sample.lanes.contains { $0.destination == "large.example" && $0.recipients == 501 })
    let read = try await rowsRead(queue)
    #expect(read < 30_000, "it read \(read) rows or index entries of 160000 jobs and 20001 lanes")
  }

  /// Rows and index entries of jobs and lanes that one look reads.
  private func rowsRead(_ queue: QueueFixture) async throws -> Int {
    try await queue.pool.run { connection in
      func count() throws -> Int {
        // The connection's own counts reach the shared ones only when it is told so.
        _ = try connection.query("SELECT pg_stat_force_next_flush()")
        _ = try connection.query("SELECT pg_stat_clear_snapshot()")
        let result = try connection.query(
          """
          SELECT (sum(t.seq_tup_read) + sum(t.idx_tup_fetch) + (SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes i
            WHERE i.schemaname = 'postrider' AND i.relname IN ('job', 'lane')))::bigint
          FROM pg_stat_user_tables t WHERE t.schemaname = 'postrider' AND t.relname IN ('job', 'lane')
          """)
        return Int(try result.int64(0, 0))
      }
      let before = try count()
      _ = try QueueSample.take(connection)
      return try count() - before
    }
  }
}
