package import Postgres

/// Whether one database takes a tenant's new mail: two columns of its tenant row there.
///
/// Every change names an epoch and acts only on a lower one, so that whoever is late (a frozen mover, a statement that
/// waited for a lock after its client had died) changes nothing.
package struct TenantGate: Sendable, Hashable {
  package let tenant: Int64
  package let epoch: Int64
  package let isOpen: Bool
  package let name: String
  package let weight: Int32
  package let suspendedAt: Timestamp?
  package let choices: TenantChoices

  /// - Parameter tenants: nil for all.
  package static func all(_ tenants: [Int64]? = nil, _ connection: PostgresConnection) throws(PostgresError)
    -> [TenantGate]
  {
    var parameters = PostgresParameters()
    if let tenants { parameters.append(tenants) }
    let result = try connection.query(
      """
      SELECT t.id, t.epoch, t.is_open, t.name, t.weight, t.suspended_at, \(TenantChoices.columns)
      FROM postrider.tenant t
      \(tenants == nil ? "" : "WHERE t.id = ANY ($1::bigint[])") ORDER BY t.id
      """, parameters)
    var gates: [TenantGate] = []
    for row in 0..<result.rowCount {
      gates.append(
        TenantGate(
          tenant: try result.int64(row, 0), epoch: try result.int64(row, 1), isOpen: try result.bool(row, 2),
          name: result.text(row, 3), weight: try result.int32(row, 4),
          suspendedAt: result.isNull(row, 5) ? nil : try result.timestamp(row, 5),
          choices: try TenantChoices(result, row, firstColumn: 6)))
    }
    return gates
  }

  package static func find(_ tenant: Int64, _ connection: PostgresConnection) throws(PostgresError) -> TenantGate? {
    try all([tenant], connection).first
  }

  /// Makes the tenant here, with its gate closed, or brings what is here up to date with the directory.
  /// - Throws: a `.server` error when its number or its name is another tenant's here: a directory that was restored to
  ///   an earlier time gives numbers out again.
  package static func copy(_ entry: TenantEntry, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(entry.id)
    parameters.append(entry.name)
    parameters.append(entry.weight)
    parameters.append(entry.suspendedAt)
    entry.choices.append(to: &parameters)
    _ = try connection.query(
      """
      INSERT INTO postrider.tenant AS t (id, name, weight, suspended_at, retention, retention_bounced,
        return_path_host, return_path_each, suppress_bounces, suppress_complaints, is_open) OVERRIDING SYSTEM VALUE
      VALUES ($1::bigint, $2::text, $3::int, $4::timestamptz, $5::int, $6::int, $7::text, $8::boolean, $9::int, $10::int,
        false)
      ON CONFLICT (id) DO UPDATE SET weight = excluded.weight, suspended_at = excluded.suspended_at,
        retention = excluded.retention, retention_bounced = excluded.retention_bounced,
        return_path_host = excluded.return_path_host, return_path_each = excluded.return_path_each,
        suppress_bounces = excluded.suppress_bounces, suppress_complaints = excluded.suppress_complaints
      WHERE (t.weight, t.suspended_at, t.retention, t.retention_bounced, t.return_path_host, t.return_path_each,
          t.suppress_bounces, t.suppress_complaints)
        IS DISTINCT FROM (excluded.weight, excluded.suspended_at, excluded.retention, excluded.retention_bounced,
          excluded.return_path_host, excluded.return_path_each, excluded.suppress_bounces, excluded.suppress_complaints)
        AND t.name = excluded.name
      """, parameters)
    guard try find(entry.id, connection)?.name == entry.name else {
      throw PostgresError(.server, "the database knows tenant number \(entry.id) under another name than \(entry.name)")
    }
  }

  /// Takes no more of the tenant's mail from anybody who knows an earlier epoch. When it returns, every insertion of
  /// before has committed or fails.
  ///
  /// It waits for insertions that run, and others wait for it, so not for long.
  package static func close(_ tenant: Int64, at epoch: Int64, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(epoch)
    try connection.transaction([
      PostgresStatement("SET LOCAL lock_timeout = '2s'"),
      PostgresStatement("SELECT postrider.close_tenant($1::bigint, $2::bigint)", parameters),
    ])
  }

  /// Takes the tenant's mail from whoever names this epoch. The directory must name it first.
  package static func open(_ tenant: Int64, at epoch: Int64, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(epoch)
    _ = try connection.query(
      """
      UPDATE postrider.tenant SET is_open = true, epoch = $2::bigint
      WHERE id = $1::bigint AND (epoch < $2::bigint OR (epoch = $2::bigint AND NOT is_open))
      """, parameters)
  }
}
