import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct InspectionTests {
  @Test func aTraceTellsTheWholeStory() async throws {
    let queue = try await QueueFixture()
    let message = queue.message(to: ["bob@example.org", "eve@example.net"])
    _ = try await queue.writer().enqueue(message)
    let before = try #require(try await queue.trace(message.id))
    #expect(before.states.map(\.name) == ["pending", "pending"])
    #expect(before.facts.envelope.recipients == message.envelope.recipients)
    #expect(before.facts.envelope.reversePath == message.envelope.reversePath)
    #expect(before.facts.tenantName == "first" && before.facts.size == message.content.size)
    #expect(!before.facts.isRedacted && before.outcomes.isEmpty && !before.isFinal)

    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    #expect(
      try await queue.trace(message.id)?.states == Array(repeating: .inFlight(node: "test", session: session), count: 2)
    )
    let remote = RemoteHost(
      name: "mx.example.org", address: "192.0.2.1", port: 25,
      tls: TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", verified: true))
    let reply = Reply(250, EnhancedStatus(2, 1, 5), "taken\nthank you")
    let delivered = claimed.filter { $0.envelope.recipients.first?.address.domain == "example.org" }
    try await queue.complete(
      delivered, as: .delivered, Attempt(result: .delivered(reply), remote: remote, duration: .milliseconds(42)),
      session: session)
    try await queue.complete(
      claimed.filter { $0.jobs.first?.lane != delivered.first?.jobs.first?.lane }, as: .deferred(.seconds(300)),
      Attempt(result: .failed(.dns("SERVFAIL"), .route)), session: session)

    let after = try #require(try await queue.trace(message.id))
    #expect(after.states.map(\.name) == ["delivered", "deferred"])
    let first = try #require(after.lastOutcome(of: 1))
    #expect(first.kind == .delivered && first.number == 1 && first.node == "test" && first.session == session)
    #expect(first.attempt.remote == remote && first.attempt.duration == .milliseconds(42) && !first.isLate)
    #expect(first.attempt.result == .delivered(reply))
    let second = try #require(after.lastOutcome(of: 2))
    #expect(second.attempt.result == .failed(.dns("SERVFAIL"), .route))
    let due = try #require(second.nextDue)
    #expect(after.states[1] == .deferred(until: due))
    #expect(try await queue.trace(QueueID(unixMilliseconds: 1)) == nil)
  }

  @Test func aVoidClaimIsNotInFlight() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    let session = try await queue.session()
    #expect(try await queue.claim(session, counter: 7).count == 1)
    func inFlight() async throws -> Int? {
      try await queue.pool.run { try QueueSummary.lanes(tenant: nil, destination: nil, $0) }.first?.inFlight
    }
    #expect(try await inFlight() == 1)
    try await queue.pool.run { try WorkerSessions.void([7], of: session, $0) }
    #expect(try await inFlight() == 0)
    #expect(try await queue.trace(message.id)?.states.map(\.name) == ["pending"])
  }

  @Test func aLateOutcomeEndsNothing() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    let dead = try await queue.session()
    let claimed = try await queue.claim(dead)
    try await queue.pool.run { try WorkerSessions.end(dead, why: "test", $0) }
    #expect(try await queue.trace(message.id)?.states.map(\.name) == ["pending"], "the claim is worth nothing")
    try await queue.advance("5 seconds")
    _ = try await queue.claim(try await queue.session())
    _ = try await queue.complete(claimed, as: .delivered, session: dead)
    let trace = try #require(try await queue.trace(message.id))
    #expect(trace.states.map(\.name) == ["in flight"], "by the heir")
    #expect(trace.outcomes.map(\.isLate) == [true])
  }

  @Test func aNoticeAndItsSubjectKnowEachOther() async throws {
    let queue = try await QueueFixture()
    let subject = queue.message()
    var notice = queue.message(to: ["alice@example.com"])
    notice.noticeOf = subject.id
    notice.envelope.reversePath = nil
    _ = try await queue.writer().enqueue(subject)
    _ = try await queue.writer().enqueue(notice)
    #expect(try await queue.trace(subject.id)?.facts.notices == [notice.id])
    let facts = try #require(try await queue.trace(notice.id)?.facts)
    #expect(facts.noticeOf == subject.id && facts.envelope.reversePath == nil)
  }

  @Test func theSummaryCountsEachStateOnce() async throws {
    let queue = try await QueueFixture()
    let second = try await QueueFixture.addTenant("second", queue.pool)
    let writer = queue.writer()
    for number in 0..<6 { _ = try await writer.enqueue(queue.message(to: ["r\(number)@busy.example"])) }
    _ = try await writer.enqueue(queue.message(to: ["one@calm.example"], tenant: second))
    let session = try await queue.session()
    let claimed = try await queue.claim(session).filter { $0.tenant == queue.tenant }
    _ = try await queue.complete(Array(claimed.prefix(2)), as: .handedBack, session: session)
    _ = try await queue.complete(Array(claimed.dropFirst(4).prefix(1)), as: .held, session: session)
    try await queue.complete(
      Array(claimed.dropFirst(2).prefix(2)), as: .deferred(.seconds(60)),
      Attempt(result: .refused(Reply(451, nil, "later"), .recipient)), session: session)

    let lanes = try await queue.pool.run { try QueueSummary.lanes(tenant: nil, destination: nil, $0) }
    let busy = try #require(lanes.first)
    #expect(lanes.count == 2 && busy.tenant == "first" && busy.destination == "busy.example")
    #expect([busy.waiting, busy.due, busy.inFlight, busy.held] == [2, 2, 1, 1])
    #expect(busy.total == 6 && !busy.isCapped && busy.oldestAccepted != nil && busy.nextDue != nil)
    #expect(lanes.last?.inFlight == 1)
    let errors = try await queue.pool.run { try QueueSummary.lastErrors(of: lanes.map(\.lane), $0) }
    #expect(errors[busy.lane]?.attempt.result == .refused(Reply(451, nil, "later"), .recipient))
    #expect(errors.count == 1)

    let some = try await queue.pool.run { try QueueSummary.lanes(tenant: "second", destination: nil, $0) }
    #expect(some.map(\.destination) == ["calm.example"])
    let capped = try await queue.pool.run {
      try QueueSummary.lanes(tenant: nil, destination: "BUSY.example", countMax: 3, $0)
    }
    #expect(capped.map(\.isCapped) == [true])
  }
}

extension QueueFixture {
  func trace(_ id: QueueID) async throws -> MessageTrace? {
    try await pool.run { try MessageTrace.find(id, $0) }
  }

  func complete(_ claimed: [ClaimedMessage], as disposition: Disposition, _ attempt: Attempt, session: QueueID)
    async throws
  {
    let done = claimed.flatMap { message in
      message.jobs.map { CompletedJob(job: $0, tenant: message.tenant, disposition: disposition, attempt: attempt) }
    }
    #expect(try await pool.run { try Completions.write(done, session: session, $0) } == 0)
  }
}
