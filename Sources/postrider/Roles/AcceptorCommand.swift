internal import Acceptor
internal import Admission
internal import ContentScan
internal import ArgumentParser
internal import CoreMetrics
internal import DNS
internal import Logging
internal import LoginPolicy
internal import MailQueue
internal import NIOCore
internal import NIOPosix
internal import NodeMetrics
internal import NodeStatus
internal import Observability
internal import Postgres
internal import Redis
internal import SMTPWire
internal import Settings
internal import TLS
internal import TicketKeys
internal import WakeHints

struct AcceptorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "acceptor", abstract: "Takes mail over SMTP and puts it into the queue.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    let node = Node(settings, role: "acceptor")
    var needs = StatusNeeds()
    needs.tablesOfToday = true
    try await node.withStatus(needs) { try await serve(node, settings, $0) }
  }

  private func serve(_ node: Node, _ settings: Settings, _ status: NodeStatus) async throws {
    guard let certificate = settings.smtp.certificateFile, let key = settings.smtp.keyFile else {
      throw CommandFailure(
        .configuration, "smtp.certificate_file and smtp.key_file must be set: mail is only taken over TLS")
    }
    // Beside the sessions there are spill files, connections to PostgreSQL and Redis, and the program's own.
    if OpenFiles.allowAll() < settings.smtp.sessionsMax + 500 {
      node.logger.warning("the limit of open files (ulimit -Hn) is too low for smtp.sessions_max")
    }
    var limits = MessageWriter.Limits()
    // The writer gives up before the session does, which closes the connection.
    limits.patience = settings.smtp.queueTimeout * 0.9
    let policy = try node.enqueuePolicy()
    let tls = try node.serverTLS(certificate: certificate, key: key)
    let shards = try await node.shards(role: "acceptor", needsHome: true, statementTimeout: limits.patience)

    let loginPool = PostgresPool(shards[0].database, threads: 2)
    let trusted = try await trustedClients(settings, loginPool)
    let queues = AcceptorQueues(shards, policy: policy, limits: limits)
    let threads = settings.smtp.threads
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads > 0 ? threads : System.coreCount)
    let files = NIOThreadPool(numberOfThreads: 2)
    files.start()
    // Signatures are computing only: more threads than cores would not make more of them.
    let signing = NIOThreadPool(numberOfThreads: System.coreCount)
    signing.start()
    let scanner = node.scanner(group: group, threads: files)
    let redis = RedisClient(url: try node.redisURL(), group: group)
    let queue = HintingEnqueuer(
      queues.queue(directory: loginPool),
      publisher: WakeHintPublisher(redis: redis, group: group))
    let limited = try AcceptorLimits(node, master: policy.master, group: group)
    let authenticator = CredentialAuthenticator(
      pool: loginPool,
      configuration: AuthenticatorConfiguration(
        checksMax: settings.smtp.passwordChecksMax, rememberedFor: settings.smtp.passwordCacheTime,
        requiresProof: settings.domains.proof == .required))
    let loginPolicy = try node.loginPolicy(
      LoginDecisions(logins: limited.logins, accounts: authenticator), group: group)
    let service = AcceptorService(
      configuration: acceptor(settings, certificateFiles: [certificate, key]), tls: tls,
      authenticator: GuardedAuthenticator(authenticator, logins: limited.logins),
      trusted: trusted, blocklists: try node.clientBlocklists(),
      signer: MessageSigner(keys: SigningKeys(pool: loginPool, master: policy.master), threads: signing),
      limits: limited.limiter, scanning: scanner.map { node.scanning($0, directory: loginPool) }, queue: queue,
      group: group, fileThreads: files, logger: node.logger,
      mailLog: MailLog())
    let ticketKeys = SharedTicketKeys(
      tls: tls, redis: redis, master: policy.master, rotation: settings.smtp.ticketRotation, logger: node.logger)
    await ticketKeys.begin()
    status.addCertificate(file: certificate, name: settings.smtp.hostname)
    let metrics = service.metrics
    status.beforeMetrics { metrics.sessions.set(service.sessionCount) }
    queues.watch(status)
    status.watch(loginPool, "logins")
    try await loginPolicy.begin()
    try await service.start()
    node.logger.info("ready")
    try await node.run(
      [ticketKeys, limited.limiter.sessions, queues, loginPolicy, service], status, notice: settings.shutdown.notice)
    await limited.shutdown()
    await redis.shutdown()
    queues.shutdown()
    await scanner?.shutdown()
    try? await signing.shutdownGracefully()
    loginPool.shutdown()
    node.logger.info("ended")
  }

  /// - Throws: when there is no such tenant.
  private func trustedClients(_ settings: Settings, _ pool: PostgresPool) async throws -> TrustedClients? {
    let plain = settings.smtp.plain
    guard !plain.listen.isEmpty, let tenant = plain.tenant else { return nil }
    let trusted = TrustedClients(
      tenant: tenant, networks: plain.allowNetworks.compactMap { CIDR($0) }, sendsAsAnybody: plain.senders == .any,
      requiresProof: settings.domains.proof == .required, pool: pool)
    if case .rejected = await trusted.principal() {
      throw CommandFailure(
        .configuration, "smtp.plain.tenant: there is no tenant «\(tenant)»; «postrider tenant add \(tenant)» makes it")
    }
    return trusted
  }

  private func acceptor(_ settings: Settings, certificateFiles: [String]) -> AcceptorConfiguration {
    let smtp = settings.smtp
    let implicit = smtp.implicitTLS.listen.map { listener($0, .implicitTLS) }
    let startTLS = smtp.startTLS.listen.map { listener($0, .startTLS) }
    let plain = smtp.plain.listen.map { listener($0, .plain) }
    var configuration = AcceptorConfiguration(hostName: smtp.hostname, listeners: implicit + startTLS + plain)
    configuration.limits.messageSizeMax = smtp.messageSizeMax
    configuration.limits.recipientsMax = smtp.recipientsMax
    configuration.limits.commandsWithoutMailMax = smtp.commandsWithoutMailMax
    configuration.limits.errorsMax = smtp.errorsMax
    configuration.headerSizeMax = smtp.headerSizeMax
    configuration.receivedCountMax = smtp.receivedMax
    configuration.check(smtp.messageChecks)
    configuration.showsClientAddress = smtp.receivedClientAddress == .show
    configuration.proxyNetworks = smtp.proxyProtocol.allowNetworks.compactMap { CIDR($0) }
    configuration.proxyHeaderTimeout = TimeAmount(smtp.proxyProtocol.timeout)
    configuration.commandTimeout = TimeAmount(smtp.commandTimeout)
    configuration.dataTimeout = TimeAmount(smtp.dataTimeout)
    configuration.queueTimeout = TimeAmount(smtp.queueTimeout)
    configuration.sessionTimeMax = TimeAmount(smtp.sessionTimeMax)
    configuration.sessionsMax = smtp.sessionsMax
    configuration.spillThreshold = smtp.spillThreshold
    configuration.spoolDirectory = settings.spool.directory
    configuration.shutdownTimeout = TimeAmount(settings.shutdown.timeout)
    configuration.certificateFiles = certificateFiles
    return configuration
  }

  private func listener(_ address: ListenAddress, _ kind: AcceptorConfiguration.Listener.Kind)
    -> AcceptorConfiguration.Listener
  {
    AcceptorConfiguration.Listener(address: address.host, port: address.port, kind: kind)
  }
}
