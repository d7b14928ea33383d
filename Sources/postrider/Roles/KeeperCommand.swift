internal import ArgumentParser
internal import Foundation
internal import Keeper
internal import Logging
internal import MailQueue
internal import NodeMetrics
internal import NodeStatus
internal import Postgres
internal import ServiceLifecycle
internal import Settings

struct KeeperCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keeper",
    abstract: "Upkeep: ends dead sessions, expires mail, queues notices, makes partitions. One leads at a time.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    let node = Node(settings, role: "keeper")
    try await node.withStatus { try await serve(node, settings, $0) }
  }

  private func serve(_ node: Node, _ settings: Settings, _ status: NodeStatus) async throws {
    let policy = try node.enqueuePolicy()
    let shards = try await node.shards(role: "keeper")
    let name = "\(settings.node.name)/\(ProcessInfo.processInfo.processIdentifier)/\(UInt32.random(in: 0...UInt32.max))"
    var configuration = KeeperConfiguration(name: name, nodeName: settings.node.name, policy: policy)
    configuration.interval = settings.keeper.interval
    configuration.patience = max(settings.keeper.interval * 3, .seconds(5))
    configuration.recordDays = Int32(clamping: (settings.retention.records.components.seconds + 86_399) / 86_400)
    configuration.rewriteInterval = settings.retention.rewriteInterval
    configuration.partitionsAhead = Int32(settings.keeper.partitionsAhead)
    configuration.notices.language = settings.notices.language
    configuration.notices.wholeSizeMax = settings.notices.returnMax
    if settings.status.listen != nil { configuration.queueInterval = settings.status.queueInterval }
    var services: [any Service] = []
    var pools: [PostgresPool] = []
    for shard in shards {
      let pool = PostgresPool(shard.database, threads: 2)
      pools.append(pool)
      services.append(
        KeeperService(
          configuration: configuration, database: pool, bodies: BodyStore(master: policy.master), logger: shard.logger,
          metrics: KeeperMetrics(shard.metrics), queue: QueueMetrics(shard.metrics),
          whenUsable: { await shard.waitUntilUsable() }))
      status.watch(pool, settings.isSharded ? "duties \(shard.name)" : "duties")
    }
    if settings.isSharded {
      let directory = PostgresPool(shards[0].database, threads: 1)
      pools.append(directory)
      services.append(
        DirectoryUpkeep(
          interval: settings.keeper.interval, home: directory, shards: shards.map { ($0.name, $0.database) },
          logger: node.logger))
    }
    let domains = PostgresPool(shards[0].database, threads: 1)
    pools.append(domains)
    services.append(
      DomainUpkeep(
        interval: settings.keeper.interval, checkInterval: settings.domains.checkInterval,
        wishes: settings.recordWishes,
        home: domains, logger: node.logger, whenUsable: { [shards] in await shards[0].waitUntilUsable() },
        makeResolver: { try node.resolver() }))
    if let listings = try node.ownListings() { services.append(listings) }
    try await node.run(services, status)
    for pool in pools { pool.shutdown() }
    node.logger.info("ended")
  }
}
