import DNS
import MailModel
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Routing
import SMTPClient
import SMTPWire
import TLS
import Testing

/// Connections: how many, how long, who waits.
@Suite struct PoolTests {
  private func transaction(_ content: any ContentSource = MemoryContent(ByteBuffer(string: "x\r\n")))
    -> OutgoingTransaction
  {
    var envelope = Envelope(reversePath: nil)
    envelope.recipients = [Recipient(address: MailAddress(localPart: "a", domain: "x.test"))]
    return OutgoingTransaction(id: QueueID(unixMilliseconds: 1), envelope: envelope, size: 3, content: content)
  }

  private func route(_ port: Int) -> Route {
    Route(hosts: [RouteHost(name: "localhost", addresses: [IPAddress(v4: 0x7F00_0001)], port: port)])
  }

  private func pool(_ configure: (inout ClientConfiguration) -> Void = { _ in }) throws -> ConnectionPool {
    let world = try World.shared.get()
    var configuration = ClientConfiguration(heloName: "node.test")
    // No slow machine closes what a test expects to be kept.
    configuration.connectionIdleTime = .seconds(600)
    configuration.linePatience = .seconds(600)
    configuration.permitWaitMax = .seconds(600)
    configure(&configuration)
    return ConnectionPool(group: world.group, tls: world.clientTLS, configuration: configuration)
  }

