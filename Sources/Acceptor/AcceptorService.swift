package import Admission
package import Blocklists
package import Logging
package import MailQueue
package import NIOCore
package import NIOPosix
package import NodeMetrics
package import Observability
import ServiceLifecycle
package import TLS
import NIOConcurrencyHelpers

/// The acceptor role: SMTP submission (RFC 6409) on several addresses.
///
/// A message is promised (250) only after the queue has it. Whatever goes wrong costs one session and is a 4xx or
/// 5xx with its reason; a process that dies has promised nothing that it does not hold.
///
/// On graceful shutdown it stops listening, lets the transactions in hand finish, answers every other command with
/// 421, and after `shutdownTimeout` closes what is left.
package final class AcceptorService: Service {
  let environment: SessionEnvironment
  package let metrics: AcceptorMetrics
  let group: any EventLoopGroup
  private let watch: CertificateWatch
  private let listening = NIOLockedValueBox<[any Channel]>([])
  private let watching = NIOLockedValueBox<RepeatedTask?>(nil)

  /// - Parameters:
  ///   - trusted: who may use a plain listener; nil: nobody.
  ///   - blocklists: where clients are looked up; nil: nowhere.
  ///   - signer: nil: nothing is signed.
  ///   - limits: nil: nothing is counted.
  ///   - scanning: nil: nothing is scanned.
  ///   - fileThreads: started; spill files are written there.
  ///   - logger: for the role's own events; `mailLog` has one line per accepted message.
  package init(
    configuration: AcceptorConfiguration, tls: TLSContext, authenticator: any SubmissionAuthenticating,
    trusted: TrustedClients? = nil, blocklists: ClientBlocklists? = nil, signer: MessageSigner? = nil,
    limits: SubmissionLimiter? = nil, scanning: MessageScanning? = nil, queue: any MessageEnqueuing,
    group: any EventLoopGroup, fileThreads: NIOThreadPool,
    logger: Logger,
    mailLog: MailLog, metrics: AcceptorMetrics = AcceptorMetrics()
  ) {
    self.metrics = metrics
    environment = SessionEnvironment(
      configuration: configuration, tls: tls, authenticator: authenticator, trusted: trusted,
      blocklists: blocklists, signer: signer, limits: limits, scanning: scanning, queue: queue,
      fileThreads: fileThreads,
      logger: logger, mailLog: mailLog, metrics: metrics)
    watch = CertificateWatch(files: configuration.certificateFiles, tls: tls, logger: logger)
    self.group = group
  }

  /// Listens until graceful shutdown or cancellation, then drains. Cancelled while it drains, it closes what is left.
  package func run() async throws {
    if listening.withLockedValue(\.isEmpty) { try await start() }
    try? await gracefulShutdown()
    guard Task.isShuttingDownGracefully else { return await drain() }
    await withTaskCancellationHandler {
      await drain()
    } onCancel: {
      environment.registry.closeAll()
    }
  }

  /// Begins to listen.
  /// - Returns: the addresses, in the order of the configuration.
  /// - Throws: `AcceptorFailure` when an address cannot be had; nothing listens then.
  @discardableResult
  package func start() async throws -> [SocketAddress] {
    do {
      for listener in environment.configuration.listeners {
        guard let channel = try await bind(listener) else { continue }
        listening.withLockedValue { $0.append(channel) }
      }
    } catch {
      await stopListening()
      throw error
    }
    let channels = listening.withLockedValue { $0 }
    guard !channels.isEmpty else { throw AcceptorFailure(reason: "there is no address to listen on") }
    if !environment.configuration.certificateFiles.isEmpty {
      let task = watch.start(
        every: environment.configuration.certificatePollInterval, on: group.next(), threads: environment.fileThreads)
      watching.withLockedValue { $0 = task }
    }
    return channels.compactMap(\.localAddress)
  }

  /// Reads the certificate files again, whether they have changed or not (SIGHUP). Blocks for their reading.
  package func reloadCertificate() { watch.reload() }

  /// The sessions that are open now.
  package var sessionCount: Int { environment.registry.count }

  /// Stops listening and ends the sessions as described for the type.
  package func drain() async {
    watching.withLockedValue { $0?.cancel() }
    await stopListening()
    let registry = environment.registry
    registry.drain()
    let limit = Duration.nanoseconds(environment.configuration.shutdownTimeout.nanoseconds)
    // Not bound to the caller's cancellation: a cancelled role drains all the same.
    let timer = Task.detached {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { registry.closeAll() }
    }
    await registry.waitUntilEmpty()
    timer.cancel()
  }

  private func stopListening() async {
    let channels = listening.withLockedValue { channels in
      defer { channels = [] }
      return channels
    }
    for channel in channels { try? await channel.close() }
  }
}

/// Why an acceptor could not begin.
package struct AcceptorFailure: Error, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }
}
