package import Postgres

/// One numbered, immutable step of the schema. A mistake is mended by the next number, never in place.
///
/// Expand, then contract: during an upgrade the database goes first, and processes of the release before work with it
/// until the last of them has been replaced. So a step only adds (tables, columns with a default, functions under new
/// names or with the same meaning), and names the schema that the oldest fitting build knows. What nobody uses any
/// more is removed by a step of a later release, which then names a newer one.
package struct Migration: Sendable {
  package let number: Int32
  package let title: String
  /// Builds that know this schema, or a newer one, work with the database after this step.
  package let oldest: Int32
  package let sql: String

  /// - Parameter oldest: nil: only builds that know this very step.
  init(number: Int32, title: String, oldest: Int32? = nil, sql: String) {
    self.number = number
    self.title = title
    self.oldest = oldest ?? number
    self.sql = sql
  }

  /// Every step, in order.
  package static let all: [Migration] = [
    .first, .claiming, .steering, .versions, .sharding, .retention, .notices, .sites, .suppression,
    .flatClaims, .following, .signing, .credentials, .proofs, .limits, .scanning, .walls, .mailboxes,
  ]
}

/// Brings a database to this build's schema, and says whether a role may use one.
package enum Schema {
  /// The schema that this build knows.
  package static var newest: Int32 { Migration.all.last?.number ?? 0 }

  package enum Purpose: String, Sendable { case production, test }

  /// How a database's schema and this build go together. The number is the database's.
  package enum Fit: Sendable, Hashable {
    case current(Int32)
    /// Newer than this build, which still works with it: an upgrade is under way.
    case newer(Int32)
    case tooNew(Int32)
    case tooOld(Int32)
    case none

    /// Whether this build may work with the database.
    package var isUsable: Bool {
      switch self {
      case .current, .newer: true
      case .tooNew, .tooOld, .none: false
      }
    }

    /// What was found, without a full stop.
    package var description: String {
      switch self {
      case .current(let version): "version \(version)"
      case .newer(let version): "version \(version), newer than this build's \(newest) and made to fit it"
      case .tooNew(let version): "version \(version), too new for this build, which knows \(newest)"
      case .tooOld(let version): "version \(version), this build needs \(newest)"
      case .none: "the database has none yet, this build needs \(newest)"
      }
    }

    /// What to do when it is not usable.
    package var advice: String {
      if case .tooNew = self { return "use a build that is at least as new" }
      return "run `postrider migrate` first"
    }
  }

  /// Compares the database's schema with what this build knows.
  package static func fit(_ connection: PostgresConnection) throws(PostgresError) -> Fit {
    let version = try version(connection)
    if version == newest { return .current(version) }
    if version == 0 { return .none }
    if version < newest { return .tooOld(version) }
    let result = try connection.query(
      "SELECT coalesce(v.oldest, v.number) FROM postrider.schema_version v ORDER BY v.number DESC LIMIT 1")
    return try result.int32(0, 0) <= newest ? .newer(version) : .tooNew(version)
  }

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
  /// - Throws: a `.server` error that says so when the database is too new for this build.
  package static func migrate(
    _ connection: PostgresConnection, purpose: Purpose, partitionsAhead: Int32 = 8,
    report: (Migration) -> Void = { _ in }
  ) throws {
    // One migrator at a time; the others wait, then find nothing to do.
    _ = try connection.query("SELECT pg_advisory_lock(7000, 1)")
    defer { _ = try? connection.query("SELECT pg_advisory_unlock(7000, 1)") }
    let fit = try fit(connection)
    if case .tooNew = fit { throw PostgresError(.server, "the schema: \(fit.description); \(fit.advice)") }
    let current = try version(connection)
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
      script +=
        "\nINSERT INTO postrider.schema_version (number, title) VALUES (\(migration.number), '\(migration.title)');"
      if migration.number >= Migration.versions.number {
        script +=
          "\nUPDATE postrider.schema_version SET oldest = \(migration.oldest) WHERE number = \(migration.number);"
      }
      script += "\nCOMMIT;"
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
    let fit = try fit(connection)
    guard fit.isUsable else { throw PostgresError(.server, "the schema: \(fit.description); \(fit.advice)") }
    try connection.execute(script: durabilityPreamble)
    let ahead = try connection.query("SELECT schedule_offset <> '0' AND purpose <> 'test' FROM postrider.installation")
    guard ahead.rowCount == 1, try !ahead.bool(0, 0) else {
      throw PostgresError(.server, "this production database has a schedule offset; only a test database may have one")
    }
  }

  /// Refuses a server on which a COMMIT is no promise, on each new connection of a role: after a failover it is another
  /// server than the one that was checked at the start.
  package static let durabilityPreamble = """
    DO $$ DECLARE name text; BEGIN
      FOREACH name IN ARRAY ARRAY['fsync', 'full_page_writes'] LOOP
        IF current_setting(name) <> 'on' THEN
          RAISE EXCEPTION 'PostgreSQL runs with % = %: a 250 would be no promise. Set it on and restart it',
            name, current_setting(name);
        END IF;
      END LOOP;
    END $$
    """
}
