import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct SteeringTests {
  /// The scan start has passed «now» when the operator steps in; it must come back, and the lane must wake.
  @Test func aRetriedMessageIsClaimedAtOnce() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    let session = try await queue.session()
    _ = try await queue.complete(try await queue.claim(session), as: .deferred(.seconds(3600)), session: session)
    for counter in 2...8 {
      try await queue.advance("3 seconds")
      #expect(try await queue.claim(session, counter: Int64(counter)).isEmpty)
    }
    #expect(try await queue.pool.run { try Steering.retry(message.id, $0) } == [1])
    #expect(try await queue.claim(session, counter: 9).map(\.id) == [message.id])
    #expect(try await queue.pool.run { try Steering.retry(message.id, $0) } == [], "in flight")
    #expect(try await queue.trace(message.id)?.states == [.inFlight(node: "test", session: session)])
  }

  @Test func aCancelledMessageIsGoneButNotItsStory() async throws {
    let queue = try await QueueFixture()
    let message = queue.message(to: ["bob@example.org", "eve@example.net"])
    _ = try await queue.writer().enqueue(message)
    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    _ = try await queue.complete(Array(claimed.dropFirst()), as: .handedBack, session: session)
    let free = try #require(claimed.last?.jobs.first?.recipient)
    #expect(try await queue.pool.run { try Steering.cancel(message.id, $0) } == [free])
    #expect(try await queue.jobs() == 1, "what is in flight stays")
    #expect(try await queue.complete(Array(claimed.prefix(1)), as: .delivered, session: session) == 0)
    let names = try #require(try await queue.trace(message.id)?.states.map(\.name))
    #expect(names.sorted() == ["cancelled", "delivered"])
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.outbox") == "0")
  }

  @Test func theClaimOfADeadSessionDoesNotStopACancellation() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    try await queue.pool.run { try WorkerSessions.end(session, why: "test", $0) }
    #expect(try await queue.pool.run { try Steering.cancel(message.id, $0) } == [1])
    #expect(try await queue.complete(claimed, as: .delivered, session: session) == 1, "late")
    #expect(try await queue.trace(message.id)?.states.map(\.name) == ["cancelled"])
  }

  @Test func aHeldMessageWaitsForItsRelease() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    #expect(try await queue.pool.run { try Steering.hold(message.id, $0) } == [1])
    #expect(try await queue.pool.run { try Steering.hold(message.id, $0) } == [])
    let session = try await queue.session()
    for counter in 1...5 {
      #expect(try await queue.claim(session, counter: Int64(counter)).isEmpty)
      try await queue.advance("3 seconds")
    }
    #expect(try await queue.pool.run { try Steering.retry(message.id, $0) } == [])
    #expect(try await queue.trace(message.id)?.states == [.held])
    #expect(try await queue.pool.run { try Steering.release(message.id, $0) } == [1])
    #expect(try await queue.claim(session, counter: 9).map(\.id) == [message.id])
  }

  /// More than one transaction's worth, siblings with one key included.
  @Test func aWholeLaneIsSteeredInBatches() async throws {
    let queue = try await QueueFixture()
    let writer = queue.writer()
    for number in 0..<24 {
      _ = try await writer.enqueue(queue.message(to: (0..<100).map { "r\(number)-\($0)@busy.example" }))
    }
    _ = try await writer.enqueue(queue.message(to: ["one@calm.example"]))
    let lanes = try await queue.pool.run { try Steering.lanes(tenant: "first", destination: "Busy.Example", $0) }
    let lane = try #require(lanes.first)
    #expect(lanes.count == 1 && lane.tenant == "first" && lane.destination == "busy.example")
    func apply(_ action: Steering.Action) async throws -> Int {
      try await queue.pool.run { try Steering.apply(action, to: lane.id, $0) }
    }
    #expect(try await apply(.hold) == 2400)
    #expect(try await apply(.hold) == 0)
    #expect(try await apply(.retry) == 0)
    #expect(try await apply(.release) == 2400)
    #expect(try await apply(.retry) == 0, "all are due")
    try await queue.database.query("UPDATE postrider.job SET due = due + interval '1 hour'")
    #expect(try await apply(.retry) == 2400)
    let session = try await queue.session()
    #expect(try await queue.claim(session).flatMap(\.jobs).count == 1000)
    #expect(try await queue.pool.run { try Steering.lanes(tenant: "nobody", destination: nil, $0) }.isEmpty)
  }
}
