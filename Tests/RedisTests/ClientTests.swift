import MailTesting
import NIOConcurrencyHelpers
import Testing

@testable import Redis

@Suite("Redis client")
struct ClientTests {
  @Test("many tasks share one connection, and each gets its own reply")
  func pipelining() async throws {
    let server = try await RedisServer()
    let client = try await RedisClient.connected(to: server.url)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<50 {
        group.addTask {
          for step in 0..<40 {
            let text = "\(task)-\(step)"
            #expect(try await client.send(["ECHO", RedisArgument(text)]).text == text)
            _ = try await client.send(["INCR", "count"])
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await client.send(["GET", "count"]).text == "2000")
    #expect(client.status.connectedCount == 1)
    await client.shutdown()
    #expect(await client.failure() == .closed)
  }

  @Test("an argument may hold any bytes")
  func binary() async throws {
    let server = try await RedisServer()
    let client = try await RedisClient.connected(to: "\(server.url.dropLast())7")
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    _ = try await client.send(["SET", RedisArgument(bytes: [0, 13, 10]), RedisArgument(bytes: bytes)])
    #expect(try await client.send(["GET", RedisArgument(bytes: [0, 13, 10])]) == .bytes(bytes))
    _ = try await client.send(["SET", "", ""])
    #expect(try await client.send(["GET", ""]) == .bytes([]))
    #expect(try await client.send(["CLIENT", "INFO"]).text?.contains(" db=7 ") == true)
  }

  @Test("an error reply is thrown and the connection goes on")
  func refused() async throws {
    let server = try await RedisServer()
    let client = try await RedisClient.connected(to: server.url)
    guard case .refused(let refusal) = await client.failure(of: ["INCR"]) else { throw RedisError.closed }
    #expect(refusal.code == "ERR")
    #expect(await client.failure() == nil)
    var small = RedisConfiguration.patient
    small.commandSizeMax = 100
    let limited = try await RedisClient.connected(to: server.url, small)
    #expect(
      await limited.failure(of: ["ECHO", RedisArgument(bytes: [UInt8](repeating: 0, count: 97))]) == .commandTooLarge)
    #expect(await limited.failure() == nil)
  }

  @Test("a script is loaded once, and again when the server has forgotten it")
  func scripts() async throws {
    let server = try await RedisServer()
    let client = try await RedisClient.connected(to: server.url)
    let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
    func run() async throws -> Int64? {
      try await client.evaluate(script, keys: ["k"], arguments: ["a"]).elements?[2].integer
    }
    #expect(try await run() == 1)
    _ = try await client.send(["SCRIPT", "FLUSH"])
    #expect(try await run() == 2)
    // EVAL has loaded it again.
    _ = try await client.send(["CONFIG", "RESETSTAT"])
    #expect(try await run() == 3)
    #expect(try await client.send(["INFO", "commandstats"]).text?.contains("cmdstat_eval:") == false)
    try await server.kill()
    try await server.start()
    await client.waitUntilAnswered()
    #expect(try await run() == 1)
    await #expect(throws: RedisError.self) { try await client.evaluate(RedisScript("this is no Lua")) }
  }

  @Test("a killed server fails what waits at once; a new one is found")
  func killed() async throws {
    let server = try await RedisServer()
    let client = try await RedisClient.connected(to: server.url)
    async let waiting = client.failure(of: ["BLPOP", "nothing", "0"])
    async let other = client.failure(of: ["BLPOP", "nothing", "0"])
    try await server.kill()
    for error in await [waiting, other] {
      // A task that came late to its command finds no connection.
      #expect(error?.isConnectionLost == true || error?.isNotConnected == true, "\(String(describing: error))")
    }
    #expect(await client.failure()?.isNotConnected == true)
    #expect(!client.status.isConnected)
    await #expect(throws: RedisError.self) { try await client.connect() }
    try await server.start()
    #expect(await client.waitUntilConnected(limit: .seconds(180)))
    #expect(await client.failure() == nil)
    #expect(client.status.isConnected)
    #expect(client.status.connectedCount == 2)
  }

  @Test("a frozen server costs one time limit; after that commands fail at once until it is back")
  func frozen() async throws {
    let server = try await RedisServer()
    var configuration = RedisConfiguration.patient
    configuration.commandTimeout = .milliseconds(200)
    configuration.connectTimeout = .milliseconds(500)
    let client = try await RedisClient.connected(to: server.url, configuration)
    await server.freeze()
    #expect(await client.failure() == .timeout(.milliseconds(200)))
    #expect(await client.failure()?.isNotConnected == true)
    // The kernel still accepts connections, but nobody answers the greeting.
    await #expect(throws: RedisError.self) { try await client.connect() }
    await server.thaw()
    #expect(await client.waitUntilConnected(limit: .seconds(180)))
    #expect(client.status.lastError != nil)
  }

  @Test("a wrong password, an unknown user and a missing password are named")
  func passwords() async throws {
    let server = try await RedisServer(password: "right")
    for login in ["default:wrong@", ":wrong@", "nobody:right@", ""] {
      let client = try RedisClient("redis://\(login)127.0.0.1:\(server.port)/0")
      let error = await #expect(throws: RedisError.self) { try await client.connect() }
      guard case .authentication(let reason) = error else { throw RedisError.closed }
      #expect(reason.hasPrefix(login.isEmpty ? "NOAUTH" : "WRONGPASS"))
      guard case .authentication = await client.failure() else { throw RedisError.closed }
      guard case .authentication = client.status.lastError else { throw RedisError.closed }
    }
    let client = try await RedisClient.connected(to: "redis://:right@127.0.0.1:\(server.port)/0")
    #expect(await client.failure() == nil)
  }

  @Test("a Unix socket")
  func unixSocket() async throws {
    let directory = try TemporaryDirectory()
    let server = try await FakeRedis(path: directory.path("redis.sock")) { _, _ in .text("+PONG\r\n") }
    let client = try await RedisClient.connected(to: "redis+unix://\(directory.path("redis.sock"))")
    #expect(try await client.send(["PING"]) == .status("PONG"))
    let lost = try RedisClient("redis+unix://\(directory.path("nothing.sock"))")
    let error = await #expect(throws: RedisError.self) { try await lost.connect() }
    #expect(error?.isNotConnected == true)
    withExtendedLifetime(server) {}
  }

  @Test("nobody listens")
  func refusedConnection() async throws {
    let server = try await RedisServer()
    try await server.stop()
    let client = try RedisClient(server.url)
    let error = await #expect(throws: RedisError.self) { try await client.connect() }
    #expect(error?.description.contains("Connection refused") == true)
    #expect(await client.failure()?.isNotConnected == true)
  }
}
