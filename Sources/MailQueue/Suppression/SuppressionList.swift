package import MailModel
package import Postgres

/// One entry as an operator sees it.
package struct SuppressionEntry: Sendable, Hashable {
  /// In the form in which addresses are compared: ASCII letters in lower case.
  package let address: String
  /// nil: for all tenants.
  package let tenantName: String?
  package let suppression: Suppression
  /// The message that led to it.
  package let message: QueueID?
}

/// The list in an operator's hands.
extension Suppressions {
  /// For whom an entry holds.
  package enum Scope: Sendable, Hashable {
    case allTenants
    case tenant(Int64)

    var number: Int64 {
      switch self {
      case .allTenants: 0
      case .tenant(let id): id
      }
    }
  }

  /// Finds a tenant by name. By its unique key.
  package static func tenant(_ name: String, _ connection: PostgresConnection) throws(PostgresError) -> Int64? {
    var parameters = PostgresParameters()
    parameters.append(name)
    let result = try connection.query("SELECT t.id FROM postrider.tenant t WHERE t.name = $1::text", parameters)
    return result.rowCount == 1 ? try result.int64(0, 0) : nil
  }

  /// Adds an address, or replaces what is said about it.
  /// - Parameter lifetime: nil: until somebody removes it.
  package static func add(
    _ address: MailAddress, for scope: Scope, note: String, lifetime: Duration?, _ connection: PostgresConnection
  ) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(Bytea(address.description))
    parameters.append(scope.number)
    parameters.append(note)
    parameters.append(lifetime.map(\.wholeSeconds))
    _ = try connection.query(
      """
      INSERT INTO postrider.suppression AS s (address, tenant, reason, detail, added_at, expires_at)
      SELECT postrider.suppression_key($1::bytea), $2::bigint, 0, $3::text, c.moment,
        c.moment + $4::int * interval '1 second'
      FROM (SELECT postrider.schedule_now() AS moment) c
      ON CONFLICT (address, tenant) DO UPDATE SET reason = 0, detail = excluded.detail, message = NULL,
        added_at = excluded.added_at, expires_at = excluded.expires_at
      """, parameters)
  }

  /// - Parameter scope: nil: wherever it is.
  /// - Returns: what was removed.
  package static func remove(_ address: MailAddress, from scope: Scope?, _ connection: PostgresConnection)
    throws(PostgresError) -> [SuppressionEntry]
  {
    var parameters = PostgresParameters()
    parameters.append(Bytea(address.description))
    parameters.append(scope?.number)
    return try entries(
      try connection.query(
        """
        WITH gone AS (
          DELETE FROM postrider.suppression s WHERE s.address = postrider.suppression_key($1::bytea)
            AND ($2::bigint IS NULL OR s.tenant = $2::bigint) RETURNING s.*)
        \(columns) FROM gone s LEFT JOIN postrider.tenant t ON t.id = s.tenant ORDER BY s.tenant
        """, parameters))
  }

  /// The entries that hold now, in the order of their addresses. By the primary key, or by `suppression_tenant`.
  /// - Parameters:
  ///   - scope: nil: all.
  ///   - address: only this one.
  ///   - after: only addresses behind this one, for lists that come in pieces.
  package static func list(
    _ scope: Scope?, address: MailAddress? = nil, after: String = "", limit: Int, _ connection: PostgresConnection
  ) throws(PostgresError) -> [SuppressionEntry] {
    var parameters = PostgresParameters()
    parameters.append(scope?.number)
    parameters.append(address.map { Bytea($0.description) })
    parameters.append(Bytea(after))
    parameters.append(Int64(limit))
    return try entries(
      try connection.query(
        """
        \(columns) FROM postrider.suppression s LEFT JOIN postrider.tenant t ON t.id = s.tenant
        WHERE ($1::bigint IS NULL OR s.tenant = $1::bigint)
          AND ($2::bytea IS NULL OR s.address = postrider.suppression_key($2::bytea))
          AND s.address > encode($3::bytea, 'escape')
          AND (s.expires_at IS NULL OR s.expires_at > postrider.schedule_now())
        ORDER BY s.address, s.tenant LIMIT $4::bigint
        """, parameters))
  }

  private static let columns = """
    SELECT s.tenant, s.reason, s.detail, s.added_at, s.expires_at, decode(s.address, 'escape'), t.name, s.message
    """

  private static func entries(_ result: PostgresResult) throws(PostgresError) -> [SuppressionEntry] {
    var entries: [SuppressionEntry] = []
    for row in 0..<result.rowCount {
      let suppression = try Suppression(result, row, firstColumn: 0)
      let name = result.isNull(row, 6) ? suppression.tenant.map { "number \($0)" } : result.text(row, 6)
      entries.append(
        SuppressionEntry(
          address: result.text(row, 5), tenantName: name, suppression: suppression,
          message: result.isNull(row, 7) ? nil : try result.uuid(row, 7).queueID))
    }
    return entries
  }
}
