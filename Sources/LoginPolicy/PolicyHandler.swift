internal import HTTPConnections
internal import Limits
internal import NIOCore
internal import NIOHTTP1

/// One connection of HTTP/1.1: a question, its answer, the next.
///
/// The pipeline hands over one request at a time, so that no answer can overtake another.
final class PolicyHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let configuration: PolicyConfiguration
  private let decisions: LoginDecisions
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var deadline: Scheduled<Void>?
  private var isDraining = false
  /// Whatever else comes is not looked at.
  private var isDeaf = false

  init(_ configuration: PolicyConfiguration, _ decisions: LoginDecisions) {
    self.configuration = configuration
    self.decisions = decisions
  }

  func handlerAdded(context: ChannelHandlerContext) { close(context, after: configuration.requestTimeout) }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDeaf else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      close(context, after: configuration.requestTimeout)
      // Before its body: nobody without the key makes us keep anything.
      if let refusal = refusal(of: head) { end(with: refusal, context) }
    case .body(let part):
      guard body.count + part.readableBytes <= PolicyQuestion.sizeMax else {
        return end(with: .payloadTooLarge, context)
      }
      body += part.readableBytesView
    case .end: decide(context)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is DrainEvent {
      isDraining = true
      if head == nil { context.close(promise: nil) }
    } else if case .some(.inputClosed) = event as? ChannelEvent, head == nil {
      context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  /// What is not HTTP, connections that break: theirs to know.
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func refusal(of head: HTTPRequestHead) -> HTTPResponseStatus? {
    if let key = configuration.key {
      let shown = head.headers["X-API-Key"]
      guard shown.count == 1, key.opens(shown[0]) else { return .unauthorized }
    }
    guard head.method == .POST else { return .methodNotAllowed }
    return PolicyQuestion.command(head.uri) == nil ? .notFound : nil
  }

  private func decide(_ context: ChannelHandlerContext) {
    guard let head, let command = PolicyQuestion.command(head.uri) else { return }
    guard let question = PolicyQuestion(command, body) else { return end(with: .badRequest, context) }
    body = []
    let promise = context.eventLoop.makePromise(of: String?.self)
    promise.completeWithTask { [decisions] in await decisions.decide(question)?.reason }
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    promise.futureResult.whenSuccess { reason in
      let (handler, context) = bound.value
      // The reason is words and a number of our own: nothing in it needs to be escaped.
      handler.write(.ok, #"{"status":\#(reason == nil ? 0 : -1),"msg":"\#(reason ?? "")"}"#, context)
    }
  }

  private func end(with status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
    isDeaf = true
    write(status, "{}", context)
  }

  private func write(_ status: HTTPResponseStatus, _ text: String, _ context: ChannelHandlerContext) {
    guard context.channel.isActive, let head else { return }
    let goesOn = head.isKeepAlive && !isDeaf && !isDraining
    var fields = HTTPHeaders([("Content-Type", "application/json"), ("Content-Length", "\(text.utf8.count)")])
    if !goesOn { fields.add(name: "Connection", value: "close") }
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: status, headers: fields))), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    (self.head, body) = (nil, [])
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      let (handler, context) = bound.value
      // Closed at once, what is still being sent would cost it the answer: it has until the deadline to read that.
      guard goesOn else { return context.close(mode: handler.isDeaf ? .output : .all, promise: nil) }
      if handler.isDraining { return context.close(promise: nil) }
      handler.close(context, after: handler.configuration.idleTimeout)
    }
  }

  private func close(_ context: ChannelHandlerContext, after time: TimeAmount) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
}

@available(*, unavailable)
extension PolicyHandler: Sendable {}
