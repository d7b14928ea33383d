package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Observability
internal import ServiceLifecycle

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Answers a mailbox server's questions about logins over HTTP.
///
/// It shares its ports by SO_REUSEPORT with other processes. On graceful shutdown it stops listening, ends connections that
/// wait for a question, and lets answers go out.
package final class LoginPolicyService: Service {
  private struct State {
    var listening: [any Channel] = []
    var connections: [ObjectIdentifier: any Channel] = [:]
    var isDraining = false
  }

  private let configuration: PolicyConfiguration
  private let decisions: LoginDecisions
  private let group: any EventLoopGroup
  private let logger: Logger
  private let state = NIOLockedValueBox(State())

  package init(
    configuration: PolicyConfiguration, decisions: LoginDecisions, group: any EventLoopGroup, logger: Logger
  ) {
    self.configuration = configuration
    self.decisions = decisions
    self.group = group
    self.logger = logger
  }

  /// Begins to listen.
  /// - Returns: the addresses, in the order of the configuration.
  /// - Throws: `PolicyFailure` when an address cannot be had; nothing listens then.
  @discardableResult
  package func start() async throws -> [SocketAddress] {
    for listener in configuration.listeners {
      do {
        let address = try SocketAddress(ipAddress: listener.address, port: listener.port)
        let channel = try await bootstrap.bind(to: address).get()
        state.withLockedValue { $0.listening.append(channel) }
        logger.info(
          "listening for questions about logins",
          metadata: .fields([.address: "\(listener.address):\(channel.localAddress?.port ?? 0)"]))
      } catch {
        await stopListening()
        throw PolicyFailure(reason: "cannot listen on \(listener.address) port \(listener.port): \(error)")
      }
    }
    return state.withLockedValue { $0.listening.compactMap(\.localAddress) }
  }

  /// Listens until graceful shutdown or cancellation.
  package func run() async throws {
    try? await gracefulShutdown()
    await drain()
  }

  package func drain() async {
    state.withLockedValue { $0.isDraining = true }
    await stopListening()
    let channels = state.withLockedValue { Array($0.connections.values) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(PolicyDrain()) }
    // Each closes itself after its answer, or at its deadline.
    for channel in channels { try? await channel.closeFuture.get() }
  }

  private func stopListening() async {
    let channels = state.withLockedValue { state in
      defer { state.listening = [] }
      return state.listening
    }
    for channel in channels { try? await channel.close() }
  }

  private var bootstrap: ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_REUSEPORT)), value: 1
      )
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture { try begin(channel) }
      }
  }

  private func begin(_ channel: any Channel) throws {
    let isTaken = state.withLockedValue { state in
      guard state.connections.count < configuration.connectionsMax, !state.isDraining else { return false }
      state.connections[ObjectIdentifier(channel)] = channel
      return true
    }
    guard isTaken else { return channel.close(promise: nil) }
    channel.closeFuture.whenComplete { [self] _ in
      state.withLockedValue { $0.connections[ObjectIdentifier(channel)] = nil }
    }
    let pipeline = channel.pipeline.syncOperations
    var heads = NIOHTTPDecoderLimitConfiguration()
    (heads.maxHeaderFieldSize, heads.maxHeaderListSize, heads.maxHeaderFieldCount) = (4 << 10, 8 << 10, 32)
    try pipeline.configureHTTPServerPipeline(withEncoderConfiguration: .init(), withDecoderLimitConfiguration: heads)
    try pipeline.addHandler(PolicyHandler(configuration, decisions))
  }
}