  @Test func concurrencyIsBoundedAndEverybodyHasHisTurn() async throws {
    let sink = try await Sink()
    let pool = try pool { $0.connectionsPerDestination = 3 }
    let delivered = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<200 {
        group.addTask { [self] in
          let attempts = await pool.deliver(transaction(), over: route(sink.port))
          if case .delivered = attempts[0].result { return true } else { return false }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(delivered == 200)
    #expect(sink.peak <= 3)
    // 100 messages each, so two do, and three at most are open at once.
    #expect(sink.connections <= 5)
    pool.shutdown()
    await sink.allClosed()
    try await sink.stop()
    await pool.drained()
    #expect(pool.counts == (0, 0, 0))
  }

  /// MAIL, RCPT and DATA in one write, the content with the final dot in another.
  @Test func aSmallMessageOnAReusedConnectionCostsTwoFlights() async throws {
    let sink = try await Sink()
    let pool = try pool()
    for _ in 0..<10 { _ = await pool.deliver(transaction(), over: route(sink.port)) }
    #expect(sink.connections == 1)
    // EHLO, then two for each message.
    #expect(sink.flights <= 1 + 10 * 3)
    pool.shutdown()
    await sink.allClosed()
    try await sink.stop()
  }

  @Test func idleAndOldConnectionsEnd() async throws {
    let sink = try await Sink()
    let idle = try pool { $0.connectionIdleTime = .milliseconds(50) }
    _ = await idle.deliver(transaction(), over: route(sink.port))
    await sink.allClosed()
    let old = try pool { $0.connectionAgeMax = .zero }
    _ = await old.deliver(transaction(), over: route(sink.port))
    _ = await old.deliver(transaction(), over: route(sink.port))
    await sink.allClosed()
    #expect(sink.connections == 3)
    try await sink.stop()
  }

  @Test func cancellingHandsBackUntried() async throws {
    let sink = try await Sink(answersData: false)
    let pool = try pool { $0.connectionsPerDestination = 1 }
    let first = Task { await pool.deliver(transaction(), over: route(sink.port)) }
    await sink.dataSeen()
    let second = Task { await pool.deliver(transaction(), over: route(sink.port)) }
    second.cancel()
    first.cancel()
    for attempts in [await first.value, await second.value] {
      guard case .notTried = attempts[0].result else {
        Issue.record("\(attempts)")
        continue
      }
    }
    await sink.allClosed()
    try await sink.stop()
    await pool.drained()
  }

  /// Cancelled before it began, and while the greeting is awaited.
  @Test func cancellingEndsTheSetUp() async throws {
    let world = try World.shared.get()
    let server = try await ScriptedServer([["HANG"], ["HANG"]], message: [], tls: world.serverTLS, group: world.group)
    let pool = try pool()
    let tasks = (0..<2).map { _ in Task { await pool.deliver(transaction(), over: route(server.port)) } }
    tasks[0].cancel()
    await server.connected()
    tasks[1].cancel()
    for task in tasks {
      guard case .notTried = await task.value[0].result else {
        Issue.record("an attempt was counted")
        continue
      }
    }
    try await server.stop()
    await pool.drained()
    #expect(pool.counts == (0, 0, 0))
  }

  @Test func nobodyWaitsForEver() async throws {
    let sink = try await Sink(answersData: false)
    let pool = try pool {
      $0.connectionsPerDestination = 1
      $0.permitWaitMax = .milliseconds(50)
    }
    let first = Task { await pool.deliver(transaction(), over: route(sink.port)) }
    await sink.dataSeen()
    let second = await pool.deliver(transaction(), over: route(sink.port))
    #expect(second[0].result == .notTried("no connection to this destination came free in time"))
    first.cancel()
    _ = await first.value
    try await sink.stop()
  }

  /// The first in line may wait an hour. That must not make those behind the line's short part wait as long.
  @Test(.timeLimit(.minutes(10))) func whoStandsFarBackIsHandedBackSoon() async throws {
    let sink = try await Sink(answersData: false)
    let pool = try pool {
      $0.connectionsPerDestination = 1
      $0.permitWaitMax = .seconds(3600)
      $0.linePatience = .milliseconds(50)
    }
    let first = Task { await pool.deliver(transaction(), over: route(sink.port)) }
    await sink.dataSeen()
    await withTaskGroup(of: AttemptResult.self) { waiting in
      for _ in 0..<5 {
        waiting.addTask { [self] in await pool.deliver(transaction(), over: route(sink.port))[0].result }
      }
      for _ in 0..<3 {
        #expect(await waiting.next() == .notTried("too many deliveries wait for this host"))
      }
      #expect(pool.counts.waiting == 2)
      waiting.cancelAll()
    }
    first.cancel()
    _ = await first.value
    try await sink.stop()
  }

  /// Far more than the sockets' buffers hold, so that back pressure is at work; then one that breaks off.
  @Test func largeMessages() async throws {
    let sink = try await Sink()
    let pool = try pool()
    let line = "0123456789012345678901234567890123456789012345678901234567890123456789\r\n..dots\r\n"
    let content = ByteBuffer(string: String(repeating: line, count: 100_000))
    var attempts = await pool.deliver(transaction(BlockContent(content, blockSize: 256 * 1024)), over: route(sink.port))
    guard case .delivered = attempts[0].result else {
      Issue.record("\(attempts)")
      return
    }
    // One more dot for each of the lines that begin with one.
    #expect(sink.bytes == content.readableBytes + 100_000)
    attempts = await pool.deliver(
      transaction(BlockContent(content, blockSize: 256 * 1024, failsAfter: 2)), over: route(sink.port))
    #expect(attempts[0].result == .failed(.system("the message could not be read"), .data))
    await sink.allClosed()
    #expect(sink.messages == 1)
    pool.shutdown()
    try await sink.stop()
  }

  @Test func refusedConnectionsTryTheNextAddressAndHost() async throws {
    let sink = try await Sink()
    let pool = try pool()
    let dead = RouteHost(
      name: "dead.test", addresses: [IPAddress(v4: 0x7F00_0001), IPAddress(v4: 0x7F00_0002)], port: 1)
    let route = Route(hosts: [dead] + route(sink.port).hosts)
    let attempts = await pool.deliver(transaction(), over: route)
    #expect(attempts[0].remote?.name == "localhost")
    let failed = await pool.deliver(transaction(), over: Route(hosts: [dead]))
    guard case .failed(.connection, .connect) = failed[0].result else {
      Issue.record("\(failed)")
      return
    }
    #expect(failed[0].remote?.address == "127.0.0.2")
    pool.shutdown()
    await sink.allClosed()
    try await sink.stop()
    #expect(await pool.deliver(transaction(), over: route)[0].result == .notTried("shutting down"))
  }

  @Test func tlsFactsAreRecorded() async throws {
    let world = try World.shared.get()
    let mail = [
      "S 220 mx", "C EHLO node.test", "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "STARTTLS 220 go",
      "C EHLO node.test", "S 250 mx", "C MAIL FROM:<>", "S 550 no",
    ]
    let server = try await ScriptedServer([mail, mail], message: [], tls: world.serverTLS, group: world.group)
    for (name, verified) in [("localhost", true), ("elsewhere.test", false)] {
      let pool = try pool()
      let host = RouteHost(name: name, addresses: [IPAddress(v4: 0x7F00_0001)], port: server.port)
      let attempts = await pool.deliver(transaction(), over: Route(hosts: [host]))
      #expect(attempts[0].remote?.tls?.version == "TLSv1.3")
      #expect(attempts[0].remote?.tls?.verified == verified)
      #expect(attempts[0].duration > .zero)
      pool.shutdown()
    }
    try await server.stop()
    #expect(server.faults == [])
  }
}
