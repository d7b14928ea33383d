package import Postgres

/// Whether one database takes a tenant's new mail: two columns of its tenant row there.
///
/// Every change names an epoch and acts only on a lower one, so that whoever is late (a frozen mover, a statement that
/// waited for a lock after its client had died) changes nothing.
package struct TenantGate: Sendable, Hashable {
  package let tenant: Int64
  package let epoch: Int64
  package let isOpen: Bool

  /// - Parameter tenants: nil for all.
  package static func all(_ tenants: [Int64]? = nil, _ connection: PostgresConnection) throws(PostgresError)
    -> [TenantGate]
  {
    var parameters = PostgresParameters()
    if let tenants { parameters.append(tenants) }
    let result = try connection.query(
      """
      SELECT t.id, t.epoch, t.is_open FROM postrider.tenant t
      \(tenants == nil ? "" : "WHERE t.id = ANY ($1::bigint[])") ORDER BY t.id
      """, parameters)
    var gates: [TenantGate] = []
    for row in 0..<result.rowCount {
      gates.append(
        TenantGate(
          tenant: try result.int64(row, 0), epoch: try result.int64(row, 1), isOpen: try result.bool(row, 2)))
    }
    return gates
  }

  package static func find(_ tenant: Int64, _ connection: PostgresConnection) throws(PostgresError) -> TenantGate? {
    try all([tenant], connection).first
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
