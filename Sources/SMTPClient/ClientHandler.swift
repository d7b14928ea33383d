internal import MailModel
internal import NIOCore
internal import SMTPWire
internal import TLS

/// Drives `ClientDialogue` on a channel: bytes in, actions out, one timer.
///
/// Everything in here happens on the channel's event loop. A transaction whose content is in memory runs from
/// `begin` to its result without leaving it.
final class ClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What the set-up came to.
  enum SetUp: Sendable {
    case ready(ClientCapabilities, TLSFacts?)
    case failed(ClientSetupFailure, TLSFacts?)
  }

  /// What a running transaction tells its task.
  enum RunEvent: Sendable {
    /// The server waits for the content, which has to be read.
    case contentWanted
    case finished(ClientTransactionResult, isUsable: Bool)
  }

  /// A transaction under way.
  struct Run {
    let content: ByteBuffer?
    let mayStart: @Sendable () -> Bool
    /// nil while nobody waits.
    var notify: (@Sendable (RunEvent) -> Void)?
    var result: ClientTransactionResult?
  }

  struct TLSParameters {
    let context: TLSContext
    let serverName: String?
    let verification: TLSVerification
  }

  var dialogue: ClientDialogue
  let timeouts: ClientTimeouts
  let idleTime: Duration
  let tls: TLSParameters
  var setUpDone: (@Sendable (SetUp) -> Void)?
  var run: Run?
  var context: ChannelHandlerContext?
  private var wasActive = false
  private var parser = ReplyParser()
  private var tlsFacts: TLSFacts?
  private var deadline = NIODeadline.distantFuture
  private var timer: Scheduled<Void>?
  private var timerDeadline = NIODeadline.distantFuture

  init(
    policy: ClientPolicy, timeouts: ClientTimeouts, idleTime: Duration, tls: TLSParameters,
    setUpDone: @escaping @Sendable (SetUp) -> Void
  ) {
    dialogue = ClientDialogue(policy: policy)
    self.timeouts = timeouts
    self.idleTime = idleTime
    self.tls = tls
    self.setUpDone = setUpDone
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    connectionLost(.connection("the connection was closed"))
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    wasActive = true
    if dialogue.policy.encryption == .implicit { addTLS() }
    armTimer()
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !dialogue.isClosed else { return }
    parser.append(unwrapInboundIn(data).readableBytesView)
    do throws(ReplyFault) {
      while !dialogue.isClosed, let reply = try parser.next() { perform(dialogue.receive(reply)) }
    } catch {
      connectionLost(.protocolViolation(error.explanation))
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let handshake = event as? TLSHandshakeCompleted {
      tlsFacts = TLSFacts(version: handshake.version, cipher: handshake.cipher, verified: handshake.verified)
      perform(dialogue.tlsEstablished(verified: handshake.verified))
    } else if case .some(.inputClosed) = event as? ChannelEvent {
      connectionLost(.connection("the server closed the connection"))
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let failure = error as? TLSFailure {
      connectionLost(tlsFacts == nil ? .tls(failure.reason) : .connection("TLS: \(failure.reason)"))
    } else {
      connectionLost(.connection(describe(error)))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    connectionLost(.connection("the server closed the connection"))
    context.fireChannelInactive()
  }

  // MARK: Actions

  func perform(_ action: ClientAction) {
    switch action {
    case .wait: armTimer()
    case .send(let bytes): send(bytes)
    case .startTLS:
      // RFC 3207 §6: what came with the 220 was not said under TLS, whoever said it.
      guard parser.isEmpty else { return connectionLost(.protocolViolation("bytes in clear after STARTTLS")) }
      addTLS()
      armTimer()
    case .ready:
      // Not idle: whoever asked for the connection is about to use it.
      armTimer(.seconds(60))
      report(.ready(dialogue.capabilities, tlsFacts))
    case .sendContent: contentWanted()
    case .finished(let result): finish(result)
    case .failed(let failure):
      report(.failed(failure, tlsFacts))
      close()
    case .close: close()
    }
  }

  func connectionLost(_ failure: LocalFailure) {
    guard !dialogue.isClosed else { return close() }
    perform(dialogue.lost(failure))
  }

  func close() {
    deadline = .distantFuture
    context?.close(promise: nil)
  }

  private func send(_ bytes: [UInt8]) {
    guard let context else { return }
    if dialogue.wait == .data, let run, !run.mayStart() {
      return perform(dialogue.abandon(.notTried("the claim on this message has ended")))
    }
    armTimer()
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
  }

  private func addTLS() {
    guard let context else { return }
    let handler = TLSHandler(client: tls.context, serverName: tls.serverName, verification: tls.verification)
    do {
      try context.pipeline.syncOperations.addHandler(handler, position: .first)
    } catch {
      connectionLost(.tls("TLS could not be started"))
    }
  }

  private func report(_ outcome: SetUp) {
    // Why a connection could not even be opened, whoever dials knows better.
    guard wasActive else { return }
    setUpDone?(outcome)
    setUpDone = nil
  }

  // MARK: Time

  /// Sets the limit for what is due now. One timer runs; it is moved only when it fires.
  func armTimer(_ limit: Duration? = nil) {
    deadline = .now() + TimeAmount(limit ?? self.limit(for: dialogue.wait))
    if timer == nil || deadline < timerDeadline { schedule() }
  }

  private func schedule() {
    guard let context else { return }
    timer?.cancel()
    timerDeadline = deadline
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
  }

  private func timerFired() {
    timer = nil
    guard deadline != .distantFuture, !dialogue.isClosed else { return }
    guard deadline <= .now() else { return schedule() }
    switch dialogue.wait {
    case .idle where dialogue.isReady: send(dialogue.quit())
    case .idle: return
    case .quit: close()
    case let wait: connectionLost(.timeout(wait.name))
    }
  }

  private func limit(for wait: ClientWait) -> Duration {
    switch wait {
    case .greeting: timeouts.greeting
    case .hello: timeouts.hello
    case .startTLS: timeouts.tls
    case .login: timeouts.login
    case .mail: timeouts.mail
    case .recipient: timeouts.recipient
    case .data: timeouts.data
    case .content: timeouts.block
    case .finalDot: timeouts.finalDot
    case .reset: timeouts.reset
    case .quit: timeouts.quit
    case .idle: idleTime
    }
  }
}

@available(*, unavailable)
extension ClientHandler: Sendable {}

/// A short text for an error of the network.
func describe(_ error: any Error) -> String {
  switch error {
  case let error as IOError: error.description
  case let error as ChannelError:
    if case .connectTimeout = error { "no answer in time" } else { "\(error)" }
  default: "\(error)"
  }
}
