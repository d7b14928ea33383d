package import Cryptography
internal import DNS
internal import HTTPConnections
package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOHTTP1
package import NIOPosix
package import NodeMetrics
internal import Observability
internal import ServiceLifecycle
package import TLS

/// The discovery role: answers mail programs over HTTP, plain and with TLS.
///
/// It keeps nothing and asks nobody: any number of such processes may run, and share their ports by SO_REUSEPORT. On graceful
/// shutdown it stops listening, ends connections that wait for a request, and lets answers that are under way go out.
package final class DiscoveryService: Service {
  private let environment: DiscoveryEnvironment
  private let tls: TLSContext?
  private let watch: CertificateWatch?
  private let group: any EventLoopGroup
  private let listeners: SharedListeners
  private let watching = NIOLockedValueBox<RepeatedTask?>(nil)

  /// - Parameters:
  ///   - tls: for the listeners that want it; its files are read again when they change, those of `certificates` too.
  ///   - signer: nil: profiles go out unsigned.
  ///   - threads: started; profiles are signed there.
  package init(
    configuration: DiscoveryConfiguration, services: MailServices, tls: TLSContext?, certificateFiles: [String] = [],
    certificates: CertificateDirectory? = nil, signer: ContentSigner?, group: any EventLoopGroup,
    threads: NIOThreadPool, logger: Logger,
    metrics: DiscoveryMetrics = DiscoveryMetrics()
  ) {
    environment = DiscoveryEnvironment(
      configuration: configuration, answers: Answers(services), signer: signer,
      bounds: ClientBounds(
        connectionsMax: configuration.connectionsMax, perClientMax: configuration.connectionsPerClientMax,
        requestsMax: configuration.requestsMax), registry: ConnectionRegistry(), threads: threads, logger: logger,
      metrics: metrics)
    self.tls = tls
    self.group = group
    listeners = SharedListeners(group: group)
    watch = tls.map { CertificateWatch(files: certificateFiles, directory: certificates, tls: $0, logger: logger) }
  }

  /// Begins to listen.
  /// - Returns: the addresses, in the order of the configuration.
  /// - Throws: `DiscoveryFailure` when an address cannot be had; nothing listens then.
  @discardableResult
  package func start() async throws -> [SocketAddress] {
    do {
      for listener in environment.configuration.listeners { try await open(listener) }
    } catch {
      await listeners.close()
      throw error
    }
    let task = watch?.start(every: .seconds(10), on: group.next(), threads: environment.threads)
    watching.withLockedValue { $0 = task }
    return listeners.addresses
  }

  /// Listens until graceful shutdown or cancellation, then drains. Cancelled while it drains, it closes what is left.
  package func run() async throws {
    if listeners.isEmpty { try await start() }
    try? await gracefulShutdown()
    guard Task.isShuttingDownGracefully else { return await drain() }
    await withTaskCancellationHandler {
      await drain()
    } onCancel: {
      environment.registry.closeAll()
    }
  }

  package func drain() async {
    watching.withLockedValue { $0?.cancel() }
    await listeners.close()
    let registry = environment.registry
    registry.drain()
    let limit = Duration.nanoseconds(environment.configuration.shutdownTimeout.nanoseconds)
    let timer = Task.detached {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { registry.closeAll() }
    }
    await registry.waitUntilEmpty()
    timer.cancel()
  }
}

// MARK: Listening

extension DiscoveryService {
  private func open(_ listener: DiscoveryConfiguration.Listener) async throws {
    do {
      let tls = listener.isSecure ? tls : nil
      let port = try await listeners.open(listener.address, listener.port) { [environment] channel in
        try Self.begin(channel, tls, environment)
      }
      environment.logger.info(
        "listening",
        metadata: .fields([.address: "\(listener.address):\(port)", .tls: listener.isSecure ? "yes" : "no"]))
    } catch {
      throw DiscoveryFailure(reason: "cannot listen on \(listener.address) port \(listener.port): \(error)")
    }
  }

  private static func begin(_ channel: any Channel, _ tls: TLSContext?, _ environment: DiscoveryEnvironment) throws {
    let peer = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
    let isProxy = peer.map { peer in environment.configuration.proxies.contains { $0.contains(peer) } } ?? true
    let counted = isProxy ? nil : peer
    guard environment.bounds.enter(counted) else { return channel.close(promise: nil) }
    let (bounds, registry) = (environment.bounds, environment.registry)
    let mayGoOn = registry.add(channel)
    channel.closeFuture.whenComplete { _ in
      bounds.leave(counted)
      registry.remove(channel)
    }
    guard mayGoOn else { return channel.close(promise: nil) }
    let pipeline = channel.pipeline.syncOperations
    if let tls { try pipeline.addHandler(TLSHandler(server: tls)) }
    var heads = NIOHTTPDecoderLimitConfiguration()
    (heads.maxHeaderFieldSize, heads.maxHeaderListSize, heads.maxHeaderFieldCount) = (8 << 10, 16 << 10, 64)
    try pipeline.configureHTTPServerPipeline(withEncoderConfiguration: .init(), withDecoderLimitConfiguration: heads)
    try pipeline.addHandler(DiscoveryHandler(environment, isSecure: tls != nil))
  }
}
