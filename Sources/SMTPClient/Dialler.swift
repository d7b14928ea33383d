internal import DNS
internal import MailModel
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Routing
internal import SMTPWire
internal import TLS

/// Makes connections.
struct Dialler: Sendable {
  let group: any EventLoopGroup
  let configuration: ClientConfiguration
  let tlsContext: TLSContext

  enum Outcome: Sendable {
    case connected(ClientConnection)
    case failed(ClientSetupFailure, RemoteHost)
  }

  /// Dials one address and sets the connection up; a failed TLS handshake is tried once more in clear if that is
  /// allowed (RFC 7435 §3).
  func dial(_ address: IPAddress, of host: RouteHost) async -> Outcome {
    let first = await dialOnce(address, of: host, encryption: encryption(of: host))
    guard case .failed(let failure, _) = first, failure.mayRetryInClear, !Task.isCancelled else { return first }
    return await dialOnce(address, of: host, encryption: .never)
  }

  /// What is there of a connection that is being made.
  private struct Opened: Sendable {
    var isCancelled = false
    var channel: (any Channel)?
    var handler: NIOLoopBound<ClientHandler>?
  }

  private func encryption(of host: RouteHost) -> ClientPolicy.Encryption {
    if host.implicitTLS { return .implicit }
    return switch host.tls {
    case .none: .never
    case .opportunistic: .whenOffered
    case .required, .verified: .always
    }
  }

  private func dialOnce(
    _ address: IPAddress, of host: RouteHost, encryption: ClientPolicy.Encryption
  ) async -> Outcome {
    var remote = RemoteHost(name: host.name, address: address.description, port: host.port)
    remote.keepsMailboxes = host.transfer == .lmtp
    let eventLoop = group.next()
    let setUp = eventLoop.makePromise(of: ClientHandler.SetUp.self)
    let opened = NIOLockedValueBox(Opened())
    let connecting = connect(address, host, on: eventLoop) { channel in
      let handler = makeHandler(host, encryption) { setUp.succeed($0) }
      try channel.pipeline.syncOperations.addHandler(handler)
      let bound = NIOLoopBound(handler, eventLoop: eventLoop)
      let isCancelled = opened.withLockedValue { opened in
        (opened.channel, opened.handler) = (channel, bound)
        return opened.isCancelled
      }
      if isCancelled { throw CancellationError() }
    }
    // When the connection is refused the handler goes with its channel and says so itself; this comes first and
    // has the better reason, or second and is ignored.
    connecting.whenFailure { error in
      let result = AttemptResult.failed(connectFailure(error), .connect)
      let failure = ClientSetupFailure(result: result, mayTryNextHost: true, mayRetryInClear: false)
      setUp.succeed(.failed(failure, nil))
    }
    let outcome = await withTaskCancellationHandler {
      try? await setUp.futureResult.get()
    } onCancel: {
      let handler = opened.withLockedValue { opened in
        opened.isCancelled = true
        return opened.handler
      }
      if let handler { eventLoop.execute { handler.value.cancel() } }
    }
    remote.ourAddress = opened.withLockedValue { $0.channel?.localAddress?.ipAddress }
    switch outcome {
    case .ready(let capabilities, let facts):
      let parts = opened.withLockedValue { $0 }
      guard let channel = parts.channel, let handler = parts.handler else { break }
      remote.tls = facts
      remote.offersDSN = capabilities.dsn
      return .connected(
        ClientConnection(
          remote: remote, address: address, capabilities: capabilities, channel: channel, handler: handler))
    case .failed(let failure, let facts):
      remote.tls = facts
      return .failed(failure, remote)
    case nil: break
    }
    let result = AttemptResult.failed(.system("the connection was lost track of"), .connect)
    return .failed(ClientSetupFailure(result: result, mayTryNextHost: true, mayRetryInClear: false), remote)
  }

  private func connect(
    _ address: IPAddress, _ host: RouteHost, on eventLoop: any EventLoop,
    initialize: @escaping @Sendable (any Channel) throws -> Void
  ) -> EventLoopFuture<any Channel> {
    do {
      let target = try SocketAddress(ipAddress: address.description, port: host.port)
      return ClientBootstrap(group: eventLoop)
        .connectTimeout(TimeAmount(configuration.timeouts.connect))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try initialize(channel) } }
        .connect(to: target)
    } catch {
      return eventLoop.makeFailedFuture(error)
    }
  }

  private func makeHandler(
    _ host: RouteHost, _ encryption: ClientPolicy.Encryption,
    setUpDone: @escaping @Sendable (ClientHandler.SetUp) -> Void
  ) -> ClientHandler {
    let login = host.login.map { ClientLogin(user: $0.user, password: $0.password) }
    // A literal's certificate would have to show the address itself.
    let isLiteral = host.name.hasPrefix("[")
    let policy = ClientPolicy(
      heloName: configuration.heloName, encryption: encryption, login: login,
      recipientsMax: configuration.recipientsPerTransaction, transfer: host.transfer)
    return ClientHandler(
      policy: policy, timeouts: configuration.timeouts, idleTime: configuration.connectionIdleTime,
      tls: .init(
        context: tlsContext, serverName: isLiteral ? host.addresses.first?.description : host.name,
        verification: host.tls == .verified ? .required : .none),
      setUpDone: setUpDone)
  }
}

private func connectFailure(_ error: any Error) -> LocalFailure {
  if case .some(.connectTimeout) = error as? ChannelError { return .timeout("connecting") }
  return .connection(describe(error))
}
