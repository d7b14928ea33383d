internal import CoreMetrics
internal import Foundation
internal import Logging
internal import MailQueue
internal import NodeMetrics
internal import Observability
internal import Postgres
internal import Settings

extension Settings {
  /// The home database first.
  var shards: [DatabaseShard] {
    [DatabaseShard(name: DatabaseShard.home, url: self.database.url)] + self.database.shards
  }

  var isSharded: Bool { !self.database.shards.isEmpty }
}

extension Node {
  /// The databases of a role, home first.
  ///
  /// Waits until home is there, and refuses one that this build must not use. The others may be away.
  /// - Parameter needsHome: whether the role can do nothing without it; otherwise home may be away too if there are
  ///   others.
  func shards(role: String, needsHome: Bool = false, statementTimeout: Duration = .seconds(30)) async throws -> [Shard]
  {
    let names = settings.database.shards.map(\.name)
    var shards = settings.shards.map { shard in
      Shard(
        name: shard.name, others: names,
        database: queueDatabase(role: role, shard: shard, statementTimeout: statementTimeout),
        logger: logger(of: shard))
    }
    var attempts = needsHome || !settings.isSharded ? 120 : 1
    while true {
      do {
        shards[0].isChecked = true
        let cluster = try await shards[0].look()
        for number in shards.indices { shards[number].cluster = cluster }
        return shards
      } catch {
        attempts -= 1
        guard error.kind == .connection || error.kind == .timeout else { throw unusable(error) }
        guard attempts > 0 else {
          if needsHome || !settings.isSharded { throw unusable(error) }
          shards[0].isChecked = false
          return shards
        }
        if attempts % 10 == 9 { logger.warning("waiting for the database", metadata: ["error": "\(error)"]) }
        try await Task.sleep(for: .milliseconds(500))
      }
    }
  }

  private func unusable(_ error: PostgresError) -> CommandFailure {
    CommandFailure(.unavailable, "the database cannot be used: \(error.message)")
  }

  /// Says which shard it is about, where there are several.
  func logger(of shard: DatabaseShard) -> Logger {
    var logger = logger
    if settings.isSharded { logger[metadataKey: "shard"] = "\(shard.name)" }
    return logger
  }
}

/// One of the databases of a role.
struct Shard: Sendable {
  let name: String
  /// The shards beside home.
  let others: [String]
  let database: PostgresConfiguration
  let logger: Logger
  /// It has been looked at and may be used.
  fileprivate(set) var isChecked = false
  /// What all databases of the installation have in common; nil: home could not be asked.
  fileprivate(set) var cluster: UUIDValue?

  /// With a label where there are several.
  var metrics: any MetricsFactory { ShardMetrics.factory(shard: others.isEmpty ? nil : name) }

  /// Waits until the database can be used.
  ///
  /// One that is away, or must be migrated first, keeps nobody from working with the others.
  func waitUntilUsable(_ whyNot: (String?) -> Void = { _ in }) async {
    if isChecked { return whyNot(nil) }
    var waits = 0
    while !Task.isCancelled {
      do {
        _ = try await look()
        return whyNot(nil)
      } catch {
        whyNot(error.message)
        if waits % 60 == 0 { logger.error("a shard cannot be used yet", metadata: .fields([.reason: error.message])) }
      }
      waits += 1
      try? await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Whether this build may use it, and it is the one that it should be.
  /// - Returns: what the others must have too.
  fileprivate func look() async throws(PostgresError) -> UUIDValue? {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Look, Never>) in
      // Connecting blocks.
      Thread.detachNewThread {
        continuation.resume(returning: Look { () throws(PostgresError) in try lookNow() })
      }
    }
    return try result.get()
  }

  private typealias Look = Result<UUIDValue?, PostgresError>

  private func lookNow() throws(PostgresError) -> UUIDValue? {
    let connection = try database.connect()
    try Schema.check(connection)
    if name == DatabaseShard.home { return try ShardIdentity.checkHome(others, connection) }
    try ShardIdentity.check(name, of: cluster, connection)
    return cluster
  }
}
