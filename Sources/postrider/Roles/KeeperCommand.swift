internal import ArgumentParser
internal import Foundation
internal import Keeper
internal import Logging
internal import MailQueue
internal import Postgres
internal import Settings

struct KeeperCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keeper",
    abstract: "Upkeep: ends dead sessions, expires mail, queues notices, makes partitions. One leads at a time.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    let node = Node(settings, role: "keeper")
    let database = node.queueDatabase(role: "keeper")
    let policy = try node.enqueuePolicy()
    try await node.checkDatabase(database)
    let pool = PostgresPool(database, threads: 2)
    let name = "\(settings.node.name)/\(ProcessInfo.processInfo.processIdentifier)/\(UInt32.random(in: 0...UInt32.max))"
    var configuration = KeeperConfiguration(name: name, nodeName: settings.node.name, policy: policy)
    configuration.interval = settings.keeper.interval
    configuration.patience = max(settings.keeper.interval * 3, .seconds(5))
    configuration.retentionDays = Int32(settings.keeper.retentionDays)
    configuration.partitionsAhead = Int32(settings.keeper.partitionsAhead)
    try await node.run([
      KeeperService(
        configuration: configuration, database: pool, bodies: BodyStore(master: policy.master), logger: node.logger)
    ])
    pool.shutdown()
    node.logger.info("ended")
  }
}
