package import Postgres

/// What the state of the database says about the node, read for whoever checks an installation.
package struct DatabaseHealth: Sendable {
  package struct Server: Sendable {
    package let version: String
    package let isStandby: Bool
    /// `fsync`, `full_page_writes`, `synchronous_commit`, `synchronous_standby_names`, `autovacuum` …
    package let settings: [String: String]
    package let connections: Int
    package let connectionsMax: Int
    /// The age of the oldest open transaction of a client: it keeps dead rows from being cleaned up.
    package let oldestTransaction: Duration
  }

  package struct Installation: Sendable {
    package let isTest: Bool
    package let hasOffset: Bool
    package let daysAhead: Int
  }

  package struct Workers: Sendable {
    package let living: Int
    /// Living ones whose lease has run out: their worker is dead or frozen, and no keeper has ended them.
    package let overdue: Int
    package let nodes: [String]
  }

  package struct Keeper: Sendable {
    package let holder: String
    package let renewedAgo: Duration
  }

  /// Reads configuration and statistics of the server; no table of ours.
  package static func server(_ connection: PostgresConnection) throws(PostgresError) -> Server {
    let names = [
      "fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names", "autovacuum", "shared_buffers",
      "max_connections", "server_version",
    ]
    var parameters = PostgresParameters()
    parameters.append(names)
    let values = try connection.query(
      "SELECT n, current_setting(n) FROM unnest($1::text[]) n", parameters)
    var settings: [String: String] = [:]
    for row in 0..<values.rowCount { settings[values.text(row, 0)] = values.text(row, 1) }
    let result = try connection.query(
      """
      SELECT pg_is_in_recovery(), count(*), coalesce(extract(epoch FROM clock_timestamp() - min(a.xact_start)) * 1000,
        0)::bigint
      FROM pg_stat_activity a WHERE a.backend_type = 'client backend'
      """)
    return Server(
      version: settings["server_version"] ?? "", isStandby: try result.bool(0, 0), settings: settings,
      connections: Int(try result.int64(0, 1)), connectionsMax: Int(settings["max_connections"] ?? "") ?? 0,
      oldestTransaction: .milliseconds(try result.int64(0, 2)))
  }

  /// One row and the catalogue.
  package static func installation(_ connection: PostgresConnection) throws(PostgresError) -> Installation {
    let result = try connection.query("SELECT purpose = 'test', schedule_offset <> '0' FROM postrider.installation")
    guard result.rowCount == 1 else { throw PostgresError(.server, "postrider.installation has lost its row") }
    return Installation(
      isTest: try result.bool(0, 0), hasOffset: try result.bool(0, 1),
      daysAhead: Int(try Partitions.daysAhead(connection)))
  }

  /// Served by `worker_session_living`.
  package static func workers(_ connection: PostgresConnection) throws(PostgresError) -> Workers {
    let result = try connection.query(
      """
      SELECT count(*), count(*) FILTER (WHERE s.renewed_at < clock_timestamp() - s.lease),
        coalesce(array_agg(DISTINCT s.node ORDER BY s.node), '{}')
      FROM postrider.worker_session s WHERE s.ended_at IS NULL
      """)
    return Workers(
      living: Int(try result.int64(0, 0)), overdue: Int(try result.int64(0, 1)),
      nodes: try result.byteArrays(0, 2).compactMap { $0.map { String(decoding: $0, as: UTF8.self) } })
  }

  /// - Returns: nil when no keeper has ever led, or the last one has resigned.
  package static func keeper(_ connection: PostgresConnection) throws(PostgresError) -> Keeper? {
    let result = try connection.query(
      """
      SELECT l.holder, (extract(epoch FROM clock_timestamp() - l.renewed_at) * 1000)::bigint
      FROM postrider.leadership l WHERE l.duty = 'keeper' AND l.holder <> ''
      """)
    guard result.rowCount == 1 else { return nil }
    return Keeper(holder: result.text(0, 0), renewedAgo: .milliseconds(try result.int64(0, 1)))
  }

  /// When the server was started, in microseconds since 1970: what tells one server from another that took its place.
  package static func serverStart(_ connection: PostgresConnection) throws(PostgresError) -> Int64 {
    try connection.query("SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint").int64(0, 0)
  }

  /// The database's real clock.
  package static func clock(_ connection: PostgresConnection) throws(PostgresError) -> Timestamp {
    try connection.query("SELECT clock_timestamp()").timestamp(0, 0)
  }
}
