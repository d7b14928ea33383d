import MailModel
@testable import MailQueue
import MailTesting
import NIOCore
import Postgres
import Testing

/// Messages that are held from their insertion on.
@Suite struct HeldMessageTests {
  private func held(_ queue: QueueFixture, to recipients: [String], text: String = "Subject: x\r\n\r\nx\r\n")
    -> NewMessage
  {
    var message = queue.message(to: recipients, text: text)
    message.scan = "infected (clamd: Bad)"
    message.holdReason = "malware Bad"
    return message
  }

  /// Among others for the same lanes, in one transaction and streamed.
  @Test func nobodyClaimsThemBeforeTheirRelease() async throws {
    let queue = try await QueueFixture(threads: 1)
    let writer = queue.writer()
    let free = (0..<5).map { _ in queue.message(to: ["bob@example.org", "carol@example.net"]) }
    let small = held(queue, to: ["bob@example.org", "eve@example.net"])
    let large = held(queue, to: ["bob@example.org"], text: String(repeating: "A line of text.\r\n", count: 100_000))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for message in free + [small, large] { tasks.addTask { _ = try await writer.enqueue(message) } }
      try await tasks.waitForAll()
    }
    let session = try await queue.session()
    var claimed: Set<QueueID> = []
    for counter in 1...6 {
      claimed.formUnion(try await queue.claim(session, counter: Int64(counter)).map(\.id))
      try await queue.advance("3 seconds")
    }
    #expect(claimed == Set(free.map(\.id)))
    #expect(try await queue.trace(small.id)?.states == [.held, .held])
    let facts = try #require(try await queue.trace(small.id)?.facts)
    #expect(facts.scan == "infected (clamd: Bad)" && facts.holdReason == "malware Bad")
    #expect(try await queue.trace(free[0].id)?.facts.holdReason == nil)

    #expect(try await queue.pool.run { try Steering.release(small.id, $0) } == [1, 2])
    #expect(Set(try await queue.claim(session, counter: 9).map(\.id)) == [small.id])
  }

  /// Who holds a lane by hand and takes all of it back does not let out what waits for a person.
  @Test func aWholeLanesReleaseLeavesThemHeld() async throws {
    let queue = try await QueueFixture()
    let (free, waiting) = (queue.message(to: ["bob@example.org"]), held(queue, to: ["bob@example.org"]))
    for message in [free, waiting] { _ = try await queue.writer().enqueue(message) }
    let lane = try #require(
      try await queue.pool.run { try Steering.lanes(tenant: nil, destination: "example.org", $0).first })
    #expect(try await queue.pool.run { try Steering.apply(.hold, to: lane.id, $0) } == 1)
    #expect(try await queue.trace(free.id)?.states == [.held])
    #expect(try await queue.pool.run { try Steering.apply(.release, to: lane.id, $0) } == 1)
    #expect(Set(try await queue.claim(queue.session()).map(\.id)) == [free.id])
    #expect(try await queue.trace(waiting.id)?.states == [.held])
  }

  /// With the reason, oldest first; not what operators held by hand, nor what was released.
  @Test func theyAreListedForAPerson() async throws {
    let queue = try await QueueFixture()
    let other = try await QueueFixture.addTenant("second", queue.pool)
    let byHand = queue.message()
    _ = try await queue.writer().enqueue(byHand)
    _ = try await queue.pool.run { try Steering.hold(byHand.id, $0) }
    let first = held(queue, to: ["bob@example.org", "eve@example.net"])
    _ = try await queue.writer().enqueue(first)
    let second = {
      var message = held(queue, to: ["bob@example.org"])
      message.tenant = other
      return message
    }()
    _ = try await queue.writer().enqueue(second)

    func list(_ tenant: String? = nil, limit: Int32 = 10) async throws -> [HeldMessage] {
      try await queue.pool.run { try HeldMessages.list(tenant: tenant, limit: limit, $0) }
    }
    let all = try await list()
    #expect(all.map(\.id) == [first.id, second.id])
    #expect(all.map(\.recipients) == [2, 1] && all.map(\.tenant) == ["first", "second"])
    #expect(all.allSatisfy { $0.reason == "malware Bad" && $0.sender?.description == "alice@example.com" })
    #expect(try await list("second").map(\.id) == [second.id])
    #expect(try await list(limit: 1).map(\.id) == [first.id])

    let lanes = try await queue.pool.run { try QueueSummary.lanes(tenant: nil, destination: nil, $0) }
    let reasons = try await queue.pool.run { try QueueSummary.holdReasons(of: lanes.map(\.lane), $0) }
    #expect(reasons.count == 3 && reasons.values.allSatisfy { $0 == "malware Bad" })

    _ = try await queue.pool.run { try Steering.release(first.id, $0) }
    #expect(try await list().map(\.id) == [second.id])
    _ = try await queue.pool.run { try Steering.cancel(second.id, $0) }
    #expect(try await list().isEmpty)
  }
}
