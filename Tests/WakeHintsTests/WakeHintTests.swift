import MailModel
import MailTesting
import NIOCore
import NIOPosix
import Redis
import Testing
import WakeHints

@testable import MailQueue

@Suite("Wake-up hints")
struct WakeHintTests {
  let group = MultiThreadedEventLoopGroup.singleton

  private func client(_ server: RedisServer) async throws -> RedisClient {
    var configuration = RedisConfiguration()
    configuration.commandTimeout = .seconds(60)
    let client = RedisClient(url: try RedisURL(server.url), configuration: configuration, group: group)
    _ = await client.waitUntilConnected(limit: .seconds(180))
    return client
  }

  private func payloads(_ server: RedisServer) throws -> (RedisSubscription, AsyncStream<RedisSubscription.Event>) {
    RedisSubscription.makeStream(url: try RedisURL(server.url), channels: [wakeHintChannel], group: group)
  }

  @Test("any number of messages within the interval is one hint")
  func coalesced() async throws {
    let server = try await RedisServer()
    let redis = try await client(server)
    let (subscription, stream) = try payloads(server)
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .subscribed)
    let publisher = WakeHintPublisher(redis: redis, group: group, interval: .seconds(3600))
    await withTaskGroup(of: Void.self) { tasks in
      for _ in 0..<100 { tasks.addTask { for _ in 0..<10 { publisher.messageQueued() } } }
    }
    _ = try await redis.publish("end", to: RedisArgument(wakeHintChannel))
    #expect(await events.next() == .message(channel: wakeHintChannel, payload: []))
    #expect(await events.next() == .message(channel: wakeHintChannel, payload: Array("end".utf8)))
    await subscription.shutdown()
  }

  @Test("a message that comes within the interval is announced after it")
  func trailing() async throws {
    let server = try await RedisServer()
    let redis = try await client(server)
    let (subscription, stream) = try payloads(server)
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .subscribed)
    let publisher = WakeHintPublisher(redis: redis, group: group)
    for _ in 0..<20 {
      publisher.messageQueued()
      #expect(await events.next() == .message(channel: wakeHintChannel, payload: []))
    }
    await subscription.shutdown()
  }

  @Test("a listener hears hints, also after the server was away, while which the publisher does nothing")
  func listener() async throws {
    let server = try await RedisServer()
    let redis = try await client(server)
    let publisher = WakeHintPublisher(redis: redis, group: group)
    let listener = WakeHintListener(url: try RedisURL(server.url), group: group)
    var hints = listener.hints.makeAsyncIterator()
    #expect(await hints.next() != nil, "subscribed")
    publisher.messageQueued()
    #expect(await hints.next() != nil)
    try await server.kill()
    for _ in 0..<1000 { publisher.messageQueued() }
    try await server.start()
    #expect(await hints.next() != nil, "subscribed again")
    // The client may not have noticed the restart yet.
    while (try? await redis.send(["PING"])) == nil { _ = await redis.waitUntilConnected(limit: .seconds(180)) }
    publisher.messageQueued()
    #expect(await hints.next() != nil)
    await listener.shutdown()
    // The stream ends.
    while await hints.next() != nil {}
  }

  @Test("a queue that took a message gives a hint; one that refused it does not")
  func enqueuer() async throws {
    let server = try await RedisServer()
    let redis = try await client(server)
    let (subscription, stream) = try payloads(server)
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .subscribed)
    let publisher = WakeHintPublisher(redis: redis, group: group)

    let refusing = HintingEnqueuer(ScriptedQueue(result: .failure(.full("disk"))), publisher: publisher)
    guard case .failure = await result(of: refusing) else { throw RedisError.closed }
    _ = try await redis.publish("refused", to: RedisArgument(wakeHintChannel))
    #expect(await events.next() == .message(channel: wakeHintChannel, payload: Array("refused".utf8)))

    let receipt = EnqueueReceipt(id: QueueID(unixMilliseconds: 0), batch: 1)
    let taking = HintingEnqueuer(ScriptedQueue(result: .success(receipt)), publisher: publisher)
    guard case .success = await result(of: taking) else { throw RedisError.closed }
    #expect(await events.next() == .message(channel: wakeHintChannel, payload: []))
    await subscription.shutdown()
  }

  private func result(of queue: HintingEnqueuer) async -> Result<EnqueueReceipt, EnqueueFailure> {
    let message = NewMessage(
      id: QueueID(unixMilliseconds: 0), tenant: 1, credential: nil, envelope: Envelope(reversePath: nil),
      content: .memory(ByteBuffer()), session: "test", clientAddress: "127.0.0.1")
    return await withCheckedContinuation { continuation in
      queue.enqueue(message) { continuation.resume(returning: $0) }
    }
  }
}

/// Answers always the same; what is tested is the decoration, not a queue.
private struct ScriptedQueue: MessageEnqueuing {
  let result: Result<EnqueueReceipt, EnqueueFailure>

  func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    completion(result)
  }
}
