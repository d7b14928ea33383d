import Foundation
import NIOCore
import TLS

/// What all sessions of a sink share.
struct SinkFacts: Sendable {
  let script: SinkScript
  let rules: RuleBook
  let capture: Capture
  let tls: TLSContext?
  let files: NIOThreadPoolBox
  let report: @Sendable (String) -> Void
}

/// One connection to the sink: a plain reading of RFC 5321, independent of the node's own parser on purpose.
final class SinkSession: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Mode { case command, data, chunk(Int, isLast: Bool), login(LoginStep), deaf }

  let facts: SinkFacts
  let number: Int
  var host = HostProfile(name: "sink.example")
  var localAddress = ""
  var input = ByteBuffer()
  var mode = Mode.command
  /// A reply is being delayed or a message is being stored: what is in `input` waits.
  var isBusy = false
  /// Bytes that belong to a handshake, not to us.
  var isUpgrading = false
  /// What every message of this session has in common.
  var identity = CapturedEnvelope()
  var transaction: CapturedEnvelope?
  var body: [UInt8] = []
  var transactions = 0
  var delivered = 0

  init(facts: SinkFacts, number: Int) {
    self.facts = facts
    self.number = number
  }

  func channelActive(context: ChannelHandlerContext) {
    localAddress = context.channel.localAddress?.ipAddress ?? ""
    let port = context.channel.localAddress?.port ?? 0
    host = facts.script.host(address: localAddress, port: port)
    identity.session = number
    identity.peer = Self.text(context.channel.remoteAddress)
    identity.local = Self.text(context.channel.localAddress)
    identity.host = host.name
    identity.openedAt = Date().timeIntervalSince1970
    greet(context)
    context.fireChannelActive()
  }

  private static func text(_ address: SocketAddress?) -> String {
    "\(address?.ipAddress ?? "?"):\(address?.port ?? 0)"
  }

  private func greet(_ context: ChannelHandlerContext) {
    answer(context, .connect, [localAddress], "220 \(host.name) ESMTP sink") { _ in }
    work(context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if case .deaf = mode { return }
    input.writeBuffer(&bytes)
    work(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let done = event as? TLSHandshakeCompleted {
      isUpgrading = false
      identity.tls = CapturedEnvelope.TLS(
        version: done.version, cipher: done.cipher, serverName: done.serverName, resumed: done.resumed)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if var transaction { note(&transaction, reply: nil) }
    let entry = SessionNote(
      session: number, peer: identity.peer, local: identity.local, openedAt: identity.openedAt,
      closedAt: Date().timeIntervalSince1970, transactions: transactions, delivered: delivered,
      tls: identity.tls != nil)
    facts.capture.note(entry)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    facts.report("session \(number) from \(identity.peer): \(error)")
    context.close(promise: nil)
  }

  /// Takes from the input what is complete, one thing after the other.
  func work(_ context: ChannelHandlerContext) {
    while !isBusy, context.channel.isActive {
      switch mode {
      case .deaf:
        return
      case .command, .login:
        guard let line = takeLine() else { return }
        if case .login(let step) = mode { login(context, step, line) } else { command(context, line) }
      case .data:
        guard takeData(context) else { return }
      case .chunk(let missing, let isLast):
        guard takeChunk(context, missing, isLast: isLast) else { return }
      }
    }
  }

  private func takeLine() -> String? {
    let view = input.readableBytesView
    guard let end = view.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    var line = Array(view[view.startIndex..<end])
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    input.moveReaderIndex(forwardBy: view.distance(from: view.startIndex, to: end) + 1)
    return String(decoding: line, as: UTF8.self)
  }

  /// Sends a reply as the script wants it, or the given one.
  /// - Parameter next: gets the code that was sent, 0 when there was none.
  func answer(
    _ context: ChannelHandlerContext, _ stage: SinkStage, _ subjects: [String], _ usual: String,
    next: @escaping (Int) -> Void
  ) {
    let rule = facts.rules.take(stage, subjects: subjects, listen: localAddress)
    let text = rule?.raw ?? (rule?.silent == true ? "" : SinkReply.wire(rule?.reply ?? usual))
    let code = Int(text.prefix(3)) ?? 0
    let bound = NIOLoopBound((self, context, next), eventLoop: context.eventLoop)
    let then = rule?.then ?? .goOn
    guard let delay = rule?.delay, delay > .zero else { return say(context, text, code, then, next) }
    isBusy = true
    context.eventLoop.scheduleTask(in: TimeAmount(delay)) {
      let (session, context, next) = bound.value
      session.isBusy = false
      guard context.channel.isActive else { return }
      session.say(context, text, code, then, next)
      session.work(context)
    }
  }

  func say(
    _ context: ChannelHandlerContext, _ text: String, _ code: Int, _ then: Aftermath, _ next: (Int) -> Void
  ) {
    if !text.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: octets(of: text))), promise: nil) }
    next(code)
    switch then {
    case .goOn: break
    case .drop: context.close(promise: nil)
    case .reset:
      // Linger zero makes the kernel send RST in place of FIN.
      _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
      context.close(promise: nil)
    case .hang: mode = .deaf
    case .garbage:
      mode = .deaf
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "\u{1}nonsense\u{2}\r\n\u{3}")), promise: nil)
    }
  }
}

/// Replies as text.
enum SinkReply {
  /// `250 one\ntwo` becomes `250-one CRLF 250 two CRLF`.
  static func wire(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let code = text.prefix(3)
    return lines.enumerated().map { index, line in
      let words = index == 0 ? line.dropFirst(4) : line.hasPrefix(code) ? line.dropFirst(4) : line
      return "\(code)\(index == lines.count - 1 ? " " : "-")\(words)\r\n"
    }.joined()
  }
}
