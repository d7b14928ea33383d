import NIOCore
import NIOEmbedded
import TLS
import Testing

@Suite struct ClosingTests {
  let certificates: Certificates

  init() throws { certificates = try Certificates() }

  private func open() throws -> Wire {
    let wire = try Wire(
      client: TLSHandler(client: certificates.client(), serverName: "localhost", verification: .required),
      server: TLSHandler(server: certificates.server()))
    try wire.carry()
    return wire
  }

  @Test func closeNotifyEndsBothSidesWithoutAFailure() throws {
    let wire = try open()
    wire.client.write("QUIT\r\n")
    wire.client.channel.close(promise: nil)
    try wire.carry()
    #expect(wire.server.recorder.text == "QUIT\r\n")
    #expect(wire.server.recorder.inputClosed == 1)
    #expect(wire.server.recorder.failures.isEmpty)
    #expect(!wire.server.channel.isActive && wire.server.recorder.inactive)
  }

  @Test func anEndWithoutCloseNotifyIsTold() throws {
    let wire = try open()
    wire.server.channel.pipeline.fireChannelInactive()
    #expect(wire.server.recorder.failures.map(\.kind) == [.truncated])
    #expect(wire.server.recorder.inactive)
  }

  @Test func anEndInTheHandshakeIsTold() throws {
    let server = try End(TLSHandler(server: certificates.server()))
    let promise = server.channel.eventLoop.makePromise(of: Void.self)
    server.write("220 server\r\n", promise: promise)
    server.channel.pipeline.fireChannelInactive()
    #expect(server.recorder.failures.map(\.kind) == [.closedInHandshake])
    #expect(throws: ChannelError.self) { try promise.futureResult.wait() }
  }

  @Test func aTCPHalfCloseIsNoCloseNotify() throws {
    let wire = try open()
    wire.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(wire.server.recorder.failures.map(\.kind) == [.truncated])
    #expect(wire.server.recorder.inputClosed == 1)
  }

  @Test func afterCloseEveryWriteFails() throws {
    let wire = try open()
    wire.client.channel.write(ByteBuffer(string: "never flushed"), promise: nil)
    wire.client.channel.close(promise: nil)
    #expect(throws: (any Error).self) { try wire.client.channel.writeAndFlush(ByteBuffer(string: "x")).wait() }
    try wire.carry()
    #expect(wire.server.recorder.text.isEmpty)
  }

  @Test func outputThatIsClosedTakesNoMore() throws {
    let wire = try open()
    wire.client.channel.close(mode: .output, promise: nil)
    #expect(throws: (any Error).self) { try wire.client.channel.writeAndFlush(ByteBuffer(string: "x")).wait() }
    #expect(throws: (any Error).self) { try wire.client.channel.close(mode: .output).wait() }
  }

  @Test func removalFailsWhatWaits() throws {
    let handler = try TLSHandler(server: certificates.server())
    let server = try End(handler)
    let promise = server.channel.eventLoop.makePromise(of: Void.self)
    server.write("220 server\r\n", promise: promise)
    try server.channel.pipeline.syncOperations.removeHandler(handler).wait()
    #expect(throws: ChannelError.self) { try promise.futureResult.wait() }
  }
}
