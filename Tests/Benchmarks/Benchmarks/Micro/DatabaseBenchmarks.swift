import Benchmark
import Foundation
import MailModel
import MailQueue
import Postgres

/// Statements against the PostgreSQL of which POSTRIDER_BENCHMARK_DATABASE is the URL: an empty database. Without it
/// they are left out.
func databaseBenchmarks() {
  guard let url = ProcessInfo.processInfo.environment["POSTRIDER_BENCHMARK_DATABASE"] else { return }

  Benchmark("database: enqueue 64 messages of 10 KB", configuration: .init(maxDuration: .seconds(3))) {
    benchmark, queue in
    let messages = Samples.newMessages(64, size: 10_240, tenant: queue.tenant)
    let transaction = try EnqueueTransaction(messages, lanes: queue.lanes, policy: queue.policy)
    benchmark.startMeasurement()
    try queue.connection.transaction(transaction.statements)
    benchmark.stopMeasurement()
  } setup: {
    try QueueDatabase(url: url)
  }

  Benchmark(
    "database: claim 100 of 50,000 in a lane", configuration: .init(maxDuration: .seconds(3), maxIterations: 400)
  ) {
    benchmark, queue in
    benchmark.startMeasurement()
    let claimed = try queue.claim(100)
    benchmark.stopMeasurement()
    try queue.complete(claimed)
  } setup: {
    try QueueDatabase(url: url, jobs: 50_000)
  }

  Benchmark("database: complete 100", configuration: .init(maxDuration: .seconds(3), maxIterations: 400)) {
    benchmark, queue in
    let claimed = try queue.claim(100)
    benchmark.startMeasurement()
    try queue.complete(claimed)
    benchmark.stopMeasurement()
  } setup: {
    try QueueDatabase(url: url, jobs: 50_000)
  }
}

/// A migrated queue with one tenant and one lane. What an earlier benchmark left is removed.
final class QueueDatabase {
  let connection: PostgresConnection
  let policy: EnqueuePolicy
  let tenant: Int64
  let lanes: [LaneName: Int64]
  private let session = QueueID(unixMilliseconds: 1)
  private var cursor = FairCursor()
  private var counter: Int64 = 0

  /// - Parameter jobs: so many are due in the lane.
  init(url: String, jobs: Int = 0) throws {
    connection = try PostgresConfiguration(url: url, role: "benchmark", preamble: PlannerSettings.preamble).connect()
    policy = EnqueuePolicy(master: try .temporary())
    try connection.execute(script: "DROP SCHEMA IF EXISTS postrider CASCADE")
    try Schema.migrate(connection, purpose: .test)
    let made = try connection.query(
      "WITH t AS (INSERT INTO postrider.tenant (name) VALUES ('benchmark') RETURNING id)"
        + " INSERT INTO postrider.lane (tenant, destination, ready) SELECT id, 'inbox.example', true FROM t"
        + " RETURNING tenant, id")
    tenant = try made.int64(0, 0)
    lanes = [LaneName(tenant: tenant, destination: "inbox.example"): try made.int64(0, 1)]
    try WorkerSessions.begin(id: session, node: "benchmark", lease: .seconds(3600), connection)
    try fill(jobs: jobs)
  }

  func claim(_ rows: Int) throws -> [ClaimedMessage] {
    counter += 1
    return try Claims.take(
      session: session, counter: counter, cursor: &cursor, rowsMax: rows, connection
    ).messages
  }

  func complete(_ claimed: [ClaimedMessage]) throws {
    let reply = Attempt(result: .delivered(Reply(250, EnhancedStatus(2, 0, 0), "Ok: queued as 4WkP3r1Zz9z4x")))
    let done = claimed.flatMap { message in
      message.jobs.map { CompletedJob(job: $0, tenant: message.tenant, disposition: .delivered, attempt: reply) }
    }
    try Completions.write(done, session: session, connection)
  }

  private func fill(jobs: Int) throws {
    guard jobs > 0 else { return }
    for _ in 0..<(jobs / 500) {
      let messages = Samples.newMessages(500, size: 1_000, tenant: tenant)
      try connection.transaction(try EnqueueTransaction(messages, lanes: lanes, policy: policy).statements)
    }
    _ = try connection.query("VACUUM ANALYZE")
  }
}
