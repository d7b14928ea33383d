internal import Cryptography
internal import DNS
internal import HTTPConnections
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NodeMetrics
internal import Observability

/// What all connections share.
struct DiscoveryEnvironment: Sendable {
  let configuration: DiscoveryConfiguration
  let answers: Answers
  /// nil: profiles go out unsigned.
  let signer: ContentSigner?
  let bounds: ClientBounds
  let registry: ConnectionRegistry
  let threads: NIOThreadPool
  let logger: Logger
  let metrics: DiscoveryMetrics
}

/// One connection of HTTP/1.1: reads a request within its bounds, answers it, waits for the next.
final class DiscoveryHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private static let requestsMax = 100

  private let environment: DiscoveryEnvironment
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var deadline: Scheduled<Void>?
  private var answered = 0
  private var isDraining = false
  /// The request has been refused before its end: the rest of it is not looked at.
  private var isDeaf = false

  /// Without TLS, where the client could have had it.
  private let isInClear: Bool

  init(_ environment: DiscoveryEnvironment, isSecure: Bool) {
    self.environment = environment
    isInClear = !isSecure && environment.configuration.listeners.contains(where: \.isSecure)
  }

  func handlerAdded(context: ChannelHandlerContext) { restartDeadline(context) }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDeaf else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
    case .body(let part):
      guard body.count + part.readableBytes <= environment.configuration.requestSizeMax else {
        isDeaf = true
        return write(.refusal(413, "too large"), context, isLast: true)
      }
      body += part.readableBytesView
    case .end: answer(context)
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

  /// Handshakes that fail, connections that break: theirs to know.
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  // MARK: Answers

  private func answer(_ context: ChannelHandlerContext) {
    guard let head else { return }
    let client = client(head, context)
    guard client.map({ environment.bounds.mayAsk($0) }) ?? true else {
      environment.metrics.answered(.limited)
      var answer = DiscoveryAnswer.refusal(429, "too many requests; try again in a minute")
      answer.fields["Retry-After"] = "60"
      return write(answer, context)
    }
    let answer = environment.answers.answer(
      DiscoveryRequest(
        Self.method(head), head.uri, host: Self.host(head), body: body, isInClear: isInClear && !isFromProxy(context)))
    environment.metrics.answered(DiscoveryMetrics.Kind(answer.kind))
    guard answer.wantsSignature, let signer = environment.signer else { return write(answer, context) }
    let content = answer.body
    let signed = environment.threads.runIfActive(eventLoop: context.eventLoop) { try signer.sign(content) }
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    signed.whenComplete { result in
      let (handler, context) = bound.value
      var answer = answer
      switch result {
      case .success(let octets): answer.body = octets
      case .failure(let error):
        handler.environment.logger.error("a profile could not be signed", metadata: .fields([.reason: "\(error)"]))
        answer = .refusal(503, "it cannot be signed now")
      }
      handler.write(answer, context)
    }
  }

  private func write(_ answer: DiscoveryAnswer, _ context: ChannelHandlerContext, isLast: Bool = false) {
    guard context.channel.isActive, let head else { return }
    answered += 1
    let goesOn = head.mayBeFollowed && !isLast && !isDraining && answered < Self.requestsMax
    var fields = HTTPHeaders()
    fields.add(name: "Content-Type", value: answer.type)
    fields.add(name: "Content-Length", value: "\(answer.body.count)")
    // What is told today may not be so tomorrow, and much of it has an address in it.
    fields.add(name: "Cache-Control", value: "no-store")
    fields.add(name: "X-Content-Type-Options", value: "nosniff")
    for (name, value) in answer.fields.sorted(by: { $0.key < $1.key }) { fields.add(name: name, value: value) }
    if !goesOn { fields.add(name: "Connection", value: "close") }
    let response = HTTPResponseHead(
      version: head.version, status: HTTPResponseStatus(statusCode: answer.status), headers: fields)
    context.write(wrapOutboundOut(.head(response)), promise: nil)
    if head.method != .HEAD {
      context.write(
        wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: answer.body)))), promise: nil)
    }
    self.head = nil
    body = []
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      let (handler, context) = bound.value
      // Closed at once, what a client still sends would cost it the answer: it has until the deadline to read that.
      guard goesOn else { return context.close(mode: handler.isDeaf ? .output : .all, promise: nil) }
      handler.restartDeadline(context)
    }
  }

  private func restartDeadline(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: environment.configuration.requestTimeout) {
      channel.close(promise: nil)
    }
  }

  // MARK: Requests

  private static func method(_ head: HTTPRequestHead) -> DiscoveryRequest.Method {
    switch head.method {
    case .GET, .HEAD: .get
    case .POST: .post
    default: .other
    }
  }

  private static func host(_ head: HTTPRequestHead) -> String? {
    guard let host = head.headers.first(name: "Host"), !host.hasPrefix("[") else { return nil }
    return host.split(separator: ":", omittingEmptySubsequences: false).first.map { $0.lowercased() }
  }

  /// The peer, or whom a load balancer says that it is there for: the last one that is no load balancer itself. nil: a
  /// load balancer that does not say so; it is not to answer for all its clients.
  private func client(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> IPAddress? {
    let proxies = environment.configuration.proxies
    var client = peer(context)
    for name in head.headers[canonicalForm: "X-Forwarded-For"].reversed() {
      guard proxies.contains(where: { $0.contains(client) }), let told = Self.address(String(name)) else { break }
      client = told
    }
    return proxies.contains { $0.contains(client) } ? nil : client
  }

  private func peer(_ context: ChannelHandlerContext) -> IPAddress {
    context.remoteAddress?.ipAddress.flatMap { IPAddress($0) } ?? IPAddress(v4: 0)
  }

  private func isFromProxy(_ context: ChannelHandlerContext) -> Bool {
    let peer = peer(context)
    return environment.configuration.proxies.contains { $0.contains(peer) }
  }

  /// Some load balancers write the port too: `192.0.2.1:51234`, `[2001:db8::1]:51234`.
  private static func address(_ text: String) -> IPAddress? {
    if let address = IPAddress(text) { return address }
    if text.hasPrefix("[") { return IPAddress(String(text.dropFirst().prefix { $0 != "]" })) }
    return IPAddress(String(text.prefix { $0 != ":" }))
  }
}

@available(*, unavailable)
extension DiscoveryHandler: Sendable {}

extension HTTPRequestHead {
  /// After these the decoder reads no more requests, and would keep whatever comes.
  fileprivate var mayBeFollowed: Bool { isKeepAlive && method != .CONNECT && !headers.contains(name: "Upgrade") }
}

extension DiscoveryMetrics.Kind {
  init(_ kind: DiscoveryAnswer.Kind) {
    switch kind {
    case .autoconfig: self = .autoconfig
    case .autodiscover: self = .autodiscover
    case .profile: self = .profile
    case .refused: self = .refused
    }
  }
}
