import NIOCore
import NIOEmbedded
import TLS

/// Notes what comes out of the handler.
final class Recorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  var received = ByteBuffer()
  var handshakes: [TLSHandshakeCompleted] = []
  var failures: [TLSFailure] = []
  var inputClosed = 0
  var inactive = false

  var text: String { String(buffer: received) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received.writeImmutableBuffer(unwrapInboundIn(data))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let handshake = event as? TLSHandshakeCompleted { handshakes.append(handshake) }
    if case .some(.inputClosed) = event as? ChannelEvent { inputClosed += 1 }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let failure = error as? TLSFailure { failures.append(failure) } else { context.fireErrorCaught(error) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    inactive = true
    context.fireChannelInactive()
  }
}

/// One end of a connection without a socket.
final class End {
  let channel = EmbeddedChannel()
  let recorder = Recorder()

  init(_ handler: TLSHandler?) throws {
    if let handler { try channel.pipeline.syncOperations.addHandler(handler) }
    try channel.pipeline.syncOperations.addHandler(recorder)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  func write(_ text: String, promise: EventLoopPromise<Void>? = nil) {
    channel.writeAndFlush(ByteBuffer(string: text), promise: promise)
  }

  /// What waits to go to the peer.
  func takeOutgoing() throws -> ByteBuffer? {
    var all: ByteBuffer?
    while let part = try channel.readOutbound(as: ByteBuffer.self) {
      if all == nil { all = part } else { all?.writeImmutableBuffer(part) }
    }
    return all
  }
}

/// Two ends and the cable between them.
struct Wire {
  let client: End
  let server: End

  init(client: TLSHandler?, server: TLSHandler?) throws {
    self.server = try End(server)
    self.client = try End(client)
  }

  /// Carries bytes until both ends are silent, in pieces of at most `size`.
  func carry(size: Int = .max) throws {
    var isBusy = true
    while isBusy {
      isBusy = false
      for (from, to) in [(client, server), (server, client)] {
        guard var bytes = try from.takeOutgoing() else { continue }
        isBusy = true
        while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)), piece.readableBytes > 0 {
          if to.channel.isActive { try to.channel.writeInbound(piece) }
        }
      }
    }
  }
}
