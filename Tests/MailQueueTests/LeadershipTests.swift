import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct LeadershipTests {
  private func take(_ holder: String, _ queue: QueueFixture, patience: Duration = .seconds(3600)) async throws
    -> Leadership?
  {
    try await queue.pool.run { try Leadership.take(holder: holder, patience: patience, $0) }
  }

  private func duty(as leader: Leadership, _ queue: QueueFixture) async throws {
    try await queue.pool.run { _ = try $0.transaction([leader.guardStatement]) }
  }

  @Test func oneLeadsAndTheOthersWait() async throws {
    let queue = try await QueueFixture()
    let first = try #require(try await take("a", queue))
    #expect(try await take("b", queue) == nil)
    #expect(try await take("a", queue) == first, "renewing keeps the epoch")
    try await duty(as: first, queue)
  }

  @Test func whoWasReplacedCanDoNothingMore() async throws {
    let queue = try await QueueFixture()
    let first = try #require(try await take("a", queue))
    let second = try #require(try await take("b", queue, patience: .zero))
    #expect(second.epoch > first.epoch)
    let error = await #expect(throws: PostgresError.self) { try await duty(as: first, queue) }
    #expect(error?.sqlState == "PR003")
    try await duty(as: second, queue)
  }

  @Test func whoResignsIsReplacedAtOnce() async throws {
    let queue = try await QueueFixture()
    let first = try #require(try await take("a", queue))
    try await queue.pool.run { try first.resign($0) }
    let second = try #require(try await take("b", queue))
    #expect(second.epoch > first.epoch)
  }

  /// No session is ended before the keeper has been in contact with the database for a full lease.
  @Test func aShortContactEndsNoSession() async throws {
    let queue = try await QueueFixture()
    let silent = try await queue.session(lease: .milliseconds(100))
    try await eventually("its lease has run out") {
      try await queue.database.query(
        "SELECT bool_and(renewed_at < clock_timestamp() - lease) FROM postrider.worker_session") == "t"
    }
    #expect(try await queue.endDead(inContact: .milliseconds(99)).isEmpty)
    let another = try await queue.pool.run {
      try WorkerSessions.endDead(inContact: .seconds(1), serverStart: try DatabaseHealth.serverStart($0) - 1, $0).count
    }
    #expect(another == 0, "the server that was known is not this one")
    #expect(try await queue.endDead(inContact: .seconds(1)) == [silent])
  }

  /// After the promotion of a machine whose clock is behind, what is written there seems to come from the future.
  @Test func renewalsFromTheFutureKeepNobodyAlive() async throws {
    let queue = try await QueueFixture()
    let silent = try await queue.session(lease: .milliseconds(100))
    try await queue.database.query(
      "UPDATE postrider.worker_session SET renewed_at = clock_timestamp() + interval '1 hour'")
    #expect(try await queue.endDead(inContact: .seconds(1)).isEmpty, "it has a lease from now")
    try await eventually("its session has ended") { try await queue.endDead(inContact: .seconds(1)) == [silent] }

    let first = try #require(try await take("a", queue))
    try await queue.database.query(
      "UPDATE postrider.leadership SET renewed_at = clock_timestamp() + interval '1 hour'")
    let second = try #require(try await take("b", queue, patience: .seconds(60)))
    #expect(second.epoch > first.epoch)
    #expect(try await take("a", queue, patience: .seconds(60)) == nil)
  }
}
