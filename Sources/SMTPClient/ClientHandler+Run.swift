internal import MailModel
internal import NIOCore
internal import SMTPWire

/// Transactions, on the event loop.
extension ClientHandler {
  /// Up to this size the final dot goes in one buffer, and so in one TLS record, with the message.
  private static let joinSizeMax = 16 * 1024

  /// - Parameter notify: called once with `.contentWanted` or `.finished`; after the former `endContent` asks again.
  func begin(
    _ transaction: ClientTransaction, content: ByteBuffer?, mayStart: @escaping @Sendable () -> Bool,
    notify: @escaping @Sendable (RunEvent) -> Void
  ) {
    guard dialogue.isReady, context?.channel.isActive == true else {
      // It ended between its last use and now.
      let outcome = ClientOutcome.done(.failed(.connection("the server closed the connection"), .mail))
      let outcomes = [ClientOutcome](repeating: outcome, count: transaction.recipients.count)
      return notify(.finished(ClientTransactionResult(outcomes: outcomes, isStale: true), isUsable: false))
    }
    run = Run(content: content, mayStart: mayStart, notify: notify)
    let action = dialogue.begin(transaction)
    guard mayStart() else { return perform(dialogue.abandon(.notTried("the claim on this message has ended"))) }
    perform(action)
  }

  /// 354: the server wants the message.
  func contentWanted() {
    guard let run, run.mayStart() else {
      return perform(dialogue.abandon(.notTried("the claim on this message has ended")))
    }
    armTimer()
    guard var content = run.content else { return resume(.contentWanted) }
    var stuffing = ClientDotStuffing()
    stuff(&content, &stuffing)
    var end = stuffing.end
    if content.readableBytes < Self.joinSizeMax {
      content.writeBytes(end)
      end = []
    }
    context?.write(wrapOutboundOut(content), promise: nil)
    writeEnd(end)
  }

  /// One block of a streamed message. The future completes when the socket has taken it.
  func write(_ block: ByteBuffer) -> EventLoopFuture<Void>? {
    guard let context, run != nil, dialogue.wait == .content else { return nil }
    armTimer()
    return context.writeAndFlush(wrapOutboundOut(block))
  }

  /// The streamed message is written: the final dot, if the claim still holds.
  func endContent(_ end: [UInt8], notify: @escaping @Sendable (RunEvent) -> Void) {
    guard take(notify) else { return }
    guard run?.mayStart() == true else {
      return perform(dialogue.abandon(.notTried("the claim on this message has ended")))
    }
    writeEnd(end)
  }

  /// The streamed message cannot be completed, or a write of it failed.
  func breakOff(_ result: AttemptResult, notify: @escaping @Sendable (RunEvent) -> Void) {
    guard take(notify) else { return }
    perform(dialogue.abandon(result))
  }

  /// Ends the connection unless the final dot is out: then the reply is worth waiting for.
  func cancel() {
    if dialogue.wait == .finalDot, run != nil { return }
    if run != nil {
      perform(dialogue.abandon(.notTried("shutting down")))
    } else {
      connectionLost(.system("shutting down"))
    }
  }

  func finish(_ result: ClientTransactionResult) {
    if dialogue.isReady { armTimer() } else { close() }
    if run?.notify != nil {
      resume(.finished(result, isUsable: dialogue.isReady))
      run = nil
    } else {
      // The task is reading the next block; it finds this when it comes back.
      run?.result = result
    }
  }

  /// Makes `notify` the one to tell; false when the result was there already and has been told.
  private func take(_ notify: @escaping @Sendable (RunEvent) -> Void) -> Bool {
    if let result = run?.result {
      run = nil
      notify(.finished(result, isUsable: false))
      return false
    }
    guard run != nil else {
      notify(.finished(ClientTransactionResult(outcomes: [], isStale: false), isUsable: false))
      return false
    }
    run?.notify = notify
    return true
  }

  private func resume(_ event: RunEvent) {
    let notify = run?.notify
    run?.notify = nil
    notify?(event)
  }

  private func writeEnd(_ end: [UInt8]) {
    guard let context else { return }
    dialogue.contentSent()
    armTimer()
    if end.isEmpty { return context.flush() }
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: end)), promise: nil)
  }
}

/// Dot-stuffs a block, without a copy when there is nothing to stuff.
func stuff(_ block: inout ByteBuffer, _ stuffing: inout ClientDotStuffing) {
  if block.withUnsafeReadableBytes({ stuffing.passes($0) }) { return }
  var output = ByteBufferAllocator().buffer(capacity: block.readableBytes + block.readableBytes / 32 + 64)
  block.withUnsafeReadableBytes { bytes in stuffing.encode(bytes) { output.writeBytes($0) } }
  block = output
}
