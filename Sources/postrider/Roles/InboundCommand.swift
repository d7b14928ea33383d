internal import Acceptor
internal import Admission
internal import ArgumentParser
internal import CoreMetrics
internal import DNS
internal import Inbound
internal import Logging
internal import MailQueue
internal import NIOCore
internal import NIOPosix
internal import NodeMetrics
internal import NodeStatus
internal import Observability
internal import Postgres
internal import ReturnPaths
internal import SMTPWire
internal import Settings
internal import TLS

struct InboundCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inbound",
    abstract: "Takes bounces and complaints about mail that was sent from here, and nothing else.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    let node = Node(settings, role: "inbound")
    try await node.withStatus { try await serve(node, settings, $0) }
  }

  private func serve(_ node: Node, _ settings: Settings, _ status: NodeStatus) async throws {
    guard !settings.inbound.listen.isEmpty else {
      throw CommandFailure(
        .configuration, "inbound.listen is empty: there is nowhere to listen",
        advice: "set it to the addresses that the MX of the return-path hosts leads to, such as 0.0.0.0:25")
    }
    guard let certificate = settings.smtp.certificateFile, let key = settings.smtp.keyFile else {
      throw CommandFailure(
        .configuration, "smtp.certificate_file and smtp.key_file must be set: STARTTLS is offered to other servers")
    }
    OpenFiles.allowAll()
    let enqueuePolicy = try node.enqueuePolicy()
    let tls = try node.serverTLS(certificate: certificate, key: key)
    let shards = try await node.shards(role: "inbound")
    let pools = shards.map { (name: $0.name, pool: PostgresPool($0.database, threads: 2)) }
    let intake = ReportIntake(
      keys: ReturnPathKeys(enqueuePolicy.master), databases: pools,
      policy: SuppressionPolicy(bounces: settings.suppression.bounces, complaints: settings.suppression.complaints),
      enqueuePolicy: enqueuePolicy, logger: node.logger)
    let group = MultiThreadedEventLoopGroup.singleton
    let files = NIOThreadPool(numberOfThreads: 1)
    files.start()
    let service = AcceptorService(
      configuration: listener(settings, [certificate, key], intake), tls: tls, authenticator: NoLogins(),
      queue: intake, group: group, fileThreads: files, logger: node.logger, mailLog: MailLog())
    status.addCertificate(file: certificate, name: settings.inbound.hostname)
    let metrics = service.metrics
    status.beforeMetrics { metrics.sessions.set(service.sessionCount) }
    for (name, pool) in pools { status.watch(pool, settings.isSharded ? "reports \(name)" : "reports") }
    try await service.start()
    node.logger.info("ready")
    try await node.run([service], status, notice: settings.shutdown.notice)
    for (_, pool) in pools { pool.shutdown() }
    node.logger.info("ended")
  }

  private func listener(_ settings: Settings, _ certificateFiles: [String], _ intake: ReportIntake)
    -> AcceptorConfiguration
  {
    let inbound = settings.inbound
    let listeners = inbound.listen.map {
      AcceptorConfiguration.Listener(address: $0.host, port: $0.port, kind: .inbound)
    }
    var configuration = AcceptorConfiguration(hostName: inbound.hostname, listeners: listeners)
    configuration.refusalOfInbound = { intake.refusal(of: $0) }
    configuration.limits.messageSizeMax = inbound.messageSizeMax
    // Each return path has a report of its own; a second recipient comes in a transaction of its own.
    configuration.limits.recipientsMax = 1
    // Reports are read, not passed on: what is too long for others is not for us.
    configuration.limits.lineLengthMax = inbound.messageSizeMax
    configuration.proxyNetworks = settings.smtp.proxyProtocol.allowNetworks.compactMap { CIDR($0) }
    configuration.proxyHeaderTimeout = TimeAmount(settings.smtp.proxyProtocol.timeout)
    configuration.commandTimeout = TimeAmount(inbound.commandTimeout)
    configuration.dataTimeout = TimeAmount(inbound.dataTimeout)
    configuration.queueTimeout = TimeAmount(settings.smtp.queueTimeout)
    configuration.sessionTimeMax = TimeAmount(inbound.sessionTimeMax)
    configuration.sessionsMax = inbound.sessionsMax
    configuration.sessionsPerAddressMax = inbound.sessionsPerAddressMax
    configuration.spillThreshold = settings.smtp.spillThreshold
    configuration.spoolDirectory = settings.spool.directory
    configuration.shutdownTimeout = TimeAmount(settings.shutdown.timeout)
    configuration.certificateFiles = certificateFiles
    return configuration
  }
}

/// Logins are not offered, so nobody ever asks.
private struct NoLogins: SubmissionAuthenticating {
  func rememberedStanding(of principal: Principal) -> Standing? { .disabled("nobody logs in here") }
  func standing(of principal: Principal) async -> Standing { .disabled("nobody logs in here") }
  func authenticate(username: String, password: [UInt8], clientAddress: String) async -> AuthenticationResult {
    .rejected
  }
}
