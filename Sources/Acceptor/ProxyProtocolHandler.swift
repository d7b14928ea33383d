import DNS
import Logging
import NIOCore
import Observability
import ProxyProtocol

/// Waits for the PROXY header of a connection from a load balancer, then begins the session of the client behind it.
///
/// Until then there is no session: nothing is sent, and nothing but the header is read. The connection counts among
/// the sessions all the same, so that silent ones have their bound.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let environment: SessionEnvironment
  private let begin: (ChannelHandlerContext, _ clientAddress: String) throws -> Void
  private var received = ByteBuffer()
  private var timer: Scheduled<Void>?
  private var isDone = false

  /// - Parameter begin: adds the session's handlers to the pipeline.
  init(
    environment: SessionEnvironment, begin: @escaping (ChannelHandlerContext, _ clientAddress: String) throws -> Void
  ) {
    self.environment = environment
    self.begin = begin
  }

  func channelActive(context: ChannelHandlerContext) {
    guard environment.registry.add(context.channel) != .refused else { return context.close(promise: nil) }
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: environment.configuration.proxyHeaderTimeout) {
      self.refuse(context, because: "no PROXY header came in time")
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDone else { return context.fireChannelRead(data) }
    var buffer = unwrapInboundIn(data)
    received.writeBuffer(&buffer)
    do {
      let header = try received.withUnsafeReadableBytes { bytes throws(ProxyHeaderFault) in
        try ProxyHeader.parse(bytes)
      }
      guard let header else { return }
      received.moveReaderIndex(forwardBy: header.length)
      try hand(over: context, address(of: header.client, context))
    } catch {
      refuse(context, because: "\(error)")
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    let isEnd = event is DrainEvent || (event as? ChannelEvent) == .inputClosed
    guard !isDone, isEnd else { return context.fireUserInboundEventTriggered(event) }
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isDone else { return context.fireErrorCaught(error) }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    guard !isDone else { return context.fireChannelInactive() }
    isDone = true
    environment.registry.remove(context.channel)
  }

  private func address(of client: ProxyHeader.Client, _ context: ChannelHandlerContext) -> String {
    switch client {
    case .address(let bytes, _): IPAddress(bytes: bytes)?.description ?? SubmissionHandler.unknownAddress
    case .local: context.remoteAddress?.ipAddress ?? SubmissionHandler.unknownAddress
    case .unknown: SubmissionHandler.unknownAddress
    }
  }

  private func hand(over context: ChannelHandlerContext, _ clientAddress: String) throws {
    timer?.cancel()
    try begin(context, clientAddress)
    isDone = true
    context.fireChannelActive()
    if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
    received = ByteBuffer()
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  private func refuse(_ context: ChannelHandlerContext, because reason: String) {
    environment.logger.warning(
      "connection from a load balancer refused",
      metadata: .fields([.clientAddress: context.remoteAddress?.ipAddress, .reason: reason]))
    context.close(promise: nil)
  }
}

@available(*, unavailable)
extension ProxyProtocolHandler: Sendable {}
