internal import CoreMetrics
internal import MailQueue
internal import NIOCore
internal import NIOPosix
internal import NodeMetrics
internal import NodeStatus
internal import Postgres
internal import Settings

extension Node {
  /// Runs a role, and beside it, from its first moment to its last, what tells about it over HTTP.
  ///
  /// Call it first thing: metrics that were made before are not collected.
  /// - Parameter touchesData: whether the role has to do with PostgreSQL and Redis at all.
  func withStatus(
    _ needs: StatusNeeds = StatusNeeds(), touchesData: Bool = true,
    _ role: @escaping @Sendable (NodeStatus) async throws -> Void
  ) async throws {
    guard let address = settings.status.listen else { return try await role(NodeStatus()) }
    let registry = PrometheusRegistry()
    MetricsSystem.bootstrap(registry)
    let databases = (touchesData ? settings.shards : []).map { shard in
      var database = database(role: "\(name) status", shard: shard, statementTimeout: .seconds(2))
      database.connectTimeout = .seconds(2)
      return (shard: settings.isSharded ? shard.name : nil, database: database)
    }
    let status = NodeStatus(
      databases: databases, redis: touchesData ? try redisURL() : nil, needs: needs, registry: registry,
      metrics: ProcessMetrics(role: name, version: Postrider.version, schema: Schema.newest),
      group: MultiThreadedEventLoopGroup.singleton)
    let server = StatusServer(status, host: address.host, port: address.port, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await server.run()
        } catch is CancellationError {
          // The role has failed.
        } catch {
          throw CommandFailure(
            .configuration, "status.listen: cannot listen on \(address): \(error)",
            advice: "each process needs an address of its own")
        }
      }
      // A role that cannot be watched does not begin: nothing has to be ended for it.
      group.addTask { if await server.isListening() { try await role(status) } }
      // The server ends by itself only with an error; so this is the role.
      try await group.next()
      await server.stop()
      try await group.waitForAll()
    }
    await status.shutdown()
  }
}
