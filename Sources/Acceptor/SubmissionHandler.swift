import Admission
import Limits
import Logging
import MailModel
import CoreMetrics
import NIOCore
import NodeMetrics
import Observability
import SMTPWire
import TLS

/// One submission session on its channel: moves octets between the channel and the `SubmissionMachine`, and performs
/// what the machine asks for. Everything happens on the channel's event loop.
///
/// It stops reading while anything is owed: a login being checked, a message on its way to the queue or to disk, replies
/// that the client does not read. So a session's memory is bounded by one read and one message's share.
final class SubmissionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = Never
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What the session waits for, and so how long.
  enum Wait {
    case handshake, command, content, login, queue, linger
  }

  let environment: SessionEnvironment
  let sessionID = SessionEnvironment.makeSessionID()
  var machine: SubmissionMachine
  var context: ChannelHandlerContext?
  /// Where nobody says who the client is.
  static let unknownAddress = "unknown"
  /// As text: what a load balancer says, else the peer's own.
  var clientAddress = SubmissionHandler.unknownAddress
  var tls: TLSFacts?
  var principal: Principal?
  var collector: MessageCollector?
  /// Of the message that was last complete.
  var contentSize = 0
  /// Held as long as the session lasts, where sessions at once are limited over all acceptors.
  var addressPlace: SessionPlace?
  var credentialPlace: SessionPlace?
  /// Said instead of the greeting.
  var refusalAtGreeting: Reply?
  /// Said when the message in hand has its reply.
  var refusalAfterMessage: Reply?
  /// As what the next refusal is counted, where its reply does not tell.
  var refusalReason: RefusalReason?
  /// Counts the logins: the answer to one that was given up is not taken for another's.
  var loginNumber = 0

  var wait = Wait.command
  var deadline = NIODeadline.distantFuture
  var sessionEnd = NIODeadline.distantFuture
  var timer: Scheduled<Void>?
  var timerDeadline = NIODeadline.distantFuture

  private let kind: AcceptorConfiguration.Listener.Kind
  private let toldAddress: String?
  var hasGreeted = false
  var entry = SessionRegistry.Entry.admitted
  /// Received and not yet taken by the machine.
  var input = ByteBuffer()
  var isProcessing = false
  var isInReadBurst = false
  var hasPendingRead = false
  var hasUnflushedReply = false
  var inputIsClosed = false
  /// The last reply is said; only the client's close is awaited.
  var isLingering = false
  /// STARTTLS was accepted; the handshake begins when the present burst of octets has been thrown away.
  var startTLSReply: Reply?

  /// - Parameter toldAddress: the client's address when a load balancer has told it.
  init(environment: SessionEnvironment, kind: AcceptorConfiguration.Listener.Kind, toldAddress: String? = nil) {
    self.environment = environment
    self.toldAddress = toldAddress
    let configuration = environment.configuration
    self.kind = kind
    let isForClients = kind == .implicitTLS || kind == .startTLS
    machine = SubmissionMachine(
      hostName: configuration.hostName,
      policy: SubmissionPolicy(
        offersStartTLS: kind == .startTLS || kind == .inbound, requiresTLS: isForClients, requiresLogin: isForClients,
        offersDSN: kind != .inbound),
      limits: configuration.limits, isSecure: kind == .implicitTLS,
      refusalOfRecipient: kind == .inbound ? configuration.refusalOfInbound : nil)
  }

  /// Others' mail servers: what they bring is for us alone, and goes no further.
  var isInbound: Bool { kind == .inbound }

  // MARK: Life

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    clientAddress = toldAddress ?? context.remoteAddress?.ipAddress ?? Self.unknownAddress
    sessionEnd = .now() + environment.configuration.sessionTimeMax
    environment.metrics.sessionsBegun.increment()
    entry = environment.registry.add(context.channel, from: clientAddress)
    guard entry != .refused else {
      environment.metrics.refused(.sessions)
      return context.close(promise: nil)
    }
    enterAddress()
    lookUpClient()
    switch kind {
    case .implicitTLS: beginWait(.handshake)
    case .startTLS, .inbound: greet()
    case .plain: admitTrusted()
    }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    forget(context)
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    forget(context)
  }

  private func forget(_ context: ChannelHandlerContext) {
    guard self.context != nil else { return }
    self.context = nil
    timer?.cancel()
    timer = nil
    machine.close()
    collector = nil
    (addressPlace, credentialPlace) = (nil, nil)
    input = ByteBuffer()
    environment.registry.remove(context.channel)
  }

  func greet() {
    hasGreeted = true
    if let refusalAtGreeting { return finish(with: refusalAtGreeting) }
    switch entry {
    case .admitted: break
    case .late:
      machine.drain()
      return finish(with: Reply(421, EnhancedStatus(4, 3, 2), "The server is shutting down, try again"))
    case .overLimit, .refused:
      return finish(with: Reply(421, EnhancedStatus(4, 3, 2), "Too many sessions, please try again later"))
    }
    write(machine.greeting)
    flush()
    beginWait(.command)
  }

  // MARK: Inbound

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isInReadBurst = true
    guard !isLingering, startTLSReply == nil else { return }
    var buffer = unwrapInboundIn(data)
    if input.readableBytes == 0 { input = buffer } else { input.writeBuffer(&buffer) }
    if machine.isReceivingContent { beginWait(.content) }
    process()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isInReadBurst = false
    if let reply = startTLSReply { startTLS(reply) }
  }

  /// The channel asks for more octets by itself; while something is owed the wish is kept for later.
  func read(context: ChannelHandlerContext) {
    if isPaused { hasPendingRead = true } else { context.read() }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    resume()
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case let completed as TLSHandshakeCompleted: handshakeCompleted(completed)
    case is DrainEvent: drain()
    case let event as ChannelEvent where event == .inputClosed: inputClosed()
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    environment.logger.debug(
      "session error", metadata: .fields([.session: sessionID, .clientAddress: clientAddress, .reason: "\(error)"]))
    // A missing close_notify ends the input like any end; the rest of the handling follows.
    if let failure = error as? TLSFailure, failure.kind == .truncated { return }
    context.close(promise: nil)
  }

  private func handshakeCompleted(_ completed: TLSHandshakeCompleted) {
    tls = TLSFacts(version: completed.version, cipher: completed.cipher, verified: false)
    if hasGreeted {
      machine.tlsStarted()
      beginWait(.command)
    } else {
      greet()
    }
  }

  private func drain() {
    machine.drain()
    guard hasGreeted, wait != .handshake else {
      context?.close(promise: nil)
      return
    }
    endIfDrained()
  }

  /// The reply to whatever the client says next is said already, so that nobody waits for the silent ones.
  func endIfDrained() {
    guard machine.isDraining, machine.isIdle, wait == .command, input.readableBytes == 0, !isLingering else { return }
    finish(with: Reply(421, EnhancedStatus(4, 3, 2), "The server is shutting down, try again"))
  }

  /// The client has said its last word; what it is owed is still said.
  private func inputClosed() {
    inputIsClosed = true
    endIfDone()
  }

  func endIfDone() {
    guard inputIsClosed, !isPaused else { return }
    context?.close(promise: nil)
  }
}

@available(*, unavailable)
extension SubmissionHandler: Sendable {}
