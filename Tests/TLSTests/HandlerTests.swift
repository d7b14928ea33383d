import NIOCore
import NIOEmbedded
import TLS
import Testing

@Suite struct HandlerTests {
  let certificates: Certificates

  init() throws { certificates = try Certificates() }

  private func connect(
    serverName: String? = "localhost", _ verification: TLSVerification = .required
  ) throws -> Wire {
    try Wire(
      client: TLSHandler(client: certificates.client(), serverName: serverName, verification: verification),
      server: TLSHandler(server: certificates.server()))
  }

  @Test(arguments: [Int.max, 1, 7])
  func carriesPlaintextBothWays(size: Int) throws {
    let wire = try connect()
    wire.client.write("EHLO client\r\n")
    wire.server.write("220 server\r\n")
    try wire.carry(size: size)
    #expect(wire.server.recorder.text == "EHLO client\r\n")
    #expect(wire.client.recorder.text == "220 server\r\n")
    let handshake = try #require(wire.client.recorder.handshakes.first)
    #expect(handshake.version == "TLSv1.3")
    #expect(handshake.cipher.hasPrefix("TLS_"))
    #expect(handshake.verified)
    #expect(!handshake.resumed)
    #expect(wire.server.recorder.handshakes.map(\.serverName) == ["localhost"])
    #expect(wire.client.recorder.failures.isEmpty && wire.server.recorder.failures.isEmpty)
  }

  @Test func writesKeepTheirOrderAndPromises() throws {
    let wire = try connect()
    var done: [Int] = []
    for number in 0..<4 {
      let promise = wire.client.channel.eventLoop.makePromise(of: Void.self)
      promise.futureResult.assumeIsolated().whenSuccess { done.append(number) }
      // One of them is empty.
      wire.client.channel.write(ByteBuffer(string: number == 2 ? "" : "\(number)"), promise: promise)
    }
    try wire.carry()
    #expect(done.isEmpty && wire.server.recorder.text.isEmpty, "nothing is sent before the flush")
    wire.client.channel.flush()
    try wire.carry()
    #expect(done == [0, 1, 2, 3])
    #expect(wire.server.recorder.text == "013")
  }

  @Test func upgradesAConnectionThatIsInUse() throws {
    let wire = try Wire(client: nil, server: nil)
    wire.client.write("STARTTLS\r\n")
    try wire.carry()
    wire.server.write("220 go ahead\r\n")
    try wire.server.channel.pipeline.syncOperations.addHandler(
      TLSHandler(server: certificates.server()), position: .first)
    try wire.carry()
    #expect(wire.client.recorder.text == "220 go ahead\r\n")
    try wire.client.channel.pipeline.syncOperations.addHandler(
      TLSHandler(client: certificates.client(), serverName: "localhost", verification: .required), position: .first)
    wire.client.write("EHLO again\r\n")
    try wire.carry()
    #expect(wire.server.recorder.text == "STARTTLS\r\nEHLO again\r\n")
    #expect(wire.server.recorder.handshakes.count == 1)
  }

  @Test(arguments: [
    "EHLO in clear\r\n", "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}", "\u{0}",
    "\u{16}\u{3}\u{1}\u{7f}\u{7f}",
  ])
  func garbageEndsTheConnection(text: String) throws {
    let server = try End(TLSHandler(server: certificates.server()))
    let promise = server.channel.eventLoop.makePromise(of: Void.self)
    var pendingWriteFailed = false
    promise.futureResult.assumeIsolated().whenFailure { pendingWriteFailed = $0 is TLSFailure }
    server.write("220 server\r\n", promise: promise)
    try server.channel.writeInbound(ByteBuffer(string: text + String(repeating: "\u{0}", count: 40)))
    #expect(server.recorder.failures.map(\.kind) == [.handshake])
    #expect(server.recorder.failures.first?.reason.hasPrefix("TLS handshake failed: ") == true)
    #expect(!server.channel.isActive)
    #expect(pendingWriteFailed)
  }

