import NIOCore
import NIOPosix
import TLS

/// An SMTP client that does what a test says, wrong things too. Real sockets, real TLS.
final class TestClient: Sendable {
  struct Ended: Error {}

  private enum Event: Sendable {
    case line(String)
    case secure(TLSHandshakeCompleted)
    case inputClosed
    case failed
  }

  let channel: any Channel
  private let events: AsyncStream<Event>

  private init(channel: any Channel, events: AsyncStream<Event>) {
    self.channel = channel
    self.events = events
  }

  /// - Parameters:
  ///   - receiveBuffer: a small one makes a slow reader.
  ///   - source: our own address.
  static func connect(
    to address: SocketAddress, implicitTLS tls: TLSContext? = nil, receiveBuffer: Int? = nil, from source: String? = nil
  ) async throws -> TestClient {
    let (events, continuation) = AsyncStream<Event>.makeStream()
    var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
    if let receiveBuffer {
      bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: numericCast(receiveBuffer))
    }
    if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
    let channel = try await bootstrap.channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        if let tls {
          try channel.pipeline.syncOperations.addHandler(
            TLSHandler(client: tls, serverName: "localhost", verification: .required))
        }
        try channel.pipeline.syncOperations.addHandler(LineCollector(continuation))
      }
    }.connect(to: address).get()
    let client = TestClient(channel: channel, events: events)
    if tls != nil { _ = try await client.handshake() }
    return client
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
  }

  /// Sends a line and waits for the reply.
  func command(_ line: String) async throws -> String {
    try await send(line + "\r\n")
    return try await reply()
  }

  /// The next reply; its lines joined by "|".
  func reply() async throws -> String {
    var lines: [String] = []
    while case .line(let line)? = await next() {
      lines.append(line)
      if line.dropFirst(3).first != "-" { return lines.joined(separator: "|") }
    }
    throw Ended()
  }

  /// Whether the server ends the connection without another word.
  func isEnded() async -> Bool {
    switch await next() {
    case .inputClosed, .failed, nil: true
    case .line, .secure: false
    }
  }

  func startTLS(_ tls: TLSContext) async throws {
    try await channel.eventLoop.submit {
      try self.channel.pipeline.syncOperations.addHandler(
        TLSHandler(client: tls, serverName: "localhost", verification: .required), position: .first)
    }.get()
    _ = try await handshake()
  }

  func handshake() async throws -> TLSHandshakeCompleted {
    guard case .secure(let facts)? = await next() else { throw Ended() }
    return facts
  }

  func closeOutput() async throws { try await channel.close(mode: .output).get() }
  func close() async { try? await channel.close().get() }

  private func next() async -> Event? {
    var iterator = events.makeAsyncIterator()
    return await iterator.next()
  }

  private final class LineCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<Event>.Continuation
    private var partial: [UInt8] = []

    init(_ continuation: AsyncStream<Event>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      partial += unwrapInboundIn(data).readableBytesView
      while let lf = partial.firstIndex(of: 10) {
        continuation.yield(.line(String(decoding: partial[..<max(lf - 1, 0)], as: UTF8.self)))
        partial.removeSubrange(...lf)
      }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if let facts = event as? TLSHandshakeCompleted { continuation.yield(.secure(facts)) }
      if let event = event as? ChannelEvent, event == .inputClosed { continuation.yield(.inputClosed) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      continuation.yield(.failed)
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
  }
}
