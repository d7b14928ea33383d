internal import ArgumentParser
internal import DNS
internal import DeliveryWorker
internal import Foundation
internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOPosix
internal import Observability
internal import Postgres
internal import Redis
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
    let parts = try await WorkerParts(settings, isolatedCommand: commandToDeliverAlone)
    try await parts.node.run([
      DeliveryWorkerService(services: parts.services, configuration: parts.configuration)
    ])
    await parts.end()
    parts.node.logger.info("ended")
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
  @Argument(help: "The message's id.") var message: String
  @Argument(help: "The recipient's number, from 1.") var recipient: Int32
  @Argument(help: "The worker session that has the claim.") var claimant: String
  @Argument(help: "The worker session to begin.") var session: String

  func run() async throws {
    guard let id = QueueID(message), let claimant = QueueID(claimant), let session = QueueID(session) else {
      throw ValidationError("message and sessions are given by their ids")
    }
    let parts = try await WorkerParts(try common.settingsWithLogging(), isolatedCommand: nil)
    let delivery = IsolatedDelivery(services: parts.services, configuration: parts.configuration)
    _ = try await delivery.run(
      IsolatedClaim(message: id, recipient: recipient, from: claimant, session: session))
    await parts.end()
  }
}

/// What a worker and a delivery in a process of its own have in common.
private struct WorkerParts {
  let node: Node
  let services: WorkerServices
  let configuration: WorkerConfiguration
  private let resolver: DNSResolver
  private let hints: WakeHintListener

  init(_ settings: Settings, isolatedCommand: [String]?) async throws {
    node = Node(settings, role: "worker")
    ProcessPriority.lower(by: settings.worker.nice)
    let database = node.queueDatabase(role: "worker")
    let bodies = BodyStore(master: try node.masterKey())
    try await node.checkDatabase(database)
    resolver = try node.resolver()
    let group = MultiThreadedEventLoopGroup.singleton
    hints = WakeHintListener(url: try node.redisURL(), group: group)
    services = WorkerServices(
      database: PostgresPool(database, threads: 4),
      heartbeats: PostgresPool(
        node.queueDatabase(role: "worker heartbeat", statementTimeout: settings.worker.heartbeat), threads: 1),
      bodies: bodies, router: try node.router(resolver), connections: try node.connectionPool(group),
      mailLog: MailLog(), logger: node.logger, hints: hints.hints)
    var configuration = WorkerConfiguration(node: settings.node.name, retry: node.retrySchedule())
    configuration.jobsMax = settings.worker.jobsMax
    configuration.connectionsPerDestination = settings.delivery.connectionsPerDestination
    configuration.pollInterval = settings.worker.pollInterval
    configuration.heartbeat = settings.worker.heartbeat
    configuration.lease = settings.worker.lease
    configuration.shutdownTimeout = settings.shutdown.timeout
    configuration.isolatedCommand = isolatedCommand
    self.configuration = configuration
  }

  func end() async {
    await hints.shutdown()
    services.connections.shutdown()
    resolver.shutdown()
    services.database.shutdown()
    services.heartbeats.shutdown()
  }
}
