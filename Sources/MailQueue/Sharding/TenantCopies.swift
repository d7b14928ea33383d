package import Postgres

/// What tenants have chosen for their mail: retention and notices. The directory is the home database; each other one
/// has a copy for its own insertions and notices, brought up to date by a keeper once a minute and by the commands that
/// change something.
package enum TenantCopies {
  /// Makes a shard's copy what home says. Reads its tenants and all texts, so not for every second.
  package static func copy(from home: PostgresConnection, to shard: PostgresConnection) throws(PostgresError) {
    try copyColumns(home, shard)
    try copyTemplates(home, shard)
  }

  private static func copyColumns(_ home: PostgresConnection, _ shard: PostgresConnection) throws(PostgresError) {
    let known = try shard.query("SELECT id FROM postrider.tenant")
    var ids: [Int64] = []
    for row in 0..<known.rowCount { ids.append(try known.int64(row, 0)) }
    guard !ids.isEmpty else { return }
    var wanted = PostgresParameters()
    wanted.append(ids)
    let chosen = try home.query(
      """
      SELECT id, retention, retention_bounced, notice_delay, notice_success, notice_language
      FROM postrider.tenant WHERE id = ANY ($1::bigint[])
      """, wanted)
    var columns = (
      ids: [Int64](), retention: [Int32?](), bounced: [Int32?](), delay: [Int32?](), success: [Bool](),
      language: [String?]()
    )
    for row in 0..<chosen.rowCount {
      columns.ids.append(try chosen.int64(row, 0))
      columns.retention.append(chosen.isNull(row, 1) ? nil : try chosen.int32(row, 1))
      columns.bounced.append(chosen.isNull(row, 2) ? nil : try chosen.int32(row, 2))
      columns.delay.append(chosen.isNull(row, 3) ? nil : try chosen.int32(row, 3))
      columns.success.append(try chosen.bool(row, 4))
      columns.language.append(chosen.isNull(row, 5) ? nil : chosen.text(row, 5))
    }
    var parameters = PostgresParameters()
    parameters.append(columns.ids)
    parameters.append(columns.retention)
    parameters.append(columns.bounced)
    parameters.append(columns.delay)
    parameters.append(columns.success)
    parameters.append(columns.language)
    _ = try shard.query(
      """
      UPDATE postrider.tenant t SET retention = u.retention, retention_bounced = u.bounced, notice_delay = u.delay,
        notice_success = u.success, notice_language = u.language
      FROM unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::boolean[], $6::text[])
        u(id, retention, bounced, delay, success, language)
      WHERE t.id = u.id AND (t.retention, t.retention_bounced, t.notice_delay, t.notice_success, t.notice_language)
        IS DISTINCT FROM (u.retention, u.bounced, u.delay, u.success, u.language)
      """, parameters)
  }

  private static func copyTemplates(_ home: PostgresConnection, _ shard: PostgresConnection) throws(PostgresError) {
    let templates = try home.query("SELECT tenant, kind, language, source FROM postrider.notice_template")
    var (tenants, kinds, languages, sources): ([Int64], [String], [String], [String]) = ([], [], [], [])
    for row in 0..<templates.rowCount {
      tenants.append(try templates.int64(row, 0))
      kinds.append(templates.text(row, 1))
      languages.append(templates.text(row, 2))
      sources.append(templates.text(row, 3))
    }
    var parameters = PostgresParameters()
    parameters.append(tenants)
    parameters.append(kinds)
    parameters.append(languages)
    parameters.append(sources)
    _ = try shard.query(
      """
      WITH wanted AS MATERIALIZED (
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) u(tenant, kind, language, source)
      ), removed AS (
        DELETE FROM postrider.notice_template n WHERE NOT EXISTS (SELECT FROM wanted w
          WHERE w.tenant = n.tenant AND w.kind = n.kind AND w.language = n.language)
      )
      INSERT INTO postrider.notice_template AS n (tenant, kind, language, source)
      SELECT w.tenant, w.kind, w.language, w.source FROM wanted w
      ON CONFLICT (tenant, kind, language) DO UPDATE SET source = excluded.source, changed_at = now()
      WHERE n.source <> excluded.source
      """, parameters)
  }
}
