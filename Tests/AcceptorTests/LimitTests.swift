@testable import Acceptor
import NIOCore
import SMTPWire
import Testing

/// Time limits are tiny here; each test waits for what the server does about them.
@Suite(.timeLimit(.minutes(10))) struct LimitTests {
  @Test func silentClientBeforeTLS() async throws {
    try await TestNode.with({ $0.handshakeTimeout = .milliseconds(20) }) { node in
      let client = try await TestClient.connect(to: node.implicitTLS)
      #expect(await client.isEnded())
    }
  }

  @Test func silentClientAfterSTARTTLS() async throws {
    try await TestNode.with({ $0.handshakeTimeout = .milliseconds(20) }) { node in
      let client = try await TestClient.connect(to: node.startTLS)
      _ = try await client.reply()
      _ = try await client.command("EHLO x")
      _ = try await client.command("STARTTLS")
      #expect(await client.isEnded())
    }
  }

  @Test func silentClient() async throws {
    try await TestNode.with({ $0.commandTimeout = .milliseconds(50) }) { node in
      let client = try await TestClient.connect(to: node.startTLS)
      _ = try await client.reply()
      #expect(try await client.reply() == "421 4.4.2 Timed out waiting for a command")
      #expect(await client.isEnded())
    }
  }

  @Test func silentClientInData() async throws {
    try await TestNode.with({ $0.dataTimeout = .milliseconds(50) }) { node in
      let client = try await node.inData()
      #expect(try await client.reply() == "421 4.4.2 Timed out waiting for the message")
      #expect(await client.isEnded())
      #expect(node.queue.count == 0)
    }
  }

  /// Whoever waits for a reply to content that has no proper end is told what is wrong with it.
  @Test func timeOutTellsOfTheFault() async throws {
    try await TestNode.with({ $0.dataTimeout = .milliseconds(50) }) { node in
      let client = try await node.loggedIn()
      try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nall\nin LF")
      for _ in 0..<3 { _ = try await client.reply() }
      #expect(try await client.reply().hasPrefix("554 5.6.0 Bare LF "))
    }
  }

  @Test func sessionEndsSomeDay() async throws {
    try await TestNode.with({ $0.sessionTimeMax = .milliseconds(300) }) { node in
      let client = try await TestClient.connect(to: node.startTLS)
      _ = try await client.reply()
      #expect(try await client.reply() == "421 4.4.2 The session has lasted too long")
    }
  }

  @Test func tooManySessions() async throws {
    try await TestNode.with({ $0.sessionsMax = 2 }) { node in
      let first = try await node.greeted()
      let second = try await TestClient.connect(to: node.startTLS)
      _ = try await second.reply()
      let third = try await TestClient.connect(to: node.startTLS)
      #expect(try await third.reply().hasPrefix("421 4.3.2 Too many sessions"))
      let fourth = try await TestClient.connect(to: node.implicitTLS, implicitTLS: node.trust)
      #expect(try await fourth.reply().hasPrefix("421 4.3.2 Too many sessions"))
      #expect(try await first.command("QUIT").hasPrefix("221 "))
    }
  }

  /// A client that pipelines without end and reads nothing: the server stops reading instead of piling up replies.
  @Test func slowReader() async throws {
    try await TestNode.with({
      $0.limits.commandsWithoutMailMax = .max
      $0.limits.errorsMax = .max
      $0.commandTimeout = .milliseconds(200)
      $0.lingerTimeout = .milliseconds(50)
    }) { node in
      let client = try await TestClient.connect(to: node.startTLS, receiveBuffer: 4096)
      _ = try await client.reply()
      try await client.channel.setOption(.autoRead, value: false).get()
      // Not waited for: the server must stop taking it.
      let commands = Array(String(repeating: "HELP\r\n", count: 100_000).utf8)
      client.channel.writeAndFlush(ByteBuffer(bytes: commands), promise: nil)
      await node.service.environment.registry.waitUntilEmpty()
      await client.close()
    }
  }

  @Test func clientThatNeverCloses() async throws {
    try await TestNode.with({ $0.lingerTimeout = .milliseconds(20) }) { node in
      let client = try await node.greeted()
      #expect(try await client.command("QUIT").hasPrefix("221 "))
      await node.service.environment.registry.waitUntilEmpty()
    }
  }

  @Test func errorsEndTheSession() async throws {
    try await TestNode.with({ $0.limits.errorsMax = 3 }) { node in
      let client = try await node.greeted()
      for _ in 0..<3 { #expect(try await client.command("WHAT").hasPrefix("500 ")) }
      #expect(try await client.command("WHAT") == "421 4.7.0 Too many errors")
      #expect(await client.isEnded())
    }
  }
}
