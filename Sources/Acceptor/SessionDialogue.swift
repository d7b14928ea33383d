import MailModel
import Logging
import NIOCore
import NodeMetrics
import Observability
import SMTPWire
import TLS

/// The conversation: octets into the machine, its actions onto the channel.
extension SubmissionHandler {
  /// Whether octets must wait.
  var isPaused: Bool {
    switch wait {
    case .login, .queue: return true
    case .handshake, .linger: return false
    case .command, .content: break
    }
    return collector?.isBusy == true || context?.channel.isWritable == false
  }

  /// Goes on after what was awaited has happened.
  func resume() {
    process()
    guard !isPaused else { return }
    if hasPendingRead {
      hasPendingRead = false
      context?.read()
    }
    endIfDone()
  }

  /// Feeds the machine until it has nothing more to do or octets must wait.
  func process() {
    guard !isProcessing, !isLingering else { return }
    isProcessing = true
    while !isPaused, startTLSReply == nil, !isLingering, context != nil {
      let (consumed, action) = input.withUnsafeReadableBytes { bytes in
        machine.step(bytes) { collector?.append($0) }
      }
      input.moveReaderIndex(forwardBy: consumed)
      if let refusal = collector?.refusal, machine.isReceivingContent {
        machine.refuseMessage(refusal)
        collector = nil
      }
      if let action { perform(action) }
      if let collector, collector.wantsSpill, wait == .content || wait == .command { spill(collector) }
      if action == nil, consumed == 0 { break }
    }
    isProcessing = false
    if input.readableBytes == 0 { input = ByteBuffer() }
    endIfDrained()
    flush()
  }

  func perform(_ action: SubmissionAction) {
    switch action {
    case .reply(let reply):
      write(reply)
      beginWait(machine.isReceivingContent ? .content : .command)
    case .close(let reply):
      finish(with: reply)
    case .startTLS(let reply):
      input = ByteBuffer()
      startTLSReply = reply
      if !isInReadBurst { startTLS(reply) }
    case .authenticate(let attempt):
      authenticate(attempt)
    case .beginMessage(let envelope, let reply):
      beginMessage(envelope)
      if let reply { write(reply) }
      beginWait(.content)
    case .discardMessage(let reply):
      collector = nil
      if let reply { write(reply) }
      beginWait(machine.isReceivingContent ? .content : .command)
    case .endMessage(let envelope):
      endMessage(envelope)
    }
  }

  func performLater(_ action: SubmissionAction) {
    perform(action)
    flush()
    resume()
  }

  /// Everything that came with the command has been thrown away (RFC 3207 §4.2, CVE-2011-0411).
  func startTLS(_ reply: Reply) {
    guard let context else { return }
    startTLSReply = nil
    write(reply)
    flush()
    beginWait(.handshake)
    do {
      try context.pipeline.syncOperations.addHandler(
        TLSHandler(server: environment.tls), position: .before(self))
    } catch {
      context.close(promise: nil)
    }
  }

  func write(_ reply: Reply) {
    guard let context, !isLingering else { return }
    if !reply.isPositive {
      environment.metrics.refused(refusalReason ?? RefusalReason(reply, isDraining: machine.isDraining))
      refusalReason = nil
      environment.logger.debug(
        "refused", metadata: .fields([.session: sessionID, .clientAddress: clientAddress, .reply: reply.text]))
    }
    hasUnflushedReply = true
    context.write(wrapOutboundOut(ByteBuffer(bytes: reply.wire)), promise: nil)
  }

  func flush() {
    guard hasUnflushedReply else { return }
    hasUnflushedReply = false
    context?.flush()
  }

  /// Says the last reply, then waits a little for the client to close first: a connection that is closed with octets
  /// unread is reset, and the reply may be lost with it.
  func finish(with reply: Reply) {
    guard let context, !isLingering else { return }
    machine.close()
    collector = nil
    input = ByteBuffer()
    write(reply)
    isLingering = true
    flush()
    beginWait(.linger)
    if inputIsClosed {
      context.close(promise: nil)
    } else {
      context.close(mode: .output, promise: nil)
      if hasPendingRead {
        hasPendingRead = false
        context.read()
      }
    }
  }
}
