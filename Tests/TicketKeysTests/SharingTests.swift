import Cryptography
import MailTesting
import Redis
import TLS
import Testing
import TicketKeys

@Suite("Ticket keys in Redis", .timeLimit(.minutes(10))) struct SharingTests {
  let deployment: Deployment

  init() async throws { deployment = try await Deployment() }

  @Test func acceptorsThatBeginAtTheSameTimeAgree() async throws {
    let acceptors = try await withThrowingTaskGroup(of: Acceptor.self) { group in
      for _ in 0..<8 { group.addTask { [deployment] in try await deployment.acceptor() } }
      return try await group.reduce(into: [Acceptor]()) { $0.append($1) }
    }
    #expect(Set(acceptors.map(\.tls.ticketKeys)).count == 1)
    #expect(acceptors[0].tls.ticketKeys.count == 2, "the present one and the next")
    for acceptor in acceptors { #expect(acceptor.log.messages == ["ticket keys are shared"]) }
  }

  @Test func whoIsLateHasTheKeyThatOthersSealWith() async throws {
    let (early, late) = try await (deployment.acceptor(), deployment.acceptor())
    deployment.pass(1)
    await early.keys.refresh()
    let sealing = try #require(early.tls.ticketKeys.first)
    #expect(late.tls.ticketKeys.first != sealing)
    #expect(late.tls.ticketKeys.contains(sealing))
    await late.keys.refresh()
    #expect(late.tls.ticketKeys == early.tls.ticketKeys)
  }

  @Test func keysAreForgottenAfterTwoRotations() async throws {
    let acceptor = try await deployment.acceptor()
    let first = try #require(acceptor.tls.ticketKeys.first)
    deployment.pass(1)
    await acceptor.keys.refresh()
    #expect(acceptor.tls.ticketKeys.first != first)
    #expect(acceptor.tls.ticketKeys.contains(first))
    deployment.pass(1)
    await acceptor.keys.refresh()
    #expect(!acceptor.tls.ticketKeys.contains(first))
    #expect(acceptor.tls.ticketKeys.count == 3)
  }

  @Test func theyAreNotInRedisInTheClearAndNotForEver() async throws {
    let acceptor = try await deployment.acceptor()
    let value = try #require(try await acceptor.redis.send(["GET", "postrider:ticket-keys"]).bytes)
    for key in acceptor.tls.ticketKeys { #expect(!value.contains(Array(key.bytes.suffix(64)))) }
    let left = try #require(try await acceptor.redis.send(["PTTL", "postrider:ticket-keys"]).integer)
    #expect((1...3 * 3_600_000).contains(left))
  }

  @Test func withoutRedisTheKeysLastAndThenThereIsAnOwnOneAndThenTheSharedOnesAgain() async throws {
    let (one, other) = try await (deployment.acceptor(), deployment.acceptor())
    let shared = one.tls.ticketKeys
    try await deployment.server.kill()
    await one.keys.refresh()
    #expect(one.tls.ticketKeys == shared)
    deployment.pass(1)
    for acceptor in [one, other] { await acceptor.keys.refresh() }
    #expect(one.tls.ticketKeys.first == shared[1], "the next key was known already")
    #expect(one.tls.ticketKeys == other.tls.ticketKeys)
    deployment.pass(1)
    for acceptor in [one, other] { await acceptor.keys.refresh() }
    let own = try #require(one.tls.ticketKeys.first)
    #expect(!shared.contains(own))
    #expect(!other.tls.ticketKeys.contains(own))
    #expect(one.tls.ticketKeys.contains(shared[1]), "its tickets are younger than two rotations")
    try await deployment.server.start()
    try await one.refresh { one.log.messages.last == "ticket keys are shared" }
    try await other.refresh { other.tls.ticketKeys.first == one.tls.ticketKeys.first }
    #expect(one.tls.ticketKeys.first != own)
    #expect(one.tls.ticketKeys.contains(own), "its tickets are good here")
    #expect(
      one.log.messages == ["ticket keys are shared", "ticket keys are not shared for now", "ticket keys are shared"])
  }

  @Test func whatCannotBeReadIsIgnoredAndReplacedOnlyWhenItIsAbandoned() async throws {
    let redis = try deployment.client()
    _ = await redis.waitUntilConnected(limit: .seconds(180))
    _ = try await redis.send(["SET", "postrider:ticket-keys", "garbage"])
    let acceptor = try await deployment.acceptor()
    #expect(acceptor.tls.ticketKeys.count == 2, "of its own")
    #expect(
      acceptor.log.messages == ["the ticket keys in Redis are ignored", "ticket keys are not shared for now"])
    await acceptor.keys.refresh()
    #expect(acceptor.log.messages.count == 2, "told once")
    #expect(try await redis.send(["GET", "postrider:ticket-keys"]).text == "garbage")
    deployment.pass(2.1)
    await acceptor.keys.refresh()
    #expect(acceptor.log.messages.last == "ticket keys are shared")
  }

  @Test func aStrangersMasterKeyDoesNotDisturb() async throws {
    let others = deployment.directory.path("others.keys")
    try MasterKey.create(file: others)
    let (one, stranger) = try await (deployment.acceptor(), deployment.acceptor(masterKeys: others))
    let shared = one.tls.ticketKeys
    #expect(Set(stranger.tls.ticketKeys).isDisjoint(with: shared))
    for _ in 0..<5 {
      deployment.pass(0.9)
      await one.keys.refresh()
      await stranger.keys.refresh()
    }
    #expect(one.log.messages == ["ticket keys are shared"])
    #expect(!stranger.log.messages.contains("ticket keys are shared"))
    #expect(stranger.tls.ticketKeys.count >= 2)
  }
}

extension RedisValue {
  fileprivate var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { bytes } else { nil }
  }
}
