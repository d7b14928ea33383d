internal import Foundation
internal import MailQueue
internal import Postgres
internal import Settings

/// The database, and what it tells about workers, keepers and clocks.
struct DatabaseChecks {
  let settings: Settings
  private let shard: DatabaseShard

  /// Every database, home first.
  static func all(_ settings: Settings) -> [Finding] {
    settings.shards.flatMap { shard in
      DatabaseChecks(settings: settings, shard: shard).run().map {
        $0.about(shard: settings.isSharded ? shard.name : nil)
      }
    }
  }

  private func run() -> [Finding] {
    let connection: PostgresConnection
    let start = ContinuousClock.now
    do throws(PostgresError) {
      connection = try Node(settings, role: "doctor").database(role: "doctor", shard: shard).connect()
    } catch {
      return [
        .failed(
          "database", "cannot be reached: \(error.message)",
          advice: "start PostgreSQL or mend database.url; until then clients get 451 and nothing is delivered")
      ]
    }
    let connectTime = ContinuousClock.now - start
    var findings = checked("database") { try reachable(connection, connectTime: connectTime) }
    guard findings.status != .failed else { return findings }
    findings += checked("clock") { [try clock(connection)] }
    let fit = (try? Schema.fit(connection)) ?? .none
    findings.append(
      fit.isUsable ? .ok("schema", fit.description) : .failed("schema", fit.description, advice: fit.advice))
    guard fit.isUsable else { return findings }
    findings += checked("purpose") { try installation(connection) }
    if settings.isSharded { findings += checked("shard") { try identity(connection) } }
    findings += checked("workers") { [try workers(connection)] }
    findings += checked("keeper") { [try keeper(connection)] }
    findings += checked("roles") { try RightsChecks.run(connection) }
    findings += checked("retention") { [try retention(connection)] }
    if shard.name == DatabaseShard.home {
      findings += checked("domains") { try DomainFindings(settings: settings).look(connection) }
    }
    return findings
  }

  private func checked(_ check: String, _ body: () throws -> [Finding]) -> [Finding] {
    do {
      return try body()
    } catch {
      return [.failed(check, "\(error)", advice: "see PostgreSQL's log")]
    }
  }

  private func reachable(_ connection: PostgresConnection, connectTime: Duration) throws -> [Finding] {
    let server = try DatabaseHealth.server(connection)
    let latency = try latency(connection)
    let what =
      "PostgreSQL \(server.version), connected in \(connectTime.precise), answers in \(latency.precise), "
      + "\(server.connections) of \(server.connectionsMax) connections"
    var findings: [Finding] = []
    if latency > .milliseconds(20) {
      findings.append(
        .warning(
          "database", what + ": slow", advice: "every acceptance and every outcome waits for it; bring it closer"))
    } else if server.connections * 10 > server.connectionsMax * 8 {
      findings.append(
        .warning("database", what + ": nearly used up", advice: "raise max_connections or run fewer processes"))
    } else {
      findings.append(.ok("database", what))
    }
    return findings + [durability(server)] + upkeep(server)
  }

  /// The middle one of five.
  private func latency(_ connection: PostgresConnection) throws -> Duration {
    let times = try (0..<5).map { _ in
      try ContinuousClock().measure { _ = try connection.query("SELECT 1") }
    }
    return times.sorted()[2]
  }

  private func durability(_ server: DatabaseHealth.Server) -> Finding {
    let off = ["fsync", "full_page_writes"].filter { server.settings[$0] != "on" }
    if server.isStandby {
      return .failed(
        "durability", "this server is a standby: nothing can be written", advice: "point database.url to the primary")
    }
    guard off.isEmpty else {
      return .failed(
        "durability", "\(off.joined(separator: " and ")) off: a 250 would be no promise, and no role starts",
        advice: "set them on in postgresql.conf and restart PostgreSQL")
    }
    let standbys = server.settings["synchronous_standby_names"] ?? ""
    let commit = server.settings["synchronous_commit"] ?? ""
    return .ok(
      "durability",
      "fsync and full_page_writes on, synchronous_commit \(commit), "
        + (standbys.isEmpty ? "no synchronous standby" : "synchronous standbys \(standbys)"))
  }

  private func upkeep(_ server: DatabaseHealth.Server) -> [Finding] {
    if server.settings["autovacuum"] != "on" {
      return [
        .warning(
          "vacuum", "autovacuum is off: the queue's tables grow without end", advice: "set autovacuum on and reload")
      ]
    }
    guard server.oldestTransaction > .seconds(600) else { return [] }
    return [
      .warning(
        "vacuum", "a transaction has been open for \(server.oldestTransaction.brief): dead rows pile up behind it",
        advice: "find it in pg_stat_activity by xact_start and end it")
    ]
  }

