internal import Admission
internal import ArgumentParser
internal import CoreMetrics
internal import DNS
internal import DeliveryWorker
internal import Foundation
internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOPosix
internal import NodeMetrics
internal import NodeStatus
internal import Observability
internal import Postgres
internal import Redis
internal import ReturnPaths
internal import SMTPClient
internal import Settings
internal import WakeHints

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Claims queued mail under a lease and delivers it.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    OpenFiles.allowAll()
    let node = Node(settings, role: "worker")
    try await node.withStatus { try await serve(node, settings, $0) }
  }

  private func serve(_ node: Node, _ settings: Settings, _ status: NodeStatus) async throws {
    let parts = try await WorkerParts(node, isolatedCommand: commandToDeliverAlone)
    let service = DeliveryWorkerService(databases: parts.databases, configuration: parts.configuration)
    for (number, database) in parts.databases.enumerated() {
      watch(service.state, service.book, number, database, status, isCritical: number == 0)
    }
    try await node.run([service], status)
    await parts.end()
    parts.node.logger.info("ended")
  }

  /// - Parameter isCritical: nothing works without it.
  private func watch(
    _ state: WorkerState, _ book: SiteBook, _ number: Int, _ database: WorkerServices, _ status: NodeStatus,
    isCritical: Bool
  ) {
    let (metrics, suffix) = (database.metrics, database.shard.map { " \($0)" } ?? "")
    status.beforeMetrics {
      metrics.leaseAge.set(state.lease(number)?.age.inSeconds ?? .nan)
      metrics.jobsInFlight.set(state.jobsInFlight(number))
      metrics.sitesDown.set(book.counts.down)
      metrics.sitesSlowed.set(book.counts.slowed)
      metrics.completionsWaiting.set(state.outcomesWaiting(number))
    }
    let level: Condition.Level = isCritical ? .failed : .degraded
    status.add("lease\(suffix)") {
      guard let lease = state.lease(number) else { return Condition(level, "no worker session: nothing is claimed") }
      let age = "the last heartbeat was \(Int(lease.age.inSeconds)) s ago"
      return Condition(lease.holds ? .ok : level, age)
    }
    status.watch(database.database, "queue\(suffix)")
    status.watch(database.heartbeats, "heartbeats\(suffix)")
  }

  /// This program again, to deliver one message in a process of its own.
  private var commandToDeliverAlone: [String] {
    let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "postrider"
    return [program, "deliver-alone"] + common.asArguments
  }
}

struct DeliverAloneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deliver-alone", abstract: "Delivers one recipient's copy in a process of its own.",
    discussion: "Workers start it for a message whose delivery has ended three of them.", shouldDisplay: false)

  @OptionGroup var common: CommonOptions
  @Option(help: "The database that has it; otherwise the only one.") var shard: String?
  @Argument(help: "The message's id.") var message: String
  @Argument(help: "The recipient's number, from 1.") var recipient: Int32
  @Argument(help: "The worker session that has the claim.") var claimant: String
  @Argument(help: "The worker session to begin.") var session: String

  func run() async throws {
    guard let id = QueueID(message), let claimant = QueueID(claimant), let session = QueueID(session) else {
      throw ValidationError("message and sessions are given by their ids")
    }
    let node = Node(try common.settingsWithLogging(), role: "worker")
    let parts = try await WorkerParts(node, isolatedCommand: nil, only: shard)
    guard let services = parts.databases.first else { throw ValidationError("there is no such shard") }
    await services.whenUsable()
    let delivery = IsolatedDelivery(services: services, configuration: parts.configuration)
    _ = try await delivery.run(
      IsolatedClaim(message: id, recipient: recipient, from: claimant, session: session))
    await parts.end()
  }
}

/// What a worker and a delivery in a process of its own have in common.
private struct WorkerParts {
  let node: Node
  /// Home first.
  let databases: [WorkerServices]
  let configuration: WorkerConfiguration
  private let connections: ConnectionPool
  private let resolver: DNSResolver
  private let hints: WakeHintListener
  private let redis: RedisClient
  /// For the list of domains whose mailboxes are here; nil: there are none.
  private let directory: PostgresPool?

  /// - Parameter only: the one database that it is about; nil: all.
  init(_ node: Node, isolatedCommand: [String]?, only: String? = nil) async throws {
    let settings = node.settings
    self.node = node
    await ProcessPriority.lower(by: settings.worker.nice)
    let master = try node.masterKey()
    let (bodies, returnPaths) = (BodyStore(master: master), ReturnPathKeys(master))
    let shards = try await node.shards(role: "worker")
    resolver = try node.resolver()
    let group = MultiThreadedEventLoopGroup.singleton
    hints = WakeHintListener(url: try node.redisURL(), group: group)
    let redis = RedisClient(url: try node.redisURL(), group: group)
    self.redis = redis
    directory = settings.mailboxes.lmtp.map { _ in
      PostgresPool(node.database(role: "worker mailboxes", statementTimeout: .seconds(3)), threads: 1)
    }
    let hosted = directory.map { HostedDomains(directory: $0, logger: node.logger) }
    let (router, connections) = (try node.router(resolver, hosted: hosted), try node.connectionPool(group))
    self.connections = connections
    let (mailLog, stream) = (MailLog(), hints.hints)
    databases = zip(shards, settings.shards).filter { only == nil || $0.0.name == only }.map { shard, setting in
      var services = WorkerServices(
        database: PostgresPool(shard.database, threads: 4),
        heartbeats: PostgresPool(
          node.queueDatabase(
            role: "worker heartbeat", shard: setting, statementTimeout: settings.worker.heartbeat), threads: 1),
        bodies: bodies, router: router, connections: connections, mailLog: mailLog, logger: shard.logger,
        hints: stream, metrics: WorkerMetrics(shard.metrics))
      services.redis = redis
      if settings.isSharded { services.shard = shard.name }
      services.returnPaths = returnPaths
      services.whenUsable = { await shard.waitUntilUsable() }
      return services
    }
    var configuration = WorkerConfiguration(node: settings.node.name, retry: node.retrySchedule())
    configuration.jobsMax = settings.worker.jobsMax
    configuration.suppressBounces = settings.suppression.bounces
    configuration.connectionsPerDestination = settings.delivery.connectionsPerDestination
    configuration.pollInterval = settings.worker.pollInterval
    configuration.heartbeat = settings.worker.heartbeat
    configuration.lease = settings.worker.lease
    configuration.shutdownTimeout = settings.shutdown.timeout
    configuration.isolatedCommand = isolatedCommand
    configuration.sites = node.siteConfiguration()
    self.configuration = configuration
  }

  func end() async {
    await hints.shutdown()
    await redis.shutdown()
    connections.shutdown()
    resolver.shutdown()
    directory?.shutdown()
    for database in databases {
      database.database.shutdown()
      database.heartbeats.shutdown()
    }
  }
}
