package import Postgres

/// One numbered, immutable step of the schema. A mistake is mended by the next number, never in place.
package struct Migration: Sendable {
  package let number: Int32
  package let title: String
  package let sql: String

  /// Every step, in order.
  package static let all: [Migration] = [.first, .claiming, .steering]
}

/// Brings a database to this build's schema, and says whether a role may use one.
package enum Schema {
  /// The schema that this build knows.
  package static var newest: Int32 { Migration.all.last?.number ?? 0 }

  package enum Purpose: String, Sendable { case production, test }

  /// - Returns: the database's schema version; 0 when it has none yet.
  package static func version(_ connection: PostgresConnection) throws(PostgresError) -> Int32 {
    let table = try connection.query("SELECT to_regclass('postrider.schema_version') IS NOT NULL")
    guard try table.bool(0, 0) else { return 0 }
    let result = try connection.query("SELECT coalesce(max(number), 0) FROM postrider.schema_version")
    return try result.int32(0, 0)
  }

  /// Runs what is missing, each step in a transaction of its own.
  /// - Parameters:
  ///   - purpose: fixed when the first step runs. Only a `test` database can have a schedule offset.
  ///   - report: called after each step.
  /// - Throws: a `.server` error that says so when the database is newer than this build.
  package static func migrate(
    _ connection: PostgresConnection, purpose: Purpose, partitionsAhead: Int32 = 8,
    report: (Migration) -> Void = { _ in }
  ) throws {
    // One migrator at a time; the others wait, then find nothing to do.
    _ = try connection.query("SELECT pg_advisory_lock(7000, 1)")
    defer { _ = try? connection.query("SELECT pg_advisory_unlock(7000, 1)") }
    let current = try version(connection)
    try refuseNewer(current)
    for migration in Migration.all where migration.number > current {
      var script = "BEGIN;\n"
      if migration.number == 1 {
        script += """
          CREATE SCHEMA IF NOT EXISTS postrider;
          CREATE TABLE postrider.schema_version (
            number int PRIMARY KEY, title text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());\n
          """
      }
      script += migration.sql
      if migration.number == 1 {
        script += "\nINSERT INTO postrider.installation (purpose) VALUES ('\(purpose.rawValue)');"
      }
      script += "\nINSERT INTO postrider.schema_version VALUES (\(migration.number), '\(migration.title)');\nCOMMIT;"
      do throws(PostgresError) {
        try connection.execute(script: script)
      } catch {
        if connection.isOpen { try? connection.execute(script: "ROLLBACK") }
        throw error
      }
      report(migration)
    }
    try Partitions.makeAhead(connection, days: partitionsAhead)
  }

  /// What a role checks before it starts.
  /// - Throws: an error whose message says what to do.
  package static func check(_ connection: PostgresConnection) throws(PostgresError) {
    let current = try version(connection)
    try refuseNewer(current)
    guard current == newest else {
      throw PostgresError(
        .server, "the database has schema \(current), this build needs \(newest): run «postrider migrate» first")
    }
    for setting in ["fsync", "full_page_writes"] {
      let value = try connection.query("SELECT current_setting('\(setting)')").text(0, 0)
      guard value == "on" else {
        throw PostgresError(
          .server, "PostgreSQL runs with \(setting) = \(value): a 250 would be no promise. Set it on and restart it")
      }
    }
    let ahead = try connection.query("SELECT schedule_offset <> '0' AND purpose <> 'test' FROM postrider.installation")
    guard ahead.rowCount == 1, try !ahead.bool(0, 0) else {
      throw PostgresError(.server, "this production database has a schedule offset; only a test database may have one")
    }
  }

  private static func refuseNewer(_ current: Int32) throws(PostgresError) {
    guard current <= newest else {
      throw PostgresError(
        .server,
        "the database has schema \(current), newer than this build's \(newest): use a build at least as new")
    }
  }
}
