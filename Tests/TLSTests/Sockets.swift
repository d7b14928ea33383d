import NIOCore
import NIOPosix
import TLS
import Testing

/// What happened on one side of a real connection, in order.
enum Happening: Sendable, Equatable {
  case handshake(TLSHandshakeCompleted)
  case line(String)
  case failure(TLSFailure)
  case inputClosed
  case inactive
}

/// A channel and what happens on it.
final class Connection: Sendable {
  let channel: any Channel
  private let happenings: AsyncStream<Happening>

  private init(_ channel: any Channel, _ happenings: AsyncStream<Happening>) {
    self.channel = channel
    self.happenings = happenings
  }

  /// Connects to a port of 127.0.0.1.
  static func open(
    port: Int, halfClosure: Bool = false, _ tls: @escaping @Sendable () -> TLSHandler
  ) async throws -> Connection {
    let (stream, continuation) = AsyncStream.makeStream(of: Happening.self)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: halfClosure)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(tls(), Narrator(continuation))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return Connection(channel, stream)
  }

  func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

  /// Waits for the next happening.
  func next() async -> Happening? {
    for await happening in happenings { return happening }
    return nil
  }

  /// Waits for the end of the handshake.
  func handshake() async throws -> TLSHandshakeCompleted {
    let happening = await next()
    guard case .handshake(let facts) = happening else { throw Unexpected(happening: happening) }
    return facts
  }

  struct Unexpected: Error { let happening: Happening? }
}

/// Tells a stream what happens.
private final class Narrator: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let happenings: AsyncStream<Happening>.Continuation
  private var unfinished = ""

  init(_ happenings: AsyncStream<Happening>.Continuation) { self.happenings = happenings }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    unfinished += String(buffer: unwrapInboundIn(data))
    while let end = unfinished.firstIndex(where: \.isNewline) {
      happenings.yield(.line(String(unfinished[..<end])))
      unfinished = String(unfinished[unfinished.index(after: end)...])
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let handshake = event as? TLSHandshakeCompleted { happenings.yield(.handshake(handshake)) }
    if case .some(.inputClosed) = event as? ChannelEvent { happenings.yield(.inputClosed) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let failure = error as? TLSFailure { happenings.yield(.failure(failure)) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    happenings.yield(.inactive)
    happenings.finish()
  }
}

/// A server that speaks a little SMTP: enough for a client that wants to begin TLS and see its lines again.
final class LittleServer: Sendable {
  private let channel: any Channel
  var port: Int { channel.localAddress?.port ?? 0 }

  /// - Parameter implicit: TLS from the start; otherwise after STARTTLS.
  init(_ context: TLSContext, implicit: Bool, halfClosure: Bool = false) async throws {
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if implicit { try channel.pipeline.syncOperations.addHandler(TLSHandler(server: context)) }
          try channel.pipeline.syncOperations.addHandler(Conversation(context, greets: !implicit))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  deinit { channel.close(promise: nil) }

  private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tls: TLSContext
    private let greets: Bool
    private var unfinished = ""

    init(_ tls: TLSContext, greets: Bool) {
      self.tls = tls
      self.greets = greets
    }

    func channelActive(context: ChannelHandlerContext) {
      if greets { reply("220 localhost", context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      unfinished += String(buffer: unwrapInboundIn(data))
      while let end = unfinished.firstIndex(where: \.isNewline) {
        let line = String(unfinished[..<end])
        unfinished = String(unfinished[unfinished.index(after: end)...])
        answer(line, context)
      }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard case .some(.inputClosed) = event as? ChannelEvent else { return }
      reply("221 after you", context)
      context.close(mode: .output, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func answer(_ line: String, _ context: ChannelHandlerContext) {
      switch line {
      case "STARTTLS":
        reply("220 go ahead", context)
        try? context.pipeline.syncOperations.addHandler(TLSHandler(server: tls), position: .first)
      case "QUIT":
        reply("221 bye", context)
        context.close(promise: nil)
      case _ where line.hasPrefix("EHLO"):
        reply("250-localhost\r\n250 STARTTLS", context)
      default:
        reply("250 \(line)", context)
      }
    }

    private func reply(_ text: String, _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }
  }
}
