internal import Admission
internal import Foundation
internal import MailModel
internal import MailQueue
internal import Observability
internal import Postgres
internal import Settings

/// The databases as a command works with them: home is connected, the others when they are asked for.
final class OperatorShards {
  let home: PostgresConnection
  /// Home first.
  let names: [String]
  private let settings: Settings
  private let role: String
  private var connections: [String: PostgresConnection] = [:]

  init(_ settings: Settings, role: String, home: PostgresConnection) {
    self.settings = settings
    self.role = role
    self.home = home
    names = settings.shards.map(\.name)
    connections[Placement.home] = home
  }

  var isSharded: Bool { names.count > 1 }

  func connection(_ name: String) throws(PostgresError) -> PostgresConnection {
    if let known = connections[name], known.isOpen { return known }
    guard let shard = settings.shards.first(where: { $0.name == name }) else {
      throw PostgresError(.server, "the shard «\(name)» is not in database.shards")
    }
    let connection = try Node(settings, role: role).database(role: role, shard: shard).connect()
    try Schema.check(connection)
    connections[name] = connection
    return connection
  }

  func require(_ shard: String) throws {
    guard !names.contains(shard) else { return }
    throw CommandFailure(
      .usage, "there is no shard «\(shard)»; there are \(names.joined(separator: ", "))",
      advice: "database.shards names them; `postrider migrate` makes a new one known")
  }

  /// - Throws: with the word that a keeper will go on.
  func finishMove(of tenant: Int64, _ name: String, leavingSource: Bool = false) throws -> Placement {
    let move = TenantMove(home: home) { shard throws(PostgresError) in try self.connection(shard) }
    do {
      if let placement = try move.finish(tenant, leavingSource: leavingSource) { return placement }
    } catch {
      throw CommandFailure(
        .temporary, "the move of tenant \(name) is noted but not finished: \(error.message)",
        advice: "a keeper goes on as soon as it can; `postrider tenant list` shows it; the same command again tries now"
      )
    }
    throw CommandFailure(.notFound, "there is no tenant \(name)")
  }

  /// Tells the other databases what the directory says about a tenant. Those that are away hear of it from a keeper.
  func copy(_ name: String) throws {
    guard isSharded, let entry = try TenantEntry.find(name: name, home) else { return }
    copyChoices(of: entry.id)
  }

  /// The same by the tenant's number; 0: the texts for all tenants.
  func copyChoices(of tenant: Int64) {
    for shard in names.dropFirst() {
      guard let connection = try? connection(shard) else { continue }
      try? TenantCopies.copy(tenant, from: home, to: connection)
    }
  }
}

extension CommonOptions {
  /// As `withDatabase`, for what may concern several of them.
  func withShards<T>(_ role: String, _ body: (OperatorShards) throws -> T) throws -> T {
    let settings = try settings()
    return try withDatabase(role) { try body(OperatorShards(settings, role: role, home: $0)) }
  }
}

/// What several databases said to one question.
struct ShardAnswers<Answer> {
  /// `shard` is nil where there is one database only.
  var found: [(shard: String?, answer: Answer)]
  /// Those that could not be reached, and why.
  var missing: [(shard: String, reason: String)] = []

  /// Tells people what is not in what they see.
  func warn() {
    for (shard, reason) in missing {
      let text = "postrider: shard \(shard) cannot be reached, its mail is left out: \(escaped(reason))\n"
      FileHandle.standardError.write(Data(text.utf8))
    }
  }
}

extension CommonOptions {
  /// Asks every database. One that is away leaves the others to be asked; if all are, or the only one is, that is an
  /// error.
  func withEachShard<T>(_ role: String, _ body: (PostgresConnection) throws -> T) throws -> ShardAnswers<T> {
    let settings = try settings()
    guard settings.isSharded else { return ShardAnswers(found: [(nil, try withDatabase(role, body))]) }
    var answers = ShardAnswers<T>(found: [])
    for shard in settings.shards {
      do {
        let connection = try Node(settings, role: role).database(role: role, shard: shard).connect()
        try requireSchema(connection)
        answers.found.append((shard.name, try body(connection)))
      } catch let error as PostgresError where error.kind == .connection || error.kind == .timeout {
        answers.missing.append((shard.name, error.message))
      } catch let error as PostgresError {
        throw CommandFailure(error)
      }
    }
    if answers.found.isEmpty, let (_, reason) = answers.missing.first {
      throw CommandFailure(PostgresError(.connection, reason))
    }
    return answers
  }

  /// Finds a message in whichever database has it.
  func withMessage<T>(_ role: String, _ id: QueueID, _ body: (MessageTrace, PostgresConnection) throws -> T) throws -> T
  {
    let answers = try withEachShard(role) { connection -> T? in
      guard let trace = try MessageTrace.find(id, connection) else { return nil }
      return try body(trace, connection)
    }
    if let answer = answers.found.lazy.compactMap(\.answer).first { return answer }
    if let (shard, reason) = answers.missing.first {
      throw CommandFailure(
        .unavailable, "message \(id) is in no database that can be reached; \(shard) cannot: \(reason)")
    }
    throw CommandFailure(
      .notFound, "there is no message \(id)", advice: "it was never accepted here, or its day has been dropped since")
  }
}
