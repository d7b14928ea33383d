internal import Acceptor
internal import Admission
internal import ArgumentParser
internal import DNS
internal import Logging
internal import MailQueue
internal import NIOCore
internal import NIOPosix
internal import Observability
internal import Postgres
internal import Redis
internal import SMTPWire
internal import Settings
internal import TLS
internal import WakeHints

struct AcceptorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "acceptor", abstract: "Takes mail over SMTP and puts it into the queue.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    let node = Node(settings, role: "acceptor")
    guard let certificate = settings.smtp.certificateFile, let key = settings.smtp.keyFile else {
      throw CommandFailure(
        .configuration, "smtp.certificate_file and smtp.key_file must be set: mail is only taken over TLS")
    }
    let database = node.database(role: "acceptor")
    let policy = try node.enqueuePolicy()
    let tls = try node.serverTLS(certificate: certificate, key: key)
    try await node.checkDatabase(database)

    let loginPool = PostgresPool(database, threads: 2)
    let trusted = try await trustedClients(settings.smtp.plain, loginPool)
    let queuePool = PostgresPool(database, threads: 4)
    let threads = settings.smtp.threads
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads > 0 ? threads : System.coreCount)
    let files = NIOThreadPool(numberOfThreads: 2)
    files.start()
    let redis = RedisClient(url: try node.redisURL(), group: group)
    let queue = HintingEnqueuer(
      MessageWriter(pool: queuePool, policy: policy), publisher: WakeHintPublisher(redis: redis, group: group))
    let service = AcceptorService(
      configuration: acceptor(settings, certificateFiles: [certificate, key]), tls: tls,
      authenticator: CredentialAuthenticator(
        pool: loginPool,
        configuration: AuthenticatorConfiguration(
          checksMax: settings.smtp.passwordChecksMax, rememberedFor: settings.smtp.passwordCacheTime)),
      trusted: trusted, queue: queue, group: group, fileThreads: files, logger: node.logger,
      mailLog: MailLog())
    try await service.start()
    node.logger.info("ready")
    try await node.run([service])
    await redis.shutdown()
    queuePool.shutdown()
    loginPool.shutdown()
    node.logger.info("ended")
  }

  /// - Throws: when there is no such tenant.
  private func trustedClients(_ plain: SettingGroup<PlainSection>, _ pool: PostgresPool) async throws -> TrustedClients? {
    guard !plain.listen.isEmpty, let tenant = plain.tenant else { return nil }
    let trusted = TrustedClients(tenant: tenant, networks: plain.allowNetworks.compactMap { CIDR($0) }, pool: pool)
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
    configuration.showsClientAddress = smtp.receivedClientAddress == .show
    configuration.commandTimeout = TimeAmount(smtp.commandTimeout)
    configuration.dataTimeout = TimeAmount(smtp.dataTimeout)
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
