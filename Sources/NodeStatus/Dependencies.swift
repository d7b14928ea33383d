internal import MailQueue
internal import NIOCore
internal import Postgres
internal import Redis
internal import CoreMetrics
internal import NodeMetrics

/// PostgreSQL as a role needs it, asked over a connection of its own, so that a busy pool is not taken for a dead
/// server.
final class DatabaseDependency: Sendable {
  private let question: Question<(result: Result<DatabaseReadiness, PostgresError>, took: Duration)>
  private let pool: PostgresPool
  private let needs: StatusNeeds
  private let metrics: DatabaseMetrics
  private let shard: String?
  private let isCritical: Bool

  /// - Parameters:
  ///   - shard: its name among several; nil: it is the only one.
  ///   - isCritical: whether the role can do nothing without it.
  init(
    _ configuration: PostgresConfiguration, needs: StatusNeeds, shard: String? = nil, isCritical: Bool = true,
    eventLoop: any EventLoop
  ) {
    self.needs = needs
    self.shard = shard
    self.isCritical = isCritical
    metrics = DatabaseMetrics(ShardMetrics.factory(shard: shard))
    let pool = PostgresPool(configuration, threads: 1)
    self.pool = pool
    question = Question(eventLoop: eventLoop) { answered in
      pool.submit { connection in
        let began = ContinuousClock.now
        let result = Result { () throws(PostgresError) in try DatabaseReadiness.ask(try connection.get()) }
        answered((result, began.duration(to: .now)))
      }
    }
  }

  func shutdown() { pool.shutdown() }

  func conditions() async -> [(check: String, condition: Condition)] {
    await allConditions().map { check, condition in
      let level: Condition.Level = condition.level == .failed && !isCritical ? .degraded : condition.level
      return (check + (shard.map { " \($0)" } ?? ""), Condition(level, condition.text))
    }
  }

  private func allConditions() async -> [(check: String, condition: Condition)] {
    guard let (result, took) = await question.answer() else {
      metrics.up.set(0)
      let since = question.openFor.map { " for \($0.inSeconds.tenths) s" } ?? " in time"
      return [("database", Condition(.failed, "has not answered\(since)"))]
    }
    switch result {
    case .failure(let error):
      metrics.up.set(0)
      return [("database", Condition(.failed, "cannot be used: \(error.message)"))]
    case .success(let facts):
      metrics.up.set(1)
      metrics.answer.set(took.inSeconds)
      metrics.partitionsAhead.set(facts.daysAhead)
      return [
        ("database", server(facts, took)), ("schema", schema(facts.schema)),
        ("partitions", partitions(facts.daysAhead)),
      ]
    }
  }

  private func server(_ facts: DatabaseReadiness, _ took: Duration) -> Condition {
    facts.isReadOnly
      ? Condition(.failed, "is read-only: a standby, or told to be")
      : Condition(.ok, "answered in \((took.inSeconds * 1000).tenths) ms")
  }

  /// A newer schema is no fault: during an upgrade the database goes first.
  private func schema(_ fit: Schema.Fit) -> Condition {
    fit.isUsable ? Condition(.ok, fit.description) : Condition(.failed, "\(fit.description): \(fit.advice)")
  }

  private func partitions(_ days: Int) -> Condition {
    if days == 0 {
      return Condition(
        needs.tablesOfToday ? .failed : .degraded, "there are no tables for today: mail is refused; start a keeper")
    }
    if days < 2 {
      return Condition(.degraded, "only today has tables: mail is refused from midnight UTC; start a keeper")
    }
    return Condition(.ok, "\(days) days ahead, today included")
  }
}

/// What a role cannot work without, beside a database that can be written.
package struct StatusNeeds: Sendable {
  package var tablesOfToday = false
  package init() {}
}

/// Redis, which decides only how fast: it degrades a node and never takes it out of service.
final class RedisDependency: Sendable {
  private let question: Question<(result: Result<RedisValue, RedisError>, took: Duration)>
  private let client: RedisClient

  init(_ url: RedisURL, group: any EventLoopGroup) {
    let client = RedisClient(url: url, group: group)
    self.client = client
    question = Question(eventLoop: group.next()) { answered in
      let began = ContinuousClock.now
      client.send(["PING"]) { answered(($0, began.duration(to: .now))) }
    }
  }

  func shutdown() async { await client.shutdown() }

  func condition(_ metrics: ProcessMetrics?) async -> Condition {
    let answer = await question.answer()
    guard let (result, took) = answer, case .success = result else {
      metrics?.redisUp.set(0)
      let reason =
        if case .failure(let error) = answer?.result { "\(client.status.lastError ?? error)" } else { "no answer" }
      return Condition(.degraded, "cannot be used: \(reason); the node works without it, slower")
    }
    metrics?.redisUp.set(1)
    metrics?.redisAnswer.set(took.inSeconds)
    return Condition(.ok, "answered in \((took.inSeconds * 1000).tenths) ms")
  }
}

extension Double {
  /// One decimal.
  var tenths: String { "\((self * 10).rounded() / 10)" }
}