  @Test func anAlteredRecordEndsTheConnection() throws {
    let wire = try connect()
    try wire.carry()
    wire.client.write("MAIL FROM:<>\r\n")
    var record = try #require(try wire.client.takeOutgoing())
    let last = record.writerIndex - 1
    record.setInteger(try #require(record.getInteger(at: last, as: UInt8.self)) ^ 1, at: last)
    try wire.server.channel.writeInbound(record)
    #expect(wire.server.recorder.failures.map(\.kind) == [.connection])
    #expect(wire.server.recorder.text.isEmpty)
    #expect(!wire.server.channel.isActive)
    // The alert tells the client.
    try wire.carry()
    #expect(wire.client.recorder.failures.map(\.kind) == [.connection])
  }

  /// Whatever arrives in the place of the handshake or of records, the end is a failure or a wait for more.
  @Test func alteredAndRandomBytesNeverCrash() throws {
    let client = try certificates.client()
    let server = try certificates.server()
    for seed in 0..<200 {
      var generator = Generator(state: UInt64(seed))
      let wire = try Wire(
        client: TLSHandler(client: client, serverName: "localhost", verification: .required),
        server: TLSHandler(server: server))
      if seed % 2 == 0 { try wire.carry() }
      wire.client.write("MAIL FROM:<alice@example.com>\r\n")
      var bytes = try wire.client.takeOutgoing() ?? ByteBuffer(string: "x")
      for _ in 0...(seed % 4) {
        let place = Int.random(in: 0..<bytes.readableBytes, using: &generator)
        bytes.setInteger(UInt8.random(in: 0...255, using: &generator), at: place)
      }
      let random = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
      if seed % 5 == 0 { bytes = ByteBuffer(bytes: random) }
      try wire.server.channel.writeInbound(bytes)
      #expect(wire.server.channel.isActive == wire.server.recorder.failures.isEmpty)
      #expect(wire.server.recorder.failures.count <= 1)
    }
  }

  /// Repeatable random numbers (SplitMix64).
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  @Test func backPressureReachesTheWriter() throws {
    let wire = try connect()
    try wire.carry()
    wire.client.channel.isWritable = false
    wire.client.channel.pipeline.fireChannelWritabilityChanged()
    let promise = wire.client.channel.eventLoop.makePromise(of: Void.self)
    var isDone = false
    promise.futureResult.assumeIsolated().whenSuccess { isDone = true }
    wire.client.write(String(repeating: "x", count: 300_000), promise: promise)
    #expect(try wire.client.takeOutgoing() == nil, "nothing is encrypted that the socket does not take")
    #expect(!isDone)
    wire.client.channel.isWritable = true
    wire.client.channel.pipeline.fireChannelWritabilityChanged()
    try wire.carry()
    #expect(isDone)
    #expect(wire.server.recorder.text.utf8.count == 300_000)
  }

  @Test func asksForMoreUntilARecordIsWhole() throws {
    final class Reads: ChannelOutboundHandler {
      typealias OutboundIn = ByteBuffer
      var count = 0
      func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
      }
    }
    let wire = try connect()
    try wire.carry()
    let reads = Reads()
    try wire.server.channel.pipeline.syncOperations.addHandler(reads, position: .first)
    wire.client.write("MAIL")
    let record = try #require(try wire.client.takeOutgoing())
    wire.server.channel.read()
    #expect(reads.count == 1)
    try wire.server.channel.writeInbound(record.getSlice(at: 0, length: 10))
    #expect(reads.count == 2, "nobody above has seen anything that would make him ask again")
    try wire.server.channel.writeInbound(record.getSlice(at: 10, length: record.readableBytes - 10))
    #expect(reads.count == 2)
    #expect(wire.server.recorder.text == "MAIL")
  }
}

@Suite struct VerificationTests {
  let certificates: Certificates

  init() throws { certificates = try Certificates() }

  private func connect(_ client: TLSContext, _ serverName: String?, _ verification: TLSVerification) throws -> Wire {
    let wire = try Wire(
      client: TLSHandler(client: client, serverName: serverName, verification: verification),
      server: TLSHandler(server: certificates.server()))
    try wire.carry()
    return wire
  }

  @Test(arguments: ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1"])
  func acceptsWhatTheCertificateNames(name: String) throws {
    let wire = try connect(certificates.client(), name, .required)
    #expect(wire.client.recorder.handshakes.map(\.verified) == [true])
  }

  @Test func sendsNoAddressAsServerName() throws {
    let wire = try connect(certificates.client(), "127.0.0.1", .required)
    #expect(wire.server.recorder.handshakes.map(\.serverName) == [nil])
  }

  @Test(arguments: ["mx.example", "127.0.0.2", "localhost.example"])
  func anotherNameFailsOnlyWhereItIsRequired(name: String) throws {
    let strict = try connect(certificates.client(), name, .required)
    #expect(strict.client.recorder.failures.map(\.kind) == [.verification])
    #expect(strict.client.recorder.failures.first?.reason.contains("mismatch") == true)
    #expect(strict.client.recorder.handshakes.isEmpty)
    #expect(!strict.client.channel.isActive)
    // The alert tells the server why.
    #expect(strict.server.recorder.failures.count == 1)
    let opportunistic = try connect(certificates.client(), name, .none)
    #expect(opportunistic.client.recorder.handshakes.map(\.verified) == [false])
    #expect(opportunistic.client.recorder.handshakes.first?.unverifiedReason?.contains("mismatch") == true)
  }

  @Test func anotherAuthorityFailsOnlyWhereItIsRequired() throws {
    let others = try Certificates()
    let strict = try connect(others.client(), "localhost", .required)
    #expect(strict.client.recorder.failures.map(\.kind) == [.verification])
    let opportunistic = try connect(others.client(), "localhost", .none)
    #expect(opportunistic.client.recorder.handshakes.map(\.verified) == [false])
    let system = try connect(TLSContext.client(trustedCertificatesFile: nil), "localhost", .none)
    #expect(system.client.recorder.handshakes.map(\.verified) == [false])
  }

  @Test func withoutANameNothingIsVerified() throws {
    let opportunistic = try connect(certificates.client(), nil, .none)
    #expect(opportunistic.client.recorder.handshakes.map(\.verified) == [false])
    let client = try End(TLSHandler(client: certificates.client(), serverName: nil, verification: .required))
    #expect(client.recorder.failures.map(\.kind) == [.verification])
  }

  @Test(arguments: ["a\0b", ""])
  func refusesWhatIsNoName(name: String) throws {
    let client = try End(TLSHandler(client: certificates.client(), serverName: name, verification: .none))
    #expect(client.recorder.failures.map(\.kind) == [.handshake])
    #expect(!client.channel.isActive)
  }
}
