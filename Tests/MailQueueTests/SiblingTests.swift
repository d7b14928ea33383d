import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// A message's recipients of one lane go in one transaction, so a claim that cuts through them takes the rest along.
@Suite struct SiblingTests {
  private static func recipients(_ count: Int, at domain: String = "example.org") -> [String] {
    (1...count).map { "r\($0)@\(domain)" }
  }

  @Test func siblingsComeAlongAndOtherMessagesDoNot() async throws {
    let queue = try await QueueFixture()
    let message = queue.message(to: Self.recipients(30) + Self.recipients(30, at: "example.net"))
    _ = try await queue.writer().enqueue(message)
    for _ in 1...5 { _ = try await queue.writer().enqueue(queue.message(to: Self.recipients(30))) }
    let claimed = try await queue.claim(try await queue.session(), rows: 10)
    #expect(claimed.map(\.id) == [message.id])
    let taken = claimed.first?.jobs.map(\.recipient)
    #expect(taken == Array(1...30) || taken == Array(31...60), "one lane's")
  }

  @Test func aHundredAtMostComeAlong() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message(to: Self.recipients(150)))
    let claimed = try await queue.claim(try await queue.session(), rows: 10)
    #expect(claimed.flatMap(\.jobs).count == 110)
  }

  /// After a deferral each recipient is due at a time of its own.
  @Test func deferredSiblingsComeAlongWhenTheyAreDue() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message(to: Self.recipients(40)))
    let session = try await queue.session()
    let jobs = try await queue.claim(session).flatMap(\.jobs)
    #expect(jobs.count == 40)
    try await queue.put(off: jobs, session: session) { .seconds($0.recipient <= 30 ? 60 + Int($0.recipient) : 36_000) }
    try await queue.advance("5 minutes")
    let claimed = try await queue.claim(session, counter: 2, rows: 10)
    #expect(claimed.count == 1 && claimed.first?.jobs.map(\.recipient) == Array(1...30), "the others are not due yet")
    #expect(claimed.first?.jobs.allSatisfy { $0.attempt == 1 } == true)
  }

  /// The first that is due has been tried, the others have not, or the other way round.
  @Test(arguments: [true, false]) func triedAndUntriedSiblingsGoTogether(triedFirst: Bool) async throws {
    let queue = try await QueueFixture()
    let message = queue.message(to: Self.recipients(24))
    _ = try await queue.writer().enqueue(message)
    try await queue.database.query(
      """
      UPDATE postrider.job SET attempt = 2, due = due \(triedFirst ? "-" : "+") recipient * interval '1 second'
      WHERE recipient <= 12
      """)
    try await queue.advance("1 minute")
    let claimed = try await queue.claim(try await queue.session(), rows: 10)
    #expect(claimed.count == 1)
    // Those that were not tried come along only if the claim has reached them.
    #expect(claimed.first?.jobs.filter { $0.attempt == 2 }.count == 12)
    #expect(claimed.first?.jobs.filter { $0.attempt == 0 }.count == (triedFirst ? 0 : 12))
  }

  @Test func whatIsHeldOrInFlightStays() async throws {
    let queue = try await QueueFixture()
    _ = try await queue.writer().enqueue(queue.message(to: Self.recipients(30)))
    // Somebody else's.
    _ = try await queue.session()
    try await queue.database.query(
      """
      UPDATE postrider.job SET held = recipient = 20,
        claim_session = CASE WHEN recipient = 25 THEN (SELECT id FROM postrider.worker_session) END,
        claim_counter = CASE WHEN recipient = 25 THEN 1 END
      WHERE recipient IN (20, 25)
      """)
    let claimed = try await queue.claim(try await queue.session(), rows: 10)
    #expect(claimed.first?.jobs.map(\.recipient) == (1...30).filter { $0 != 20 && $0 != 25 })
  }

  /// Somebody changes a job after a claim has found it: it is taken by this claim or by a later one, once.
  @Test func whatIsChangedMeanwhileIsClaimedOnce() async throws {
    let queue = try await QueueFixture(threads: 6)
    for number in 1...60 {
      _ = try await queue.writer().enqueue(queue.message(to: Self.recipients(10, at: "d\(number % 7).example")))
    }
    let session = try await queue.session()
    let jobs = try await withThrowingTaskGroup(of: [Job].self) { group in
      for writer in 0..<2 {
        group.addTask {
          for round in 1...40 {
            try await queue.database.query(
              """
              UPDATE postrider.job SET delay_at = now() + interval '\(round) days'
              WHERE claim_session IS NULL AND recipient % 2 = \(writer)
              """)
          }
          return []
        }
      }
      for loop in 0..<3 {
        group.addTask {
          var jobs: [Job] = []
          for round in 1...40 {
            jobs += try await queue.claim(session, counter: Int64(loop * 1000 + round), rows: 15).flatMap(\.jobs)
          }
          return jobs
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    // Nothing is lost: what the claims have not got is there for the next, once its lane is looked at again.
    try await queue.advance("1 minute")
    let rest = try await queue.claim(session, counter: 9999).flatMap(\.jobs)
    #expect(jobs.count + rest.count == 600)
    #expect(Set((jobs + rest).map { HeldJob(message: $0.message, recipient: $0.recipient) }).count == 600)
  }

  /// A build of the release before calls the function that it knows.
  @Test func buildsOfTheReleaseBeforeClaimByTheSameRules() async throws {
    let queue = try await QueueFixture()
    let message = queue.message(to: Self.recipients(30))
    _ = try await queue.writer().enqueue(message)
    let session = try await queue.session()
    let claim = """
      SELECT cardinality(messages), recipients, cardinality(visited_tenants) FROM postrider.claim_jobs(
        (SELECT id FROM postrider.worker_session), 1, 0, false, '{}', '{}', '{}', '{}', '{}', '{}', 1000, '{}', 10)
      """
    #expect(try await queue.database.query(claim) == "30|{\((1...30).map(String.init).joined(separator: ","))}|1")
    #expect(try await queue.claim(session, counter: 2).isEmpty, "they are in flight")
  }
}

extension QueueFixture {
  /// Ends attempts as deferred, each job for as long as is said.
  fileprivate func put(off jobs: [Job], session: QueueID, _ delay: (Job) -> Duration) async throws {
    let reply = Attempt(result: .delivered(Reply(450, EnhancedStatus(4, 0, 0), "later")))
    let done = jobs.map { CompletedJob(job: $0, tenant: tenant, disposition: .deferred(delay($0)), attempt: reply) }
    let late = try await pool.run { try Completions.write(done, session: session, $0) }
    #expect(late == 0)
  }
}
