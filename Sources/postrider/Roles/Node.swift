internal import Admission
internal import Cryptography
internal import DNS
internal import DeliveryWorker
internal import Foundation
internal import Logging
internal import MailQueue
internal import NIOCore
internal import NIOPosix
internal import Observability
internal import Postgres
internal import Redis
internal import RetryPolicy
internal import Routing
internal import SMTPClient
internal import Settings
internal import TLS

/// The parts that roles are put together from, made from the settings.
struct Node {
  let settings: Settings
  /// The role's.
  let name: String
  let logger: Logger

  init(_ settings: Settings, role: String) {
    self.settings = settings
    name = role
    var logger = Logger(label: "postrider.\(role)")
    logger[metadataKey: "node"] = "\(settings.node.name)"
    self.logger = logger
  }

  // MARK: Database

  /// - Parameter shard: nil is home.
  func database(role: String, shard: DatabaseShard? = nil, statementTimeout: Duration = .seconds(30))
    -> PostgresConfiguration
  {
    // The role itself sees to what a 250 promises, whatever the server's defaults are.
    var configuration = PostgresConfiguration(
      url: shard?.url ?? settings.database.url, role: "postrider \(role)", connectTimeout: .seconds(3),
      statementTimeout: statementTimeout,
      preamble: [
        "SET synchronous_commit = on", "SET statement_timeout = '60s'",
        "SET idle_in_transaction_session_timeout = '60s'",
      ])
    configuration.report = { [logger = shard.map(logger(of:)) ?? logger] event in
      switch event {
      case .commitsWaitForStandby:
        logger.critical(
          "commits wait for a synchronous standby that does not answer: clients get 451, outcomes wait",
          metadata: .fields([.alarm: "synchronous_standby_missing"]))
      case .commitsNoLongerWait: logger.notice("commits no longer wait for a standby")
      case .serverChanged(let server):
        logger.notice("connected to another database server", metadata: .fields([.address: server]))
      }
    }
    return configuration
  }

  /// The same for a role that works on the queue.
  func queueDatabase(role: String, shard: DatabaseShard? = nil, statementTimeout: Duration = .seconds(30))
    -> PostgresConfiguration
  {
    var configuration = database(role: role, shard: shard, statementTimeout: statementTimeout)
    configuration.preamble += PlannerSettings.preamble + [Schema.durabilityPreamble]
    return configuration
  }

  /// Redis only decides how fast: a role starts without it.
  func redisURL() throws -> RedisURL {
    guard let url = try? RedisURL(settings.redis.url) else {
      throw CommandFailure(.configuration, "redis.url is not understood")
    }
    return url
  }

  func masterKey() throws -> MasterKey {
    do {
      return try MasterKey.load(file: settings.keys.masterFile)
    } catch {
      throw CommandFailure(
        .configuration, "the master key of keys.master_file cannot be used: \(error.reason)",
        advice: "restore it, mode 0600 and owned by the node's user; only a new installation may make a new one "
          + "(a line «id:64 hexadecimal digits»)")
    }
  }

  /// - Parameter others: for clients that ask for other names.
  func serverTLS(certificate: String, key: String, others: CertificateDirectory? = nil) throws -> TLSContext {
    do {
      return try TLSContext.server(
        certificateFile: certificate, keyFile: key, others: others, ticketLifetime: settings.smtp.ticketRotation * 2)
    } catch {
      throw CommandFailure(
        .configuration, error.reason,
        advice: "smtp.certificate_file needs the PEM chain, smtp.key_file its key; both readable by the node's user")
    }
  }

  func enqueuePolicy() throws -> EnqueuePolicy {
    EnqueuePolicy(
      retryPeriod: settings.retry.period, master: try masterKey(),
      retention: Retention(body: settings.retention.body, bounced: settings.retention.bounced),
      delayNotice: settings.notices.delayAfter)
  }

  // MARK: Delivery

  func resolver() throws -> DNSResolver {
    try DNSResolver(
      DNSConfiguration(
        servers: settings.dns.servers, timeout: settings.dns.timeout,
        trustAnchorFile: settings.dns.trustAnchorFile))
  }

