package import NIOCore

/// TLS over a byte stream, for either side, from the connection's start or in its middle (STARTTLS).
///
/// It may be added to a pipeline whose channel is active long since: it begins its handshake at once.
/// Whoever adds it makes sure that no plaintext is left between the channel and itself.
///
/// - What is written before the handshake ends waits for it. `TLSHandshakeCompleted` tells its end.
/// - A failure is an error event of type `TLSFailure`, and the channel is closed. There is no time limit in
///   here: whoever waits for the handshake sets one.
/// - The peer's close_notify becomes `ChannelEvent.inputClosed`. Where the channel allows a half-closed
///   connection, the other direction stays open until it is closed; otherwise the channel closes.
/// - An end without close_notify is an error event (`.truncated`), then the usual `channelInactive`.
/// - `close` sends close_notify and does not wait for the peer's (RFC 8446 §6.1 does not ask for it).
/// - What the socket does not take is not encrypted in advance: a large write costs no second copy of itself.
package final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  private enum State {
    case idle
    case handshaking
    case open
    case closed
  }

  private struct PendingWrite {
    var buffer: ByteBuffer
    let promise: EventLoopPromise<Void>?
  }

  /// Encrypt this much before the channel's writability is asked again.
  private static let chunkSizeMax = 64 * 1024

  private let makeSession: () throws(TLSFailure) -> TLSSession
  private var session: TLSSession?
  private var state = State.idle
  private var pending = MarkedCircularBuffer<PendingWrite>(initialCapacity: 4)
  private var isDraining = false
  /// Someone asked for data, and none has come out of the records yet.
  private var readIsWanted = false
  private var peerHasClosed = false
  private var outputIsClosing = false
  private var outputIsClosed = false
  private var outputClosePromise: EventLoopPromise<Void>?

  /// For a server.
  package init(server context: TLSContext) {
    makeSession = { () throws(TLSFailure) in try TLSSession(server: context) }
  }

  /// For a client.
  /// - Parameter serverName: whom we expect: a host name (A-labels) or an address.
  package init(client context: TLSContext, serverName: String?, verification: TLSVerification) {
    makeSession = { () throws(TLSFailure) in
      try TLSSession(client: context, serverName: serverName, verification: verification)
    }
  }

  /// What the other side showed of itself, once a client's handshake is over; nil before, and after the end. On the
  /// channel's event loop only.
  package var peer: TLSPeer? { state == .open ? session?.peer : nil }

  // MARK: Life

  package func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { start(context) }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    finish(ChannelError.ioOnClosedChannel)
  }

  package func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    if context.channel.isActive { start(context) }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    let was = state
    finish(ChannelError.ioOnClosedChannel)
    if was == .handshaking {
      context.fireErrorCaught(TLSFailure(.closedInHandshake, "the peer closed the connection in the TLS handshake"))
    } else if was == .open, !peerHasClosed {
      context.fireErrorCaught(TLSFailure(.truncated, "the peer closed the connection without close_notify"))
    }
    context.fireChannelInactive()
  }

  private func start(_ context: ChannelHandlerContext) {
    guard state == .idle else { return }
    do throws(TLSFailure) {
      session = try makeSession()
    } catch {
      return fail(context, error)
    }
    state = .handshaking
    proceed(context)
    if state == .handshaking { context.read() }
  }

  /// Ends everything of ours; the channel's end is the caller's affair.
  private func finish(_ error: any Error) {
    state = .closed
    session = nil
    while let write = pending.popFirst() { write.promise?.fail(error) }
    outputClosePromise?.fail(error)
    outputClosePromise = nil
  }

  private func fail(_ context: ChannelHandlerContext, _ failure: TLSFailure) {
    emit(context)  // the alert
    finish(failure)
    context.fireErrorCaught(failure)
    context.close(promise: nil)
  }
}

@available(*, unavailable)
extension TLSHandler: Sendable {}

// MARK: Inbound

