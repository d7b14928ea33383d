internal import MailModel
internal import NIOCore
internal import SMTPWire
internal import TLS

/// Waits for one thing at a time, a reply or the end of a handshake, and reads only while it does.
///
/// Everything in here happens on the channel's event loop.
final class StepHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Waiting {
    case reply(EventLoopPromise<Reply>)
    case handshake(EventLoopPromise<(facts: TLSFacts, peer: TLSPeer)>, TLSHandler)
  }

  private let eventLoop: any EventLoop
  private var context: ChannelHandlerContext?
  private var parser = ReplyParser()
  private var waiting: Waiting?
  private var timer: Scheduled<Void>?
  /// Nothing more comes.
  private var trouble: StepTrouble?

  init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    fail(.closed)
    self.context = nil
  }

  // MARK: Steps

  func nextReply(within limit: TimeAmount) -> EventLoopFuture<Reply> {
    let promise = eventLoop.makePromise(of: Reply.self)
    begin(.reply(promise), within: limit)
    return promise.futureResult
  }

  func send(_ bytes: [UInt8]) {
    guard let context, trouble == nil else { return }
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
  }

  func startTLS(
    _ tls: TLSContext, name: String, within limit: TimeAmount
  ) -> EventLoopFuture<(facts: TLSFacts, peer: TLSPeer)> {
    let promise = eventLoop.makePromise(of: (facts: TLSFacts, peer: TLSPeer).self)
    let handler = TLSHandler(client: tls, serverName: name, verification: .none)
    begin(.handshake(promise, handler), within: limit)
    // RFC 3207 §6: what came with the 220 was not said under TLS, whoever said it.
    if !parser.isEmpty { fail(.notSMTP("something was said in clear after STARTTLS")) }
    guard let context, trouble == nil else { return promise.futureResult }
    do {
      try context.pipeline.syncOperations.addHandler(handler, position: .first)
    } catch {
      fail(.closed)
    }
    return promise.futureResult
  }

  private func begin(_ waiting: Waiting, within limit: TimeAmount) {
    self.waiting = waiting
    // What came before the end is still good.
    read()
    if self.waiting == nil { return }
    if let trouble { return fail(trouble) }
    timer = eventLoop.assumeIsolated().scheduleTask(in: limit) { self.fail(.timedOut) }
  }

  // MARK: What comes

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    parser.append(unwrapInboundIn(data).readableBytesView)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    read()
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let done = event as? TLSHandshakeCompleted {
      guard case .handshake(let promise, let handler) = waiting, let peer = handler.peer else { return fail(.closed) }
      end()
      let facts = TLSFacts(version: done.version, cipher: done.cipher, verified: done.verified)
      promise.succeed((facts, peer))
    } else if case .some(.inputClosed) = event as? ChannelEvent {
      end(with: .closed)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let failure = error as? TLSFailure {
      end(with: failure.kind == .truncated ? .closed : .tls(failure))
    } else {
      fail(.unreachable(describe(error)))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(with: .closed)
    context.fireChannelInactive()
  }

  /// A last word may have come together with the end.
  private func end(with trouble: StepTrouble) {
    read()
    fail(trouble)
  }

  /// Hands over the next reply if it is there, and otherwise asks for more.
  private func read() {
    guard case .reply(let promise) = waiting else { return }
    do throws(ReplyFault) {
      guard let reply = try parser.next() else {
        context?.read()
        return
      }
      end()
      promise.succeed(reply)
    } catch {
      fail(.notSMTP(error.explanation))
    }
  }

  private func end() {
    timer?.cancel()
    (timer, waiting) = (nil, nil)
  }

  /// The first trouble counts; the connection is of no more use.
  private func fail(_ trouble: StepTrouble) {
    let first = self.trouble ?? trouble
    self.trouble = first
    let waiting = waiting
    end()
    switch waiting {
    case .reply(let promise): promise.fail(first)
    case .handshake(let promise, _): promise.fail(first)
    case nil: break
    }
    context?.close(promise: nil)
  }
}

@available(*, unavailable)
extension StepHandler: Sendable {}