  /// - Parameter hosted: nil where no mailboxes are kept.
  func router(_ resolver: DNSResolver, hosted: HostedDomains? = nil) throws -> Router {
    let delivery = settings.delivery
    let names = [settings.node.name, delivery.hostname, settings.smtp.hostname]
    var configuration = RoutingConfiguration(
      port: delivery.port, tls: TLSRequirement(delivery.tls),
      allowedNetworks: delivery.allowNetworks.compactMap { CIDR($0) }, ourNames: names,
      overrides: try delivery.routes.map { try RouteOverride($0) })
    if let hosted, let server = settings.mailboxes.lmtp {
      configuration.mailboxes = MailboxHost(
        host: server.host, port: server.port, tls: TLSRequirement(settings.mailboxes.tls),
        isHosted: { await hosted.contains($0) }, confirms: { await hosted.confirms($0) })
    }
    return Router(resolver: resolver, configuration: configuration)
  }

  func connectionPool(_ group: any EventLoopGroup) throws -> ConnectionPool {
    let delivery = settings.delivery
    var configuration = ClientConfiguration(heloName: delivery.hostname)
    configuration.connectionsPerDestination = delivery.connectionsPerDestination
    configuration.messagesPerConnection = delivery.messagesPerConnection
    configuration.connectionIdleTime = delivery.connectionIdleTime
    configuration.connectionAgeMax = delivery.connectionAgeMax
    let limits = delivery.timeout
    configuration.timeouts.connect = limits.connect
    configuration.timeouts.greeting = limits.greeting
    configuration.timeouts.hello = limits.hello
    configuration.timeouts.tls = limits.tls
    configuration.timeouts.login = limits.login
    configuration.timeouts.mail = limits.mail
    configuration.timeouts.recipient = limits.recipient
    configuration.timeouts.data = limits.data
    configuration.timeouts.block = limits.block
    configuration.timeouts.finalDot = limits.finalDot
    configuration.timeouts.reset = limits.reset
    configuration.timeouts.quit = limits.quit
    return ConnectionPool(
      group: group, tls: try TLSContext.client(trustedCertificatesFile: delivery.caFile),
      configuration: configuration)
  }

  func retrySchedule() -> RetrySchedule {
    let retry = settings.retry
    let waits = retry.waits
    return RetrySchedule(
      first: retry.first, factor: retry.factor, max: retry.max, jitter: retry.jitter,
      waits: [
        .greylist: waits.greylist, .mailboxFull: waits.mailboxFull, .blocklist: waits.blocklist,
        .rateLimit: waits.rateLimit, .network: waits.network, .dns: waits.dns, .tls: waits.tls,
        .system: waits.system, .login: waits.login, .local: waits.local,
      ])
  }

  func siteConfiguration() -> SiteConfiguration {
    let (slowdown, probe) = (settings.retry.slowdown, settings.retry.probe)
    var sites = SiteConfiguration()
    sites.source = settings.delivery.publicAddress ?? SiteConfiguration.publicAddress()
    sites.names = SiteNames(families: settings.delivery.siteFamilies)
    sites.slowdown = SlowdownPolicy(
      pause: slowdown.pause, blocklistPause: slowdown.blocklistPause, pauseMax: slowdown.pauseMax,
      recovery: slowdown.recovery, normalMin: Double(slowdown.normalMin))
    sites.probes = ProbeWaits(first: probe.first, max: probe.max, jitter: settings.retry.jitter)
    sites.downAfter = probe.after
    return sites
  }
}

extension TLSRequirement {
  init(_ setting: DeliveryTLS) {
    switch setting {
    case .none: self = .none
    case .opportunistic: self = .opportunistic
    case .required: self = .verified
    }
  }
}

extension RouteOverride {
  init(_ route: DeliveryRoute) throws {
    var login: RouteLogin?
    if let user = route.user, let file = route.passwordFile {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      login = RouteLogin(user: user, password: text.trimmingCharacters(in: .newlines))
    }
    self.init(
      domain: route.domain, host: route.host, port: route.port, tls: TLSRequirement(route.tls), login: login)
  }
}