extension TLSHandler {
  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let session, !peerHasClosed else { return }
    session.receive(unwrapInboundIn(data))
    proceed(context)
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    // Part of a record, or a ticket, or the handshake's next flight: nobody above saw anything that would
    // make him ask again.
    if state == .handshaking || (state == .open && readIsWanted) { context.read() }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .some(.inputClosed) = event as? ChannelEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    switch state {
    case .handshaking:
      fail(context, TLSFailure(.closedInHandshake, "the peer closed the connection in the TLS handshake"))
    case .open where peerHasClosed:
      break  // already told
    case .open:
      peerHasClosed = true
      context.fireErrorCaught(TLSFailure(.truncated, "the peer closed the connection without close_notify"))
      context.fireUserInboundEventTriggered(event)
    case .idle, .closed:
      context.fireUserInboundEventTriggered(event)
    }
  }

  private func proceed(_ context: ChannelHandlerContext) {
    if state == .handshaking { continueHandshake(context) }
    if state == .open { deliver(context) }
  }

  private func continueHandshake(_ context: ChannelHandlerContext) {
    guard let session else { return }
    let progress = session.handshake()
    switch progress {
    case .needsMore:
      emit(context)
    case .failed(let failure):
      fail(context, failure)
    case .complete:
      emit(context)
      state = .open
      context.fireUserInboundEventTriggered(session.facts)
      drain(context)
    }
  }

  private func deliver(_ context: ChannelHandlerContext) {
    guard let session else { return }
    var plaintext = ByteBuffer()
    var result = session.read(into: &plaintext)
    while case .bytes = result { result = session.read(into: &plaintext) }
    emit(context)
    if plaintext.readableBytes > 0 {
      readIsWanted = false
      context.fireChannelRead(wrapInboundOut(plaintext))
    }
    guard state == .open else { return }
    switch result {
    case .bytes, .needsMore: break
    case .failed(let failure): fail(context, failure)
    case .closed: peerClosed(context)
    }
  }

  private func peerClosed(_ context: ChannelHandlerContext) {
    guard !peerHasClosed else { return }
    peerHasClosed = true
    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    let mayStayOpen = (try? context.channel.syncOptions?.getOption(.allowRemoteHalfClosure)) ?? false
    if state == .open, !mayStayOpen || outputIsClosing { close(context: context, mode: .all, promise: nil) }
  }
}

// MARK: Outbound

extension TLSHandler {
  package func read(context: ChannelHandlerContext) {
    readIsWanted = true
    context.read()
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard state != .closed else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    guard !outputIsClosing else {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    pending.append(PendingWrite(buffer: unwrapOutboundIn(data), promise: promise))
  }

  package func flush(context: ChannelHandlerContext) {
    guard state != .closed else { return context.flush() }
    pending.mark()
    drain(context)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    // First our own backlog, so that whoever fills up the channel sees what room there really is.
    if context.channel.isWritable { drain(context) }
    context.fireChannelWritabilityChanged()
  }

  package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    switch mode {
    case .input:
      context.close(mode: .input, promise: promise)
    case .output where outputIsClosed:
      promise?.fail(ChannelError.outputClosed)
    case .output where state == .handshaking || state == .open:
      pending.mark()
      outputIsClosing = true
      outputClosePromise.setOrCascade(to: promise)
      drain(context)
    case .output, .all:
      if state == .open, !outputIsClosed { session?.shutdown() }
      emit(context)
      finish(ChannelError.ioOnClosedChannel)
      context.close(mode: mode, promise: promise)
    }
  }

  /// Sends the records that OpenSSL made on its own account.
  private func emit(_ context: ChannelHandlerContext) {
    guard let records = session?.takeOutgoing() else { return }
    context.writeAndFlush(wrapOutboundOut(records), promise: nil)
  }

  /// Encrypts and sends what has been flushed, as far as the channel has room.
  private func drain(_ context: ChannelHandlerContext) {
    guard state == .open, !isDraining else { return }
    isDraining = true
    repeat {
      while state == .open, pending.hasMark, context.channel.isWritable { encryptChunk(context) }
      // Can make the channel writable again, which asks us to drain while we do.
      context.flush()
    } while state == .open && pending.hasMark && context.channel.isWritable
    isDraining = false
    if state == .open, outputIsClosing, !outputIsClosed, pending.isEmpty { closeOutput(context) }
  }

  private func encryptChunk(_ context: ChannelHandlerContext) {
    guard let session else { return }
    var promise: EventLoopPromise<Void>?
    while pending.hasMark, session.outgoingCount < Self.chunkSizeMax {
      let first = pending.startIndex
      if let failure = session.write(from: &pending[first].buffer, limit: Self.chunkSizeMax) {
        promise?.fail(failure)
        return fail(context, failure)
      }
      guard pending[first].buffer.readableBytes == 0 else { break }
      promise.setOrCascade(to: pending.removeFirst().promise)
    }
    if let records = session.takeOutgoing() {
      context.write(wrapOutboundOut(records), promise: promise)
    } else {
      // Nothing but empty writes.
      promise?.succeed(())
    }
  }

  private func closeOutput(_ context: ChannelHandlerContext) {
    let promise = outputClosePromise
    outputClosePromise = nil
    outputIsClosed = true
    session?.shutdown()
    emit(context)
    if peerHasClosed {
      finish(ChannelError.ioOnClosedChannel)
      context.close(mode: .all, promise: promise)
    } else {
      context.close(mode: .output, promise: promise)
    }
  }
}
