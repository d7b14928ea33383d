import Cryptography
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TLS
import Testing

@Suite(.timeLimit(.minutes(10))) struct SocketTests {
  let certificates: Certificates

  init() throws { certificates = try Certificates() }

  @Test func linesGoBothWays() async throws {
    let server = try await LittleServer(certificates.server(), implicit: true)
    let client = try certificates.client()
    let connection = try await Connection.open(port: server.port) {
      TLSHandler(client: client, serverName: "localhost", verification: .required)
    }
    #expect(try await connection.handshake().verified)
    try await connection.send("NOOP\r\nQUIT\r\n")
    #expect(await connection.next() == .line("250 NOOP"))
    #expect(await connection.next() == .line("221 bye"))
    #expect(await connection.next() == .inputClosed)
    #expect(await connection.next() == .inactive)
  }

  @Test func aHalfClosedConnectionStillAnswers() async throws {
    let server = try await LittleServer(certificates.server(), implicit: true, halfClosure: true)
    let client = try certificates.client()
    let connection = try await Connection.open(port: server.port, halfClosure: true) {
      TLSHandler(client: client, serverName: "localhost", verification: .required)
    }
    _ = try await connection.handshake()
    try await connection.send("NOOP\r\n")
    try await connection.channel.close(mode: .output).get()
    #expect(await connection.next() == .line("250 NOOP"))
    #expect(await connection.next() == .line("221 after you"))
    #expect(await connection.next() == .inputClosed)
  }

  /// More than all buffers on the way hold, to a reader that asks for each piece: nothing is lost, nothing doubled,
  /// and the write's promise is kept only once everything has left.
  @Test func aLargeWriteMeetsASlowReader() async throws {
    let content = Random.bytes(1 << 20)
    let context = try certificates.server()
    let sink = try await Sink.open(context, size: content.count * 16)
    let client = try certificates.client()
    let connection = try await Connection.open(port: sink.port) {
      TLSHandler(client: client, serverName: "localhost", verification: .required)
    }
    var buffer = ByteBuffer()
    for _ in 0..<16 { buffer.writeBytes(content) }
    let expected = buffer.withUnsafeReadableBytes { SHA256.digest($0) }
    try await connection.channel.writeAndFlush(buffer).get()
    #expect(try await sink.digest.get() == expected)
  }
}

/// Reads everything that one client sends, a piece at a time.
private struct Sink {
  let port: Int
  let digest: EventLoopFuture<[UInt8]>

  static func open(_ context: TLSContext, size: Int) async throws -> Sink {
    let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [UInt8].self)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(TLSHandler(server: context), Reader(size, promise))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
    return Sink(port: channel.localAddress?.port ?? 0, digest: promise.futureResult)
  }

  private final class Reader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let size: Int
    private let promise: EventLoopPromise<[UInt8]>
    private var received = ByteBuffer()

    init(_ size: Int, _ promise: EventLoopPromise<[UInt8]>) {
      self.size = size
      self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if event is TLSHandshakeCompleted { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received.writeImmutableBuffer(unwrapInboundIn(data))
      guard received.readableBytes >= size else { return context.read() }
      promise.succeed(received.withUnsafeReadableBytes { SHA256.digest($0) })
      context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.fail(error) }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
  }
}
