import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct LeaseTests {
  @Test func claimsOfAnEndedSessionAreFree() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    let dead = try await queue.session()
    let first = try await queue.claim(dead)
    #expect(first.count == 1)
    try await queue.pool.run { try WorkerSessions.end(dead, why: "test", $0) }
    try await queue.advance("5 seconds")
    let heir = try await queue.session()
    let second = try await queue.claim(heir)
    #expect(second.count == 1)
    #expect(second.first?.jobs.first?.crashes == 1)

    // The dead one comes back: its outcome is noted as late and changes nothing.
    #expect(try await queue.complete(first, as: .delivered, session: dead) == 1)
    #expect(try await queue.jobs() == 1)
    #expect(try await queue.complete(second, as: .delivered, session: heir) == 0)
    #expect(try await queue.jobs() == 0)
    #expect(try await queue.database.query("SELECT late FROM postrider.outcome ORDER BY late") == "f\nt")
  }

  /// The answer to a claim may be lost while the worker lives. Once declared void, its jobs are free, and that is no
  /// crash of the message's.
  @Test func aVoidClaimOfALivingSessionIsFree() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    let session = try await queue.session()
    let lost = try await queue.claim(session, counter: 1)
    #expect(lost.count == 1)
    try await queue.pool.run { try WorkerSessions.void([1], of: session, $0) }
    try await queue.advance("5 seconds")
    let again = try await queue.claim(session, counter: 2)
    #expect(again.first?.jobs.first?.crashes == 0)
    #expect(try await queue.complete(lost, as: .delivered, session: session) == 1, "late")
    #expect(try await queue.complete(again, as: .delivered, session: session) == 0)
  }

  @Test func anEndedSessionClaimsNothingAndCannotBeRenewed() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    let session = try await queue.session()
    #expect(try await queue.pool.run { try WorkerSessions.renew(session, $0) })
    try await queue.pool.run { try WorkerSessions.end(session, why: "test", $0) }
    #expect(try await queue.pool.run { try WorkerSessions.renew(session, $0) } == false)
    await #expect(throws: PostgresError.self) { _ = try await queue.claim(session) }
  }

  @Test func onlySessionsWithoutHeartbeatAreEnded() async throws {
    let queue = try await QueueFixture()
    let old = try await queue.session(lease: .milliseconds(1))
    let living = try await queue.session(lease: .seconds(3600))
    try await eventually("the session without heartbeat is ended") {
      let ended = try await queue.endDead(inContact: .seconds(3600))
      return ended == [old]
    }
    #expect(try await queue.pool.run { try WorkerSessions.renew(living, $0) })
  }

  @Test func aClaimChangesHandsWithoutEverBeingFree() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    let (worker, alone, other) = (
      try await queue.session(), try await queue.session(), try await queue.session()
    )
    let first = try #require(try await queue.claim(worker).first)
    func takeOver(from holders: [QueueID], to session: QueueID) async throws -> ClaimedMessage? {
      try await queue.pool.run {
        try Claims.takeOver(first.id, 1, from: holders, to: session, counter: 7, $0)
      }
    }
    #expect(try await takeOver(from: [other], to: alone) == nil, "only its holder can give it")
    let handed = try #require(try await takeOver(from: [worker], to: alone))
    #expect(handed.jobs.first?.crashes == 0)
    #expect(try await queue.complete([first], as: .delivered, session: worker) == 1, "the old token is void")
    #expect(try await queue.claim(other).isEmpty)
    try await queue.pool.run { try WorkerSessions.end(worker, why: "test", $0) }
    #expect(try await takeOver(from: [worker, alone], to: worker) == nil, "an ended session takes nothing")
    #expect(try await queue.complete([handed], as: .delivered, session: alone) == 0)
    #expect(try await queue.jobs() == 0)
  }

  @Test func aTokenFromAnEarlierClaimOfTheSameSessionIsVoid() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    let session = try await queue.session()
    let first = try await queue.claim(session, counter: 1)
    #expect(try await queue.complete(first, as: .deferred(.seconds(60)), session: session) == 0)
    try await queue.advance("2 minutes")
    let second = try await queue.claim(session, counter: 2)
    #expect(second.first?.jobs.first?.attempt == 1)
    #expect(try await queue.complete(first, as: .delivered, session: session) == 1, "late")
    #expect(try await queue.jobs() == 1)
  }

  @Test func aDeferredJobWaitsForItsTimeAndExpiryStays() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    let expiry = try await queue.database.query("SELECT event_at FROM postrider.job")
    let session = try await queue.session()
    _ = try await queue.complete(try await queue.claim(session), as: .deferred(.seconds(7200)), session: session)
    #expect(try await queue.claim(session, counter: 2).isEmpty)
    try await queue.advance("1 hour")
    #expect(try await queue.claim(session, counter: 3).isEmpty)
    try await queue.advance("1 hour")
    #expect(try await queue.claim(session, counter: 4).count == 1)
    #expect(try await queue.database.query("SELECT event_at FROM postrider.job") == expiry)
  }

  @Test func aSuspendedTenantsMailWaits() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message())
    try await queue.database.query("UPDATE postrider.tenant SET suspended_at = now()")
    let session = try await queue.session()
    #expect(try await queue.claim(session).isEmpty)
    try await queue.database.query("UPDATE postrider.tenant SET suspended_at = NULL")
    #expect(try await queue.claim(session).count == 1)
  }
}
