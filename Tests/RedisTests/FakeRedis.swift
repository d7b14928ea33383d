import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A server that answers whatever a test wants, for what a real one never does.
final class FakeRedis: Sendable {
  enum Answer: Sendable {
    case bytes([UInt8])
    case silence
    case close

    static func text(_ text: String) -> Answer { .bytes(Array(text.utf8)) }
  }

  /// 0 with a path.
  let port: Int
  private let channel: any Channel

  /// - Parameter answer: to the nth packet of the nth connection, both from 0; a test sends one command at a time,
  ///   so a packet is a command.
  init(
    path: String? = nil, _ answer: @escaping @Sendable (_ connection: Int, _ packet: Int) -> Answer
  ) async throws {
    let connections = NIOLockedValueBox(0)
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { child in
        child.eventLoop.makeCompletedFuture {
          let number = connections.withLockedValue { number in
            defer { number += 1 }
            return number
          }
          try child.pipeline.syncOperations.addHandler(Answering { answer(number, $0) })
        }
      }
    channel =
      if let path {
        try await bootstrap.bind(unixDomainSocketPath: path).get()
      } else {
        try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      }
    port = channel.localAddress?.port ?? 0
  }

  deinit { channel.close(promise: nil) }

  var url: String { "redis://127.0.0.1:\(port)" }
}

private final class Answering: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let answer: (Int) -> FakeRedis.Answer
  private var packets = 0

  init(_ answer: @escaping (Int) -> FakeRedis.Answer) { self.answer = answer }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    defer { packets += 1 }
    switch answer(packets) {
    case .bytes(let bytes): context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
    case .silence: break
    case .close: context.close(promise: nil)
    }
  }
}
