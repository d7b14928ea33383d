package import Postgres

/// A bounded look at what is queued, by tenant and destination, for metrics.
///
/// It costs the same whatever the backlog is: it looks at no more than `tenantsMax` tenants that have due mail, at
/// about `readyLanesMax` of their lanes (each tenant gets its share), at the `waitingLanesMax` lanes that wake next, and
/// at `jobsMax` recipients of each. What lies beyond is not counted, and `isComplete` says so. Lanes whose recipients
/// are all held sleep and are not looked at.
package struct QueueSample: Sendable {
  package struct Lane: Sendable {
    package let tenant: String
    package let destination: String
    /// It has, or may have, due mail.
    package let isReady: Bool
    package let recipients: Int
    /// How long the first recipient that a worker may take has been due; zero when there is none, or when the tenant
    /// is suspended and so nobody is late.
    package let delay: Duration
  }

  package let lanes: [Lane]
  package let isComplete: Bool
  /// All recipients, as the server's statistics estimate them; never less than what was seen.
  package let recipientsEstimate: Int64
  package let workerSessions: Int
  /// Since the last heartbeat of the living session that was silent for longest.
  package let oldestLease: Duration
  package let sitesDown: Int
  package let sitesSlowed: Int
  /// Lanes that wait for such a site, 10000 at most. Their recipients are not among those of `lanes`.
  package let parkedLanes: Int

  static let tenantsMax = 64
  static let readyLanesMax = 512
  static let waitingLanesMax = 256
  static let jobsMax = 500

  package static func take(_ connection: PostgresConnection) throws -> QueueSample {
    try connection.transaction {
      _ = try connection.query("SET LOCAL statement_timeout = '5s'")
      let tenants = try tenantsWithDueMail(connection)
      let share = max(8, readyLanesMax / max(1, tenants.count))
      var parameters = PostgresParameters()
      parameters.append(Array(tenants.prefix(tenantsMax)))
      let result = try connection.query(lanesSQL(share: share), parameters)
      var lanes: [Lane] = []
      var isComplete = tenants.count <= tenantsMax
      for row in 0..<result.rowCount {
        let recipients = Int(try result.int64(row, 3))
        lanes.append(
          Lane(
            tenant: result.text(row, 0), destination: result.text(row, 1), isReady: try result.bool(row, 2),
            recipients: recipients, delay: .milliseconds(try result.int64(row, 4))))
        if try recipients > jobsMax || result.int64(row, 5) > share { isComplete = false }
      }
      if lanes.count(where: { !$0.isReady }) > waitingLanesMax { isComplete = false }
      let server = try connection.query(totalsSQL)
      let seen = lanes.reduce(0) { $0 + $1.recipients }
      return QueueSample(
        lanes: lanes, isComplete: isComplete, recipientsEstimate: max(Int64(seen), try server.int64(0, 0)),
        workerSessions: Int(try server.int64(0, 1)), oldestLease: .milliseconds(max(0, try server.int64(0, 2))),
        sitesDown: Int(try server.int64(0, 3)), sitesSlowed: Int(try server.int64(0, 4)),
        parkedLanes: Int(try server.int64(0, 5)))
    }
  }

  /// One probe of `lane_ready` for each tenant, however many lanes they have. One more than is looked at.
  private static func tenantsWithDueMail(_ connection: PostgresConnection) throws(PostgresError) -> [Int64] {
    let result = try connection.query(
      """
      WITH RECURSIVE found(tenant, place) AS (
        (SELECT l.tenant, 1 FROM postrider.lane l WHERE l.ready ORDER BY l.tenant LIMIT 1)
        UNION ALL
        SELECT n.tenant, f.place + 1 FROM found f CROSS JOIN LATERAL (
          SELECT l.tenant FROM postrider.lane l WHERE l.ready AND l.tenant > f.tenant ORDER BY l.tenant LIMIT 1) n
        WHERE f.place <= \(tenantsMax))
      SELECT f.tenant FROM found f
      """)
    var tenants: [Int64] = []
    for row in 0..<result.rowCount { tenants.append(try result.int64(row, 0)) }
    return tenants
  }

  /// Served by `lane_ready`, `lane_waiting` and `job_lane`. Limits are literal, so that the plan knows them.
  private static func lanesSQL(share: Int) -> String {
    """
    WITH clock AS MATERIALIZED (SELECT postrider.schedule_now() AS moment)
    SELECT coalesce(t.name, l.tenant::text), l.destination, l.ready, c.total,
      CASE WHEN t.suspended_at IS NULL AND c.due IS NOT NULL
        THEN greatest(0, extract(epoch FROM n.moment - c.due) * 1000)::bigint ELSE 0 END,
      count(*) FILTER (WHERE l.ready) OVER (PARTITION BY l.tenant)
    FROM (
      SELECT r.* FROM unnest($1::bigint[]) u(tenant) CROSS JOIN LATERAL (
        SELECT x.id, x.tenant, x.destination, x.scan_from, x.ready FROM postrider.lane x
        WHERE x.ready AND x.tenant = u.tenant ORDER BY x.tenant, x.id LIMIT \(share + 1)) r
      UNION ALL
      SELECT w.* FROM (
        SELECT x.id, x.tenant, x.destination, x.scan_from, x.ready FROM postrider.lane x
        WHERE NOT x.ready AND x.wake_at < 'infinity' ORDER BY x.wake_at LIMIT \(waitingLanesMax + 1)) w
    ) l
    CROSS JOIN clock n
    LEFT JOIN LATERAL (SELECT y.name, y.suspended_at FROM postrider.tenant y WHERE y.id = l.tenant OFFSET 0) t ON true
    CROSS JOIN LATERAL (
      SELECT count(*) AS total, min(j.due) FILTER (
        WHERE j.due <= n.moment AND NOT j.held
          AND (j.claim_session IS NULL OR postrider.claim_is_free(j.claim_session, j.claim_counter))) AS due
      FROM (SELECT x.due, x.held, x.claim_session, x.claim_counter FROM postrider.job x
            WHERE x.lane = l.id AND x.due >= l.scan_from ORDER BY x.lane, x.due LIMIT \(jobsMax + 1)) j
    ) c
    """
  }

  /// The server's running count of rows, and `worker_session_living`.
  private static let totalsSQL = """
    SELECT pg_stat_get_live_tuples('postrider.job'::regclass), count(*),
      coalesce(extract(epoch FROM clock_timestamp() - min(s.renewed_at)) * 1000, 0)::bigint,
      (SELECT count(*) FROM (SELECT FROM postrider.site d WHERE d.kind = 'down' LIMIT 10000) d),
      (SELECT count(*) FROM (SELECT FROM postrider.site d WHERE d.kind = 'slowed' LIMIT 10000) d),
      (SELECT count(*) FROM (SELECT FROM postrider.lane l WHERE l.parked_by IS NOT NULL LIMIT 10000) l)
    FROM postrider.worker_session s WHERE s.ended_at IS NULL
    """
}