  private func clock(_ connection: PostgresConnection) throws -> Finding {
    let before = Date().timeIntervalSince1970
    let theirs = try DatabaseHealth.clock(connection)
    let after = Date().timeIntervalSince1970
    let difference = Double(theirs.microseconds) / 1_000_000 - (before + after) / 2
    let text = String(format: "%.3f", difference)
    guard abs(difference) > 2 + (after - before) else { return .ok("clock", "\(text) s from the database's") }
    return .warning(
      "clock", "\(text) s from the database's: `Date` and `Received` fields and certificate checks use this machine's",
      advice: "let NTP set both machines' clocks")
  }

  private func installation(_ connection: PostgresConnection) throws -> [Finding] {
    let found = try DatabaseHealth.installation(connection)
    let wanted = settings.keeper.partitionsAhead
    var findings: [Finding] = []
    if found.hasOffset {
      let advice = "reset postrider.installation.schedule_offset unless a test is running"
      findings.append(
        found.isTest
          ? .warning("purpose", "a test database whose schedule time runs ahead of the clock", advice: advice)
          : .failed("purpose", "a production database with a schedule offset: no role starts", advice: advice))
    } else if found.isTest {
      findings.append(
        .warning(
          "purpose", "a test database: its schedule can be moved", advice: "use another database for production"))
    } else {
      findings.append(.ok("purpose", "production"))
    }
    let days = "tables exist for \(found.daysAhead) days, today included"
    let advice = "run a keeper, or `postrider migrate`, which makes them too"
    if found.daysAhead < 2 {
      findings.append(.failed("partitions", days + ": mail will be refused from midnight UTC on", advice: advice))
    } else if found.daysAhead < wanted {
      findings.append(.warning("partitions", days + ", wanted are \(wanted)", advice: advice))
    } else {
      findings.append(.ok("partitions", days))
    }
    return findings
  }

  /// Whether it is the database that it should be; and, of home, which tenants are on the move.
  private func identity(_ connection: PostgresConnection) throws -> [Finding] {
    let names = settings.database.shards.map(\.name)
    let isHome = shard.name == DatabaseShard.home
    do {
      if isHome {
        _ = try ShardIdentity.checkHome(names, connection)
      } else {
        try ShardIdentity.check(shard.name, of: nil, connection)
      }
    } catch {
      let advice = "see database.shards, then `postrider migrate`; docs/sharding.md"
      return [.failed("shard", error.message, advice: advice)]
    }
    guard isHome else { return [.ok("shard", "is \(shard.name)")] }
    let moving = try TenantEntry.moving(connection)
    guard let first = moving.first else { return [.ok("shard", "is home of \(names.joined(separator: ", "))")] }
    return [
      .warning(
        "shard",
        "\(moving.count == 1 ? "a move is" : "\(moving.count) moves are") not finished, first that of "
          + "\(first.name) to \(first.placement.movingTo ?? "")",
        advice: "a keeper goes on with it as soon as both databases answer; `postrider tenant move` tries now")
    ]
  }

  private func workers(_ connection: PostgresConnection) throws -> Finding {
    let workers = try DatabaseHealth.workers(connection)
    let nodes = workers.nodes.joined(separator: ", ")
    if workers.living == 0 {
      return .warning("workers", "none is alive: nothing is delivered", advice: "start `postrider worker`")
    }
    guard workers.overdue == 0 else {
      return .warning(
        "workers", "\(workers.overdue) of \(workers.living) on \(nodes) have not been heard of for their lease",
        advice: "see whether they run; a keeper takes their jobs away")
    }
    return .ok("workers", "\(workers.living) alive on \(nodes)")
  }

  private func keeper(_ connection: PostgresConnection) throws -> Finding {
    let patience = max(settings.keeper.interval * 3, .seconds(5))
    guard let keeper = try DatabaseHealth.keeper(connection), keeper.renewedAgo < patience else {
      return .warning(
        "keeper", "none leads: nothing expires, dead workers keep their jobs, no notice is sent",
        advice: "start `postrider keeper`")
    }
    return .ok("keeper", "\(keeper.holder) leads, seen \(keeper.renewedAgo.brief) ago")
  }

  private func retention(_ connection: PostgresConnection) throws -> Finding {
    let health = try RetentionHealth.look(interval: settings.retention.rewriteInterval, connection)
    if let overdue = health.overdue, overdue > .seconds(3600) {
      return .warning(
        "retention", "bodies should have been redacted \(overdue.brief) ago", advice: "see the keeper's log")
    }
    guard health.unclean == 0 else {
      return .warning(
        "retention", "the tables of \(health.unclean) days still hold what remains of destroyed keys",
        advice: "end long transactions (pg_stat_activity by xact_start): they are in the way of rewriting")
    }
    return .ok(
      "retention", "nothing is overdue; old WAL files are \(health.reusesWAL ? "reused" : "removed") by the server")
  }
}

extension Duration {
  /// Milliseconds with two decimals.
  var precise: String {
    let milliseconds = Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
    return String(format: "%.2f ms", milliseconds)
  }
}
