@testable import Acceptor
import MailModel
@testable import MailQueue
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(10))) struct FailureTests {
  @Test(arguments: [
    ("wrong", "535 5.7.8 "), ("overloaded", "454 4.7.0 "), ("unavailable", "454 4.7.0 "), ("disabled", "525 5.7.13 "),
  ])
  func loginThatFails(_ password: String, _ expected: String) async throws {
    try await TestNode.with { node in
      let client = try await node.greeted()
      #expect(try await client.command("AUTH PLAIN \(TestNode.plain(password))").hasPrefix(expected))
      #expect(try await client.command("MAIL FROM:<a@example.org>").hasPrefix("530 5.7.0 "))
      #expect(try await client.command("AUTH PLAIN \(TestNode.plain("secret"))").hasPrefix("235 "))
    }
  }

  @Test func loginThatNeverEnds() async throws {
    try await TestNode.with({ $0.loginTimeout = .milliseconds(20) }) { node in
      let client = try await node.greeted()
      #expect(try await client.command("AUTH PLAIN \(TestNode.plain("never"))").hasPrefix("454 4.7.0 "))
      #expect(try await client.command("NOOP").hasPrefix("250 "))
    }
  }

  /// The answer to a login that was given up must not open the door for the next one.
  @Test func lateLoginIsNotTakenForAnother() async throws {
    try await TestNode.with({ $0.loginTimeout = .milliseconds(20) }) { node in
      let client = try await node.greeted()
      #expect(try await client.command("AUTH PLAIN \(TestNode.plain("late"))").hasPrefix("454 4.7.0 "))
      try await client.send("AUTH PLAIN \(TestNode.plain("never"))\r\n")
      node.authenticator.gate.continuation.yield()
      #expect(try await client.reply().hasPrefix("454 4.7.0 "))
      #expect(try await client.command("MAIL FROM:<a@example.org>").hasPrefix("530 5.7.0 "))
    }
  }

  @Test func queueThatFails() async throws {
    try await TestNode.with { node in
      let client = try await node.inData()
      node.queue.mode.withLockedValue { $0 = .fail(.unavailable("no database")) }
      #expect(try await client.command("A: b\r\n\r\n.").hasPrefix("451 4.3.0 "))
      node.queue.mode.withLockedValue { $0 = .fail(.full("no room")) }
      try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
      for _ in 0..<3 { _ = try await client.reply() }
      #expect(try await client.command("A: b\r\n\r\n.").hasPrefix("452 4.3.1 "))
      node.queue.mode.withLockedValue { $0 = .accept }
      try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
      for _ in 0..<3 { _ = try await client.reply() }
      #expect(try await client.command("A: b\r\n\r\n.").hasPrefix("250 2.0.0 "))
    }
  }

  @Test func nothingIsPromisedBeforeTheQueueAnswers() async throws {
    try await TestNode.with { node in
      node.queue.mode.withLockedValue { $0 = .hold }
      let client = try await node.inData()
      try await client.send("A: b\r\n\r\n.\r\nNOOP\r\n")
      let message = try #require(await node.queue.next())
      let completion = try #require(await node.queue.nextHeld())
      completion(.success(EnqueueReceipt(id: message.id, batch: 1)))
      #expect(try await client.reply() == "250 2.0.0 Ok: queued as \(message.id)")
      #expect(try await client.reply() == "250 2.0.0 Ok")
    }
  }

  @Test func queueThatNeverAnswers() async throws {
    try await TestNode.with({ $0.queueTimeout = .milliseconds(20) }) { node in
      node.queue.mode.withLockedValue { $0 = .hold }
      let client = try await node.inData()
      #expect(try await client.command("A: b\r\n\r\n.").hasPrefix("451 4.3.0 "))
      #expect(await client.isEnded())
      // A late answer finds nobody, and harms nobody.
      let message = try #require(await node.queue.next())
      let completion = try #require(await node.queue.nextHeld())
      completion(.success(EnqueueReceipt(id: message.id, batch: 1)))
    }
  }

  /// A client that goes at any stage leaves nothing behind.
  @Test(arguments: [
    "", "EHLO", "EHLO x\r\n", "AUTH LOGIN\r\n", "MAIL FROM:<a@example.org>\r\n",
    "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
    "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nA: b\r\n\r\nhalf\r\n.\r",
    "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nBDAT 100\r\nA: b\r\n",
  ])
  func disconnects(_ said: String) async throws {
    try await TestNode.with { node in
      let client = try await node.loggedIn()
      try await client.send(said)
      await client.close()
      await node.service.environment.registry.waitUntilEmpty()
      #expect(node.queue.count == 0)
    }
  }

  @Test func disconnectInTheHandshake() async throws {
    try await TestNode.with { node in
      let client = try await TestClient.connect(to: node.implicitTLS)
      try await client.send([0x16, 0x03, 0x01])
      await client.close()
      await node.service.environment.registry.waitUntilEmpty()
    }
  }

  /// A client that half-closes after its last command still hears everything that it is owed.
  @Test func halfClosed() async throws {
    try await TestNode.with { node in
      node.queue.mode.withLockedValue { $0 = .hold }
      let client = try await node.inData()
      try await client.send("A: b\r\n\r\n.\r\n")
      try await client.closeOutput()
      let message = try #require(await node.queue.next())
      let completion = try #require(await node.queue.nextHeld())
      completion(.success(EnqueueReceipt(id: message.id, batch: 1)))
      #expect(try await client.reply() == "250 2.0.0 Ok: queued as \(message.id)")
      #expect(await client.isEnded())
      await node.service.environment.registry.waitUntilEmpty()
    }
  }

  @Test func halfClosedInTheMiddle() async throws {
    try await TestNode.with { node in
      let client = try await node.inData()
      try await client.send("A: b\r\n")
      try await client.closeOutput()
      #expect(await client.isEnded())
      await node.service.environment.registry.waitUntilEmpty()
      #expect(node.queue.count == 0)
    }
  }
}
