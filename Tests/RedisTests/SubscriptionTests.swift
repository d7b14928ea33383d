import MailTesting
import NIOPosix
import Testing

@testable import Redis

@Suite("Redis subscriptions")
struct SubscriptionTests {
  private func subscribe(
    _ url: String, _ channels: [String], _ configuration: RedisConfiguration = .patient
  ) throws -> (subscription: RedisSubscription, events: AsyncStream<RedisSubscription.Event>) {
    RedisSubscription.makeStream(
      url: try RedisURL(url), channels: channels, configuration: configuration,
      group: MultiThreadedEventLoopGroup.singleton)
  }

  @Test("goes on after the server was killed and started again")
  func restart() async throws {
    let server = try await RedisServer(password: "secret")
    let client = try await RedisClient.connected(to: server.url)
    let (subscription, stream) = try subscribe(server.url, ["a", "b"])
    var events = stream.makeAsyncIterator()
    for round in 1...2 {
      #expect(await events.next() == .subscribed)
      #expect(try await client.publish("one", to: "a") == 1)
      #expect(try await client.publish(RedisArgument(bytes: [0, 255]), to: "b") == 1)
      #expect(try await client.publish("nobody hears", to: "c") == 0)
      #expect(await events.next() == .message(channel: "a", payload: Array("one".utf8)))
      #expect(await events.next() == .message(channel: "b", payload: [0, 255]))
      #expect(subscription.status.connectedCount == round)
      guard round == 1 else { break }
      try await server.kill()
      try await server.start()
      await client.waitUntilAnswered()
    }
    await subscription.shutdown()
    #expect(await events.next() == nil)
    #expect(!subscription.status.isConnected)
  }

  @Test("a server that has fallen silent is left, and subscribed again")
  func silence() async throws {
    let server = try await FakeRedis { _, packet in
      switch packet {
      case 0: .text("+PONG\r\n")
      case 1: .text("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
      case 2: .text("*2\r\n$4\r\npong\r\n$0\r\n\r\n")
      default: .silence
      }
    }
    var configuration = RedisConfiguration.patient
    configuration.pingInterval = .milliseconds(50)
    let (subscription, stream) = try subscribe(server.url, ["a"], configuration)
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .subscribed)
    #expect(await events.next() == .subscribed)
    #expect(subscription.status.lastError == .timeout(.milliseconds(50)))
  }

  @Test(
    "what is no message ends the connection",
    arguments: [
      "+OK\r\n", ":1\r\n", "*0\r\n", "*1\r\n:1\r\n", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n:1\r\n",
      "*1\r\n$7\r\nmessage\r\n",
      "-NOPERM no\r\n", "*70000\r\n",
    ])
  func hostile(text: String) async throws {
    let subscribed = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    let server = try await FakeRedis { connection, packet in
      packet == 0 ? .text("+PONG\r\n") : .text(connection == 0 ? text : subscribed)
    }
    let (subscription, stream) = try subscribe(server.url, ["a"])
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .subscribed)
    #expect(subscription.status.connectedCount == 2)
    #expect(subscription.status.lastError != nil)
  }
}
