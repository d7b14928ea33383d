internal import NIOCore
internal import NIOPosix

/// Where a link goes next.
///
/// `@unchecked Sendable`: used on the link's event loop only.
final class MasterLocator: @unchecked Sendable {
  private let url: RedisURL
  private let configuration: RedisConfiguration
  private let eventLoop: any EventLoop
  /// Whom to ask, or where to go, first.
  private var first = 0
  private var announced: RedisURL.Endpoint?
  /// Where the master was when we last found it.
  private var known: RedisURL.Endpoint?

  init(_ url: RedisURL, configuration: RedisConfiguration, eventLoop: any EventLoop) {
    self.url = url
    self.configuration = configuration
    self.eventLoop = eventLoop
  }

  /// How long all of it may take, to the end of the greeting.
  var limit: Duration {
    if case .sentinel(let sentinels, _) = url.endpoint {
      configuration.connectTimeout * (sentinels.count + 1)
    } else {
      configuration.connectTimeout
    }
  }

  func locate() -> EventLoopFuture<RedisURL.Endpoint> {
    switch url.endpoint {
    case .tcp, .unix: return eventLoop.makeSucceededFuture(url.endpoint)
    case .anyOf(let servers): return eventLoop.makeSucceededFuture(servers[first % servers.count])
    case .sentinel(let sentinels, let master):
      if let announced {
        self.announced = nil
        return eventLoop.makeSucceededFuture(announced)
      }
      return ask(sentinels, master, left: sentinels.count)
    }
  }

  /// A Sentinel has said, unasked, where the master is now.
  func announce(_ endpoint: RedisURL.Endpoint) { announced = endpoint }

  func succeeded(at endpoint: RedisURL.Endpoint) { known = endpoint }

  /// What `locate` said was of no use: the next Sentinel may know better.
  func failed() { first += 1 }

  /// One after the other; when none answers, the master may still be where it was.
  private func ask(_ sentinels: [RedisURL.Endpoint], _ master: String, left: Int) -> EventLoopFuture<RedisURL.Endpoint>
  {
    SentinelQuestion.ask(
      sentinels[first % sentinels.count], master, url: url, configuration: configuration, eventLoop: eventLoop
    ).flatMapError { error in
      self.first += 1
      if left > 1 { return self.ask(sentinels, master, left: left - 1) }
      if let known = self.known { return self.eventLoop.makeSucceededFuture(known) }
      return self.eventLoop.makeFailedFuture(error)
    }
  }
}

/// One question to one Sentinel over a connection of its own.
private final class SentinelQuestion: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  static func ask(
    _ sentinel: RedisURL.Endpoint, _ master: String, url: RedisURL, configuration: RedisConfiguration,
    eventLoop: any EventLoop
  ) -> EventLoopFuture<RedisURL.Endpoint> {
    let answer = eventLoop.makePromise(of: RedisURL.Endpoint.self)
    let limit = configuration.connectTimeout
    let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) {
      answer.fail(RedisError.notConnected("\(sentinel) did not answer within \(limit)"))
    }
    let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(TimeAmount(limit)).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(
          SentinelQuestion(master, login: url.sentinelLogin, configuration, answer))
      }
    }
    bootstrap.connect(to: sentinel).whenComplete { result in
      switch result {
      case .success(let channel): answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
      case .failure(let error): answer.fail(RedisError.notConnected(describe(error)))
      }
    }
    answer.futureResult.whenComplete { _ in timer.cancel() }
    return answer.futureResult
  }

  private let master: String
  private let login: RedisURL.Login?
  private let reader: ReplyReader
  private let answer: EventLoopPromise<RedisURL.Endpoint>
  private var awaitsLogin: Bool

  private init(
    _ master: String, login: RedisURL.Login?, _ configuration: RedisConfiguration,
    _ answer: EventLoopPromise<RedisURL.Endpoint>
  ) {
    self.master = master
    self.login = login
    self.answer = answer
    reader = ReplyReader(limits: configuration.replyLimits)
    awaitsLogin = login != nil
  }

  func channelActive(context: ChannelHandlerContext) {
    do throws(RedisError) {
      if let login { context.write(NIOAny(try format(["AUTH"] + login.arguments, sizeMax: 1 << 16)), promise: nil) }
      let question: [RedisArgument] = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", RedisArgument(master)]
      context.writeAndFlush(NIOAny(try format(question, sizeMax: 1 << 16)), promise: nil)
    } catch {
      answer.fail(error)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do throws(RedisError) {
      let buffer = unwrapInboundIn(data)
      let taken = buffer.withUnsafeReadableBytes { bytes in Result { () throws(RedisError) in try reader.feed(bytes) } }
      try taken.get()
      while let value = try reader.next() { try accept(value) }
    } catch {
      answer.fail(error)
    }
  }

  private func accept(_ value: RedisValue) throws(RedisError) {
    if case .refusal(let refusal) = value {
      // The words could repeat the password.
      throw awaitsLogin ? .authentication("the Sentinel says \(refusal.code)") : .refused(refusal)
    }
    if awaitsLogin {
      awaitsLogin = false
      return
    }
    guard let parts = value.elements, parts.count == 2, let host = parts[0].text, !host.isEmpty,
      let port = parts[1].text.flatMap({ UInt16($0) })
    else { throw .notConnected("the Sentinel knows no master of this name") }
    answer.succeed(.tcp(host: host, port: Int(port)))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.fail(RedisError.connectionLost("\(error)"))
  }

  func channelInactive(context: ChannelHandlerContext) {
    answer.fail(RedisError.connectionLost("the Sentinel closed it"))
  }
}

extension ClientBootstrap {
  /// Not for an endpoint that has to be found first.
  func connect(to endpoint: RedisURL.Endpoint) -> EventLoopFuture<any Channel> {
    switch endpoint {
    case .tcp(let host, let port):
      channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
    case .unix(let path): connect(unixDomainSocketPath: path)
    case .anyOf(let servers), .sentinel(let servers, _): connect(to: servers[0])
    }
  }
}

/// In the words of the system, without the structure around them.
func describe(_ error: any Error) -> String {
  if let error = error as? RedisError { return error.description }
  guard let failure = error as? NIOConnectionError else { return "\(error)" }
  let cause = failure.connectionErrors.first?.error ?? failure.dnsAError ?? failure.dnsAAAAError
  return "\(failure.host):\(failure.port): \(cause.map { "\($0)" } ?? "no address")"
}
