import MailTesting
import Redis
import Testing

@testable import Limits

/// Sessions at once, counted in a real Redis.
@Suite(.timeLimit(.minutes(10))) struct SessionCountTests {
  private func counts(_ server: RedisServer, lease: Duration = .seconds(600)) async throws -> SessionCounts {
    SessionCounts(redis: try await .forLimits(server), share: 0.5, lease: lease, absence: .quiet)
  }

  @Test func noMoreThanTheLimitAtOnceOverAllAcceptorsAndAPlaceThatIsLeftIsFree() async throws {
    let server = try await RedisServer()
    let acceptors = [try await counts(server), try await counts(server), try await counts(server)]
    let subject = SessionSubject.credential(3)
    func fill() async -> [SessionPlace] {
      await withTaskGroup(of: SessionPlace?.self) { group in
        for session in 0..<60 { group.addTask { await acceptors[session % 3].enter(subject, limit: 20) } }
        return await group.reduce(into: []) { if let place = $1 { $0.append(place) } }
      }
    }
    var places = await fill()
    #expect(places.count == 20)
    #expect(await acceptors[0].enter(.credential(4), limit: 1) != nil, "another's are counted apart")
    places.removeLast(7)
    try await eventually("seven have gone") { try await total(server, subject) == 13 }
    let more = await fill()
    #expect(more.count == 7)
    places = []
    _ = more
    try await eventually("those are left") { try await total(server, subject) == 7 }
  }

  @Test func theSessionsOfADeadAcceptorEndWithItsLeaseAndOthersAreRenewed() async throws {
    let server = try await RedisServer()
    let dead = try await counts(server, lease: .milliseconds(1))
    let living = try await counts(server)
    let subject = SessionSubject.address("192.0.2.1")
    let kept = await living.enter(subject, limit: 2)
    let lost = await dead.enter(subject, limit: 2)
    #expect(kept != nil && lost != nil)
    try await eventually("its lease has run out") { await living.enter(subject, limit: 2) != nil }

    // Whatever Redis has forgotten, or has wrong, is told anew.
    try await server.command("FLUSHALL")
    living.renew()
    try await eventually("renewed") { try await total(server, subject) == 1 }
    _ = (kept, lost)
  }

  @Test func withoutRedisThereIsTheShare() async throws {
    let server = try await RedisServer()
    let acceptor = try await counts(server)
    try await server.kill()
    var places: [SessionPlace] = []
    for _ in 0..<20 {
      if let place = await acceptor.enter(.credential(1), limit: 10) { places.append(place) }
    }
    #expect(places.count == 5)
    places.removeLast()
    #expect(await acceptor.enter(.credential(1), limit: 10) != nil)
  }

  private func total(_ server: RedisServer, _ subject: SessionSubject) async throws -> Int {
    try await server.command("HVALS", subject.key).split(separator: "\n")
      .reduce(0) { $0 + (Int($1.split(separator: " ")[0]) ?? 0) }
  }
}
