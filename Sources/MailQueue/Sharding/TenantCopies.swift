package import Postgres

/// What the directory says about tenants, as each database has it for its own insertions, reports and notices: weight,
/// suspension, and all that a tenant may choose. The home database decides; the others have copies, brought up to date by
/// a keeper once a minute, by a move, and by the commands that change something.
///
/// Rows travel as JSON, so that the columns are listed in one place.
package enum TenantCopies {
  /// The columns of `tenant` that follow the directory.
  private static let columns = [
    "weight", "suspended_at", "retention", "retention_bounced", "notice_delay", "notice_success", "notice_language",
    "return_path_host", "return_path_each", "suppress_bounces", "suppress_complaints", "scan_malware",
    "scan_spam", "spam_score", "spam_tag_score",
  ]

  private static func list(of table: String) -> String { columns.map { "\(table).\($0)" }.joined(separator: ", ") }

  /// Makes a shard's copies what home says.
  /// - Parameter tenant: only this one, and only if it is known there; nil: all that are, which reads them all and every
  ///   text, so not for every second.
  package static func copy(_ tenant: Int64? = nil, from home: PostgresConnection, to shard: PostgresConnection)
    throws(PostgresError)
  {
    var wanted = PostgresParameters()
    wanted.append(tenant)
    let known = try shard.query(
      "SELECT t.id FROM postrider.tenant t WHERE $1::bigint IS NULL OR t.id = $1::bigint", wanted)
    var ids: [Int64] = []
    for row in 0..<known.rowCount { ids.append(try known.int64(row, 0)) }
    if !ids.isEmpty { try update(try rows(ids, home), shard) }
    try copyTemplates(of: tenant, home, shard)
  }

  /// The same for one tenant, which is made first if the shard does not know it, with its gate closed.
  /// - Throws: a `.server` error when its number or its name is another tenant's there: a directory that was restored to
  ///   an earlier time gives numbers out again.
  package static func make(_ tenant: Int64, from home: PostgresConnection, in shard: PostgresConnection)
    throws(PostgresError)
  {
    let row = try rows([tenant], home)
    var parameters = PostgresParameters()
    parameters.append(row)
    _ = try shard.query(
      """
      INSERT INTO postrider.tenant (id, name, \(columns.joined(separator: ", ")), is_open) OVERRIDING SYSTEM VALUE
      SELECT u.id, u.name, \(list(of: "u")), false FROM jsonb_populate_recordset(NULL::postrider.tenant, $1::jsonb) u
      ON CONFLICT (id) DO NOTHING
      """, parameters)
    try update(row, shard)
    try copyTemplates(of: tenant, home, shard)
    var wanted = PostgresParameters()
    wanted.append(tenant)
    wanted.append(row)
    let isSame = try shard.query(
      "SELECT t.name = $2::jsonb -> 0 ->> 'name' FROM postrider.tenant t WHERE t.id = $1::bigint", wanted)
    guard isSame.rowCount == 1, try isSame.bool(0, 0) else {
      throw PostgresError(.server, "the database knows tenant number \(tenant) under another name than the directory")
    }
  }

  /// By the primary key.
  private static func rows(_ ids: [Int64], _ home: PostgresConnection) throws(PostgresError) -> String {
    var parameters = PostgresParameters()
    parameters.append(ids)
    return try home.query(
      """
      SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]')::text FROM (
        SELECT t.id, t.name, \(list(of: "t")) FROM postrider.tenant t WHERE t.id = ANY ($1::bigint[])) c
      """, parameters
    ).text(0, 0)
  }

  private static func update(_ rows: String, _ shard: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(rows)
    _ = try shard.query(
      """
      UPDATE postrider.tenant t SET (\(columns.joined(separator: ", "))) = ROW (\(list(of: "u")))
      FROM jsonb_populate_recordset(NULL::postrider.tenant, $1::jsonb) u
      WHERE t.id = u.id AND t.name = u.name AND (\(list(of: "t"))) IS DISTINCT FROM (\(list(of: "u")))
      """, parameters)
  }

  private static func copyTemplates(of tenant: Int64?, _ home: PostgresConnection, _ shard: PostgresConnection)
    throws(PostgresError)
  {
    var wanted = PostgresParameters()
    wanted.append(tenant)
    let templates = try home.query(
      """
      SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]')::text FROM (
        SELECT n.tenant, n.kind, n.language, n.source FROM postrider.notice_template n
        WHERE $1::bigint IS NULL OR n.tenant = $1::bigint) c
      """, wanted
    ).text(0, 0)
    var parameters = PostgresParameters()
    parameters.append(templates)
    parameters.append(tenant)
    _ = try shard.query(
      """
      WITH wanted AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::postrider.notice_template, $1::jsonb)
      ), removed AS (
        DELETE FROM postrider.notice_template n WHERE ($2::bigint IS NULL OR n.tenant = $2::bigint)
          AND NOT EXISTS (SELECT FROM wanted w
            WHERE w.tenant = n.tenant AND w.kind = n.kind AND w.language = n.language)
      )
      INSERT INTO postrider.notice_template AS n (tenant, kind, language, source)
      SELECT w.tenant, w.kind, w.language, w.source FROM wanted w
      ON CONFLICT (tenant, kind, language) DO UPDATE SET source = excluded.source, changed_at = now()
      WHERE n.source <> excluded.source
      """, parameters)
  }
}
