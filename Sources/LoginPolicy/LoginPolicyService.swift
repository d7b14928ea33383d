internal import HTTPConnections
package import Logging
package import NIOCore
internal import NIOHTTP1
internal import Observability
internal import ServiceLifecycle

/// Answers a mailbox server's questions about logins over HTTP.
///
/// It shares its ports by SO_REUSEPORT with other processes. On graceful shutdown it stops listening, ends connections that
/// wait for a question, and lets answers go out.
package final class LoginPolicyService: Service {
  private let configuration: PolicyConfiguration
  private let decisions: LoginDecisions
  private let logger: Logger
  private let listeners: SharedListeners
  private let registry = ConnectionRegistry()

  package init(
    configuration: PolicyConfiguration, decisions: LoginDecisions, group: any EventLoopGroup, logger: Logger
  ) {
    self.configuration = configuration
    self.decisions = decisions
    self.logger = logger
    listeners = SharedListeners(group: group)
  }

  /// Begins to listen.
  /// - Returns: the addresses, in the order of the configuration.
  /// - Throws: `PolicyFailure` when an address cannot be had; nothing listens then.
  @discardableResult
  package func start() async throws -> [SocketAddress] {
    for listener in configuration.listeners {
      do {
        let port = try await listeners.open(listener.address, listener.port) { [self] in try begin($0) }
        logger.info(
          "listening for questions about logins",
          metadata: .fields([.address: "\(listener.address):\(port)"]))
      } catch {
        await listeners.close()
        throw PolicyFailure(reason: "cannot listen on \(listener.address) port \(listener.port): \(error)")
      }
    }
    return listeners.addresses
  }

  /// Listens until graceful shutdown or cancellation.
  package func run() async throws {
    try? await gracefulShutdown()
    await drain()
  }

  package func drain() async {
    await listeners.close()
    registry.drain()
    // Each closes itself after its answer, or at its deadline.
    await registry.waitUntilEmpty()
  }

  private func begin(_ channel: any Channel) throws {
    guard registry.add(channel, atMost: configuration.connectionsMax) else { return channel.close(promise: nil) }
    channel.closeFuture.whenComplete { [registry] _ in registry.remove(channel) }
    let pipeline = channel.pipeline.syncOperations
    var heads = NIOHTTPDecoderLimitConfiguration()
    (heads.maxHeaderFieldSize, heads.maxHeaderListSize, heads.maxHeaderFieldCount) = (4 << 10, 8 << 10, 32)
    try pipeline.configureHTTPServerPipeline(withEncoderConfiguration: .init(), withDecoderLimitConfiguration: heads)
    try pipeline.addHandler(PolicyHandler(configuration, decisions))
  }
}
