package import Postgres
internal import Synchronization

/// A fresh, empty database in the PostgreSQL that all tests of this process share.
package struct TestDatabase: Sendable {
  package let server: PostgresServer
  package let name: String

  private static let shared = Task { try await PostgresServer() }
  private static let counter = Mutex(0)

  /// Starts the shared server at the first call; afterwards it costs a `CREATE DATABASE`.
  package static func make() async throws -> TestDatabase {
    try await make(on: try await shared.value)
  }

  /// The same in a server of the test's own, which it may stop, kill or starve.
  package static func make(on server: PostgresServer) async throws -> TestDatabase {
    let number = counter.withLock { value in
      value += 1
      return value
    }
    let name = "test\(number)"
    // Files are copied without a checkpoint per database, which is what a fresh one costs otherwise.
    try await server.query("CREATE DATABASE \(name) STRATEGY wal_log")
    return TestDatabase(server: server, name: name)
  }

  package var url: String { server.url(database: name) }

  /// Runs SQL through psql, an independent witness; columns separated by `|`, one row per line.
  @discardableResult
  package func query(_ sql: String, atMost limit: Duration = .seconds(300)) async throws -> String {
    try await server.query(sql, database: name, atMost: limit)
  }

  /// Cuts its connections and drops it. Not needed: the server goes with the test process.
  package func drop() async throws {
    try await server.query("DROP DATABASE \(name) WITH (FORCE)")
  }
}

extension PostgresConfiguration {
  /// For connections that wait long: the disk may be busy with others' tests.
  package static func patient(url: String, preamble: [String] = []) -> PostgresConfiguration {
    PostgresConfiguration(
      url: url, role: "test", connectTimeout: .seconds(60), statementTimeout: .seconds(300), preamble: preamble)
  }
}
