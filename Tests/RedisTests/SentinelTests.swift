import MailTesting
import NIOPosix
import Testing

@testable import Redis

/// Real servers under real Sentinels.
@Suite("Redis Sentinel", .serialized, .timeLimit(.minutes(10)))
struct SentinelTests {
  private static let script = RedisScript("return redis.call('INCR', KEYS[1])")

  private func port(of client: RedisClient) async throws -> Int {
    let info = try await client.send(["CONFIG", "GET", "port"])
    return Int(info.elements?.last?.text ?? "") ?? 0
  }

  @Test("commands, scripts and subscriptions follow the master after its death")
  func failover() async throws {
    let group = try await SentinelGroup.start(downAfter: .seconds(3))
    let client = try await RedisClient.connected(to: group.url)
    let (subscription, stream) = RedisSubscription.makeStream(
      url: try RedisURL(group.url), channels: ["a"], configuration: .patient,
      group: MultiThreadedEventLoopGroup.singleton)
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .subscribed)
    #expect(try await port(of: client) == group.master.port)
    #expect(try await client.evaluate(Self.script, keys: ["n"]) == .integer(1))
    #expect(try await client.send(["WAIT", "1", "0"]) == .integer(1))
    try await group.master.kill()
    try await eventually("the replica is used") {
      (try? await port(of: client)) == group.replica.port
    }
    #expect(try await client.evaluate(Self.script, keys: ["n"]) == .integer(2))
    #expect(await events.next() == .subscribed)
    #expect(try await client.publish("one", to: "a") == 1)
    #expect(await events.next() == .message(channel: "a", payload: Array("one".utf8)))
    // The old master comes back as a replica, and nobody goes there.
    try await group.master.start()
    try await eventually("it follows") { try await group.master.command("ROLE").hasPrefix("slave") }
    #expect(try await port(of: client) == group.replica.port)
    await subscription.shutdown()
    await client.shutdown()
  }

  /// The old master lives and answers: only the Sentinels' word, or its own, tells that it is one no more.
  @Test("a master that was replaced is left")
  func switchover() async throws {
    let group = try await SentinelGroup.start()
    let client = try await RedisClient.connected(to: group.url)
    #expect(try await port(of: client) == group.master.port)
    // Refused as long as the replica has not answered for a while.
    try await eventually("a failover begins") {
      try await group.sentinels[0].command("SENTINEL", "FAILOVER", SentinelGroup.name).contains("OK")
    }
    try await eventually("the new master is used") {
      (try? await port(of: client)) == group.replica.port
    }
    #expect(try await client.evaluate(Self.script, keys: ["n"]) == .integer(1))
  }

  @Test("without Sentinels the living master is used on, and found again where it was")
  func sentinelsGone() async throws {
    let group = try await SentinelGroup.start()
    let client = try await RedisClient.connected(to: group.url)
    #expect(try await port(of: client) == group.master.port)
    for sentinel in group.sentinels { try await sentinel.kill() }
    #expect(try await port(of: client) == group.master.port)
    #expect(client.status.connectedCount == 1)
    try await group.master.kill()
    try await group.master.start()
    await client.waitUntilAnswered()
    #expect(try await port(of: client) == group.master.port)
    // Whoever starts now cannot know where to go, until one of them is back.
    let late = try RedisClient(group.url)
    #expect(await late.failure()?.isNotConnected == true)
    try await group.sentinels[1].start()
    #expect(await late.waitUntilConnected(limit: .seconds(180)))
    #expect(try await port(of: late) == group.master.port)
  }

  @Test("Sentinels that want a password get it")
  func password() async throws {
    let group = try await SentinelGroup.start(sentinels: 1, sentinelPassword: "s3ntinel")
    let client = try await RedisClient.connected(to: group.url + "?sentinel_password=s3ntinel")
    #expect(try await port(of: client) == group.master.port)
    let stranger = try RedisClient(group.url)
    let refused = await #expect(throws: RedisError.self) { try await stranger.connect() }
    #expect(refused?.description.contains("NOAUTH") == true, "\(String(describing: refused))")
    let wrong = try RedisClient(group.url + "?sentinel_password=wrong")
    let failure = await #expect(throws: RedisError.self) { try await wrong.connect() }
    #expect(failure?.description.contains("password") == true, "\(String(describing: failure))")
  }

  /// A Sentinel that is behind names a server that is no master.
  @Test("a server that is no master is not used")
  func replicaIsRefused() async throws {
    let group = try await SentinelGroup.start(sentinels: 1)
    let name = try await FakeRedis { [port = group.replica.port] _, _ in
      .text("*2\r\n$9\r\n127.0.0.1\r\n$\(String(port).utf8.count)\r\n\(port)\r\n")
    }
    let client = try RedisClient("redis+sentinel://:secret@127.0.0.1:\(name.port)/mail")
    let refused = await #expect(throws: RedisError.self) { try await client.connect() }
    #expect(refused?.description.contains("no master") == true, "\(String(describing: refused))")
    // The next Sentinel in the list knows better.
    let both = try await RedisClient.connected(
      to: "redis+sentinel://:secret@127.0.0.1:\(name.port),127.0.0.1:\(group.sentinels[0].port)/mail")
    #expect(try await port(of: both) == group.master.port)
  }

  @Test(
    "what is no answer of a Sentinel",
    arguments: ["*-1\r\n", "+OK\r\n", "*1\r\n$1\r\nx\r\n", "*2\r\n$1\r\nx\r\n$1\r\ny\r\n", "-ERR no\r\n", "?\r\n"])
  func hostile(text: String) async throws {
    let server = try await FakeRedis { _, _ in .text(text) }
    let client = try RedisClient("redis+sentinel://127.0.0.1:\(server.port)/mail")
    await #expect(throws: RedisError.self) { try await client.connect() }
    await client.shutdown()
  }
}
