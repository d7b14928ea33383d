internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// A service that misbehaves in one way, on a port of its own.
package final class FakeScanner: Sendable {
  package enum Manner: Sendable {
    /// Reads everything and says nothing.
    case silent
    /// Reads nothing: whoever sends much comes to a stop.
    case deaf
    /// Closes as soon as something comes.
    case closing
    /// Says this as soon as something comes, and nothing more; it still reads, so that no reset overtakes its words.
    case saying([UInt8])
    /// Says this, an octet for each piece that comes, and stays.
    case dripping([UInt8])
    /// Says this for ever.
    case flooding([UInt8])
  }

  private struct Connections { var begun = 0, open = 0 }

  package let port: Int
  private let channel: any Channel
  private let connections: NIOLockedValueBox<Connections>

  /// How many came.
  package var begun: Int { connections.withLockedValue(\.begun) }
  /// How many are there.
  package var open: Int { connections.withLockedValue(\.open) }

  package init(_ manner: Manner) async throws {
    let connections = NIOLockedValueBox(Connections())
    self.connections = connections
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: { if case .deaf = manner { false } else { true } }())
      .childChannelInitializer { channel in
        connections.withLockedValue { ($0.begun, $0.open) = ($0.begun + 1, $0.open + 1) }
        channel.closeFuture.whenComplete { _ in connections.withLockedValue { $0.open -= 1 } }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(manner))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  /// From now on nobody listens.
  package func stop() async throws { try await channel.close() }

  deinit { channel.close(promise: nil) }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let manner: Manner
    private var said = 0

    init(_ manner: Manner) { self.manner = manner }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch manner {
      case .silent, .deaf: break
      case .closing: context.close(promise: nil)
      case .saying(let bytes):
        guard said == 0 else { return }
        said = 1
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).assumeIsolated().whenComplete { _ in
          channel.close(mode: .output, promise: nil)
        }
      case .dripping(let bytes):
        guard said < bytes.count else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [bytes[said]])), promise: nil)
        said += 1
      case .flooding(let bytes):
        guard said == 0 else { return }
        said = 1
        flood(context, bytes)
      }
    }

    private func flood(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).assumeIsolated().whenSuccess {
        self.flood(context, bytes)
      }
    }
  }
}
