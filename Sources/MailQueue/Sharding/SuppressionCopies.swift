package import Postgres

/// Suppressions come along when a tenant moves.
///
/// A move copies what there is before it closes the source. What the source learns afterwards, while it drains, has
/// `to_follow`, and the upkeep brings it to where the tenant is. So nothing depends on how far a move had come when it
/// died, on clocks, or on which transactions were under way: an entry that the copy did not see still has its mark.
/// Copying again changes nothing, and no copy shortens what is there.
package enum SuppressionCopies {
  private static let pageRows: Int32 = 500
  /// The number that stands for all of them in `suppression.tenant`.
  private static let allTenants: Int64 = 0

  /// Copies what holds now of one tenant. By `suppression_tenant`, in pages, each in a transaction of its own.
  package static func copy(
    _ tenant: Int64, from source: PostgresConnection, to target: PostgresConnection
  ) throws(PostgresError) {
    var after = ""
    while true {
      var parameters = PostgresParameters()
      parameters.append(tenant)
      parameters.append(after)
      parameters.append(pageRows)
      let page = try source.query(
        """
        SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]')::text, max(e.address), count(*)::int FROM (
          SELECT s.* FROM postrider.suppression s WHERE s.tenant = $1::bigint AND s.address > $2::text
            AND (s.expires_at IS NULL OR s.expires_at > postrider.schedule_now())
          ORDER BY s.address LIMIT $3::int) e
        """, parameters)
      let count = try page.int32(0, 2)
      if count > 0 { try add(page.text(0, 0), areToFollow: false, target) }
      guard count == pageRows else { return }
      after = page.text(0, 1)
    }
  }

  /// Copies what an operator has added for all tenants: to a database that is new, or was away then. It adds only:
  /// what was removed while a database was away stays suppressed there. Reads the whole list, which people have made.
  package static func copyOperators(
    from home: PostgresConnection, to shard: PostgresConnection
  ) throws(PostgresError) {
    try copy(allTenants, from: home, to: shard)
  }

  /// Entries of one tenant that are still to be looked at.
  package struct Fresh: Sendable {
    package let tenant: Int64
    fileprivate let rows: String
    fileprivate let last: String
  }

  /// The next entries with the mark, in the order of tenants and addresses. By `suppression_following`.
  /// - Parameter after: where an earlier page has ended; nil: from the beginning.
  package static func fresh(after: Fresh? = nil, _ connection: PostgresConnection) throws(PostgresError) -> [Fresh] {
    var parameters = PostgresParameters()
    parameters.append(after?.tenant ?? 0)
    parameters.append(after?.last ?? "")
    parameters.append(pageRows)
    let found = try connection.query(
      """
      SELECT e.tenant, jsonb_agg(to_jsonb(e))::text, max(e.address) FROM (
        SELECT s.* FROM postrider.suppression s WHERE s.to_follow AND (s.tenant, s.address) > ($1::bigint, $2::text)
        ORDER BY s.tenant, s.address LIMIT $3::int) e
      GROUP BY e.tenant ORDER BY e.tenant
      """, parameters)
    var fresh: [Fresh] = []
    for row in 0..<found.rowCount {
      fresh.append(Fresh(tenant: try found.int64(row, 0), rows: found.text(row, 1), last: found.text(row, 2)))
    }
    return fresh
  }

  /// Adds them where the tenant is, with the mark: it may move on at this very moment.
  package static func add(_ fresh: Fresh, to target: PostgresConnection) throws(PostgresError) {
    try add(fresh.rows, areToFollow: true, target)
  }

  /// Takes the mark from entries that need not follow, or have followed; not from what has been learned anew meanwhile.
  /// It waits for nobody: what is locked keeps its mark.
  package static func settle(_ fresh: Fresh, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(fresh.rows)
    _ = try connection.query(
      """
      WITH settled AS MATERIALIZED (
        SELECT s.address, s.tenant FROM jsonb_populate_recordset(NULL::postrider.suppression, $1::jsonb) u
        JOIN postrider.suppression s ON s.address = u.address AND s.tenant = u.tenant
        WHERE s.to_follow AND s.added_at = u.added_at FOR UPDATE OF s SKIP LOCKED
      )
      UPDATE postrider.suppression s SET to_follow = false FROM settled d
      WHERE s.address = d.address AND s.tenant = d.tenant
      """, parameters)
  }

  /// In the order of `postrider.suppress`, so that two transactions cannot wait for each other.
  private static func add(_ rows: String, areToFollow: Bool, _ target: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(rows)
    parameters.append(areToFollow)
    _ = try target.query(
      """
      INSERT INTO postrider.suppression AS s (address, tenant, reason, detail, message, added_at, expires_at, to_follow)
      SELECT u.address, u.tenant, u.reason, u.detail, u.message, u.added_at, u.expires_at, $2::boolean
      FROM jsonb_populate_recordset(NULL::postrider.suppression, $1::jsonb) u ORDER BY u.address, u.tenant
      ON CONFLICT (address, tenant) DO UPDATE SET reason = excluded.reason, detail = excluded.detail,
        message = excluded.message, added_at = excluded.added_at, expires_at = excluded.expires_at,
        to_follow = excluded.to_follow
        WHERE s.expires_at < excluded.expires_at OR (s.expires_at IS NOT NULL AND excluded.expires_at IS NULL)
      """, parameters)
  }
}
