internal import Admission
internal import MailQueue
internal import NodeMetrics
internal import NodeStatus
internal import Postgres
internal import ServiceLifecycle

/// Where an acceptor puts messages: a writer for each database.
///
/// As a service it lets mail into further databases as soon as each has been looked at.
struct AcceptorQueues: Service {
  private struct Part: Sendable {
    let shard: Shard
    let pool: PostgresPool
    let queue: UncheckedQueue
  }

  private let parts: [Part]
  private let single: MessageWriter?

  init(_ shards: [Shard], policy: EnqueuePolicy, limits: MessageWriter.Limits) {
    var writers: [MessageWriter] = []
    parts = shards.map { shard in
      let pool = PostgresPool(shard.database, threads: 4)
      let writer = MessageWriter(
        pool: pool, policy: policy, limits: limits, metrics: EnqueueMetrics(shard.metrics))
      writers.append(writer)
      return Part(
        shard: shard, pool: pool,
        queue: UncheckedQueue(writer, until: shard.isChecked ? nil : "its database has not been looked at yet"))
    }
    single = writers.count == 1 ? writers[0] : nil
  }

  /// - Parameter directory: of the home database. Nobody asks it where there is one database only.
  func queue(directory: PostgresPool) -> any MessageEnqueuing {
    if let single { return single }
    return ShardedQueue(
      placements: Placements(directory: directory),
      shards: Dictionary(uniqueKeysWithValues: parts.map { ($0.shard.name, $0.queue) }))
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        for part in parts { group.addTask { await part.shard.waitUntilUsable { part.queue.set($0) } } }
      }
    }
    try? await gracefulShutdown()
  }

  func watch(_ status: NodeStatus) {
    for part in parts { status.watch(part.pool, single == nil ? "queue \(part.shard.name)" : "queue") }
  }

  func shutdown() {
    for part in parts { part.pool.shutdown() }
  }
}
