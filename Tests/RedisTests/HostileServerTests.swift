import NIOConcurrencyHelpers
import Testing

@testable import Redis

@Suite("A hostile Redis")
struct HostileServerTests {
  private static let long = String(repeating: "x", count: 200_000)

  @Test(
    "ends one connection, not the client",
    arguments: [
      "*2147483647\r\n", "*9223372036854775807\r\n", "*65537\r\n", "$-5\r\n", "*-2\r\n",
      "$99999999999999999999\r\n", ":99999999999999999999\r\n", "hello\r\n", "\r\n", "\0", ",1.5\r\n",
      "*1\r\n,1.5\r\n", String(repeating: "*1\r\n", count: 20), "+" + long, "$9223372036854775807\r\n" + long,
      "*2\r\n$199990\r\n" + long,
      String(repeating: "*65536\r\n", count: 2),
    ])
  func reply(text: String) async throws {
    let server = try await FakeRedis { connection, packet in
      connection == 0 && packet == 1 ? .text(text) : .text("+PONG\r\n")
    }
    var configuration = RedisConfiguration.patient
    configuration.replyLimits.sizeBytesMax = 100_000
    let client = try await RedisClient.connected(to: server.url, configuration)
    #expect(await client.failure()?.isProtocolViolation == true)
    #expect(await client.waitUntilConnected(limit: .seconds(180)))
    #expect(await client.failure() == nil)
  }

  @Test("a reply that nobody asked for ends the connection, for the next ones would go to the wrong callers")
  func unasked() async throws {
    let server = try await FakeRedis { connection, packet in
      connection == 0 && packet == 1 ? .text("+ONE\r\n+TWO\r\n") : .text("+PONG\r\n")
    }
    let client = try await RedisClient.connected(to: server.url)
    #expect(try await client.send(["PING"]) == .status("ONE"))
    while client.status.connectedCount < 2 { try? await client.connect() }
    #expect(client.status.lastError?.isProtocolViolation == true)
    #expect(try await client.send(["PING"]) == .status("PONG"))
  }

  @Test("a greeting that never ends, or that repeats the password")
  func greeting() async throws {
    let silent = try await FakeRedis { _, _ in .silence }
    var configuration = RedisConfiguration.patient
    configuration.connectTimeout = .milliseconds(50)
    let waiting = try RedisClient(silent.url, configuration)
    let error = await #expect(throws: RedisError.self) { try await waiting.connect() }
    #expect(error?.isNotConnected == true)

    let telltale = try await FakeRedis { _, _ in .text("-ERR I know sesame\r\n") }
    let client = try RedisClient("redis://:sesame@127.0.0.1:\(telltale.port)")
    let refusal = await #expect(throws: RedisError.self) { try await client.connect() }
    guard case .authentication(let reason) = refusal else { throw RedisError.closed }
    #expect(!reason.contains("sesame"))
  }

  @Test("what waits has a limit, and room again when it is answered")
  func overload() async throws {
    let server = try await FakeRedis { connection, packet in
      connection == 0 && packet > 0 ? .silence : .text("+PONG\r\n")
    }
    var configuration = RedisConfiguration.patient
    configuration.waitingCountMax = 3
    configuration.commandTimeout = .seconds(3)
    let client = try await RedisClient.connected(to: server.url, configuration)
    let (failures, continuation) = AsyncStream.makeStream(of: RedisError?.self)
    for _ in 0..<5 {
      client.send(["PING"]) { result in
        if case .failure(let error) = result { continuation.yield(error) } else { continuation.yield(nil) }
      }
    }
    var seen: [RedisError?] = []
    for await failure in failures.prefix(5) { seen.append(failure) }
    #expect(seen == [.overloaded, .overloaded] + Array(repeating: .timeout(.seconds(3)), count: 3))
    await client.waitUntilAnswered()
  }

  @Test("a connection that is closed instead of an answer")
  func closed() async throws {
    let server = try await FakeRedis { connection, packet in
      connection == 0 && packet == 1 ? .close : .text("+PONG\r\n")
    }
    let client = try await RedisClient.connected(to: server.url)
    #expect(await client.failure()?.isConnectionLost == true)
    #expect(await client.waitUntilConnected(limit: .seconds(180)))
  }
}
