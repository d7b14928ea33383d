package import Logging
internal import MailQueue
package import Postgres
internal import ServiceLifecycle

/// Finishes moves of tenants that died half-way, and keeps the databases of an installation in step with its directory.
///
/// One keeper at a time does it, whoever has the advisory lock (7004, 0) of the home database; two at once would do no
/// harm. It has a task of its own, for a database that is away must not cost a keeper its lead.
package struct DirectoryUpkeep: Service {
  private let interval: Duration
  private let home: PostgresPool
  private let shards: [(name: String, database: PostgresConfiguration)]
  private let logger: Logger

  /// - Parameters:
  ///   - home: one thread is enough.
  ///   - shards: all, `home` too.
  package init(
    interval: Duration, home: PostgresPool, shards: [(name: String, database: PostgresConfiguration)], logger: Logger
  ) {
    self.interval = interval
    self.home = home
    self.shards = shards
    self.logger = logger
  }

  package func run() async throws {
    var lookedAt: ContinuousClock.Instant?
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      let isDue = lookedAt.map { $0.duration(to: .now) > .seconds(60) } ?? true
      do {
        if try await round(everything: isDue), isDue { lookedAt = .now }
      } catch {
        logger.warning("the directory cannot be kept", metadata: ["error": "\(error)"])
      }
      let pause = interval * Double.random(in: 0.8...1.0)
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
  }

  /// - Returns: whether it was ours to do.
  private func round(everything: Bool) async throws -> Bool {
    try await home.run { [shards, logger] home in
      guard try home.query("SELECT pg_try_advisory_lock(7004, 0)").bool(0, 0) else { return false }
      defer { _ = try? home.query("SELECT pg_advisory_unlock(7004, 0)") }
      var work = DirectoryWork(home: home, shards: shards, logger: logger)
      work.finishMoves()
      if everything {
        work.reconcile()
        work.finishMoves()
      }
      return true
    }
  }
}

/// One round, on a thread that may block.
private struct DirectoryWork {
  let home: PostgresConnection
  let shards: [(name: String, database: PostgresConfiguration)]
  let logger: Logger
  /// Those that were needed, or why there is none.
  private var connections: [String: Result<PostgresConnection, PostgresError>] = [:]

  init(home: PostgresConnection, shards: [(name: String, database: PostgresConfiguration)], logger: Logger) {
    self.home = home
    self.shards = shards
    self.logger = logger
  }

  /// One attempt in a round: one that is away costs its time limit once.
  private mutating func connection(_ shard: String) throws(PostgresError) -> PostgresConnection {
    if let known = connections[shard] { return try known.get() }
    guard let database = shards.first(where: { $0.name == shard })?.database else {
      throw PostgresError(.server, "the shard «\(shard)» is not in database.shards")
    }
    let made = Result { () throws(PostgresError) in try database.connect() }
    connections[shard] = made
    return try made.get()
  }

  mutating func finishMoves() {
    do {
      for entry in try TenantEntry.moving(home) { finish(entry) }
    } catch {
      logger.warning("moves cannot be looked at", metadata: ["error": "\(error)"])
    }
  }

  private mutating func finish(_ entry: TenantEntry) {
    do throws(PostgresError) {
      // The closure of a move cannot change this value.
      var names = [entry.placement.shard]
      if let target = entry.placement.movingTo { names.append(target) }
      var open: [String: PostgresConnection] = [:]
      for name in names { open[name] = try connection(name) }
      let move = TenantMove(home: home) { name throws(PostgresError) in
        guard let connection = open[name] else { throw PostgresError(.busy, "the directory has changed meanwhile") }
        return connection
      }
      if let placement = try move.finish(entry.id) {
        logger.notice(
          "a tenant was moved",
          metadata: ["tenant": "\(entry.name)", "to": "\(placement.shard)", "epoch": "\(placement.epoch)"])
      }
    } catch {
      logger.warning("a move waits", metadata: ["tenant": "\(entry.name)", "error": "\(error)"])
    }
  }

  /// Compares every database with the directory.
  mutating func reconcile() {
    for shard in shards {
      do throws(PostgresError) {
        // The directory first: what changes after it has been read shows in its epochs.
        let entries = try TenantEntry.placed(home)
        let connection = try connection(shard.name)
        try reconcile(shard.name, entries, connection)
        if shard.name != Placement.home {
          try TenantCopies.copy(from: home, to: connection)
          try SuppressionCopies.copyOperators(from: home, to: connection)
        }
        try bringSuppressions(from: shard.name, connection)
      } catch {
        logger.warning("a shard cannot be compared", metadata: ["shard": "\(shard.name)", "error": "\(error)"])
      }
    }
  }

  /// What a shard has learned about addresses goes to where its tenants are. The directory is asked after the entries:
  /// for a tenant that is here then, a later move copies them. In bounded pieces; what is left waits a minute.
  private mutating func bringSuppressions(from shard: String, _ connection: PostgresConnection) throws(PostgresError) {
    var last: SuppressionCopies.Fresh?
    for _ in 0..<20 {
      let page = try SuppressionCopies.fresh(after: last, connection)
      guard let end = page.last else { return }
      last = end
      let entries = try TenantEntry.find(page.map(\.tenant), home)
      let places = Dictionary(uniqueKeysWithValues: entries.map { ($0.id, $0.placement) })
      for fresh in page {
        do throws(PostgresError) {
          if let place = places[fresh.tenant] {
            if place.movingTo != nil { continue }
            if place.shard != shard { try SuppressionCopies.add(fresh, to: self.connection(place.shard)) }
          }
          try SuppressionCopies.settle(fresh, connection)
        } catch {
          logger.warning(
            "suppressions wait to follow their tenant",
            metadata: ["shard": "\(shard)", "tenant": "\(fresh.tenant)", "error": "\(error)"])
        }
      }
    }
  }

  private func reconcile(_ shard: String, _ entries: [TenantEntry], _ connection: PostgresConnection)
    throws(PostgresError)
  {
    let gates = Dictionary(
      uniqueKeysWithValues: try TenantGate.all(entries.map(\.id), connection).map { ($0.tenant, $0) })
    for entry in entries where entry.placement.movingTo == nil {
      let gate = gates[entry.id]
      let placement = entry.placement
      if placement.shard == shard {
        guard gate.map({ !$0.isOpen || $0.epoch != placement.epoch }) ?? true else { continue }
        if try Placement.wish(entry.id, to: shard, ifStill: placement, home) {
          logger.error(
            "a database does not take the mail of a tenant that the directory says it has; it is put right",
            metadata: ["tenant": "\(entry.name)", "shard": "\(shard)"])
        }
      } else if let gate, gate.isOpen, gate.epoch < placement.epoch {
        try TenantGate.close(entry.id, at: placement.epoch, connection)
        logger.warning(
          "a database still took the mail of a tenant that has moved away; it is closed",
          metadata: ["tenant": "\(entry.name)", "shard": "\(shard)"])
      }
    }
  }
}
