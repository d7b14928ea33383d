@testable import Acceptor
@testable import MailQueue
import MailModel
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(10))) struct DrainTests {
  @Test func idleSessionsAreToldAndNobodyNewIsTaken() async throws {
    try await TestNode.with({ $0.shutdownTimeout = .minutes(10) }) { node in
      let client = try await node.loggedIn()
      async let drained: Void = node.service.drain()
      #expect(try await client.reply().hasPrefix("421 4.3.2 "))
      #expect(await client.isEnded())
      await client.close()
      await drained
      await #expect(throws: (any Error).self) { _ = try await TestClient.connect(to: node.startTLS) }
    }
  }

  @Test func transactionInHandIsFinished() async throws {
    try await TestNode.with({ $0.shutdownTimeout = .minutes(10) }) { node in
      node.queue.mode.withLockedValue { $0 = .hold }
      let client = try await node.inData()
      node.service.environment.registry.drain()
      async let drained: Void = node.service.drain()
      try await client.send("A: b\r\n\r\n.\r\n")
      let message = try #require(await node.queue.next())
      let completion = try #require(await node.queue.nextHeld())
      completion(.success(EnqueueReceipt(id: message.id, batch: 1)))
      #expect(try await client.reply() == "250 2.0.0 Ok: queued as \(message.id)")
      #expect(try await client.command("MAIL FROM:<a@example.org>").hasPrefix("421 4.3.2 "))
      await client.close()
      await drained
    }
  }

  @Test func whoDoesNotFinishIsClosed() async throws {
    try await TestNode.with({ $0.shutdownTimeout = .milliseconds(50) }) { node in
      let client = try await node.inData()
      await node.service.drain()
      #expect(await client.isEnded())
      #expect(node.service.sessionCount == 0)
    }
  }

  @Test func gracefulShutdownEndsTheService() async throws {
    try await TestNode.with({ $0.shutdownTimeout = .milliseconds(50) }) { node in
      let group = ServiceGroup(
        configuration: .init(services: [node.service], gracefulShutdownSignals: [], logger: .init(label: "test")))
      async let running: Void = group.run()
      let client = try await node.greeted()
      await group.triggerGracefulShutdown()
      try await running
      #expect(try await client.reply().hasPrefix("421 4.3.2 "))
    }
  }
}
