package import Postgres

/// Whether a role can work with this database, asked every few seconds: one row and the catalogue.
package struct DatabaseReadiness: Sendable {
  /// A standby, or a server that was told to take no writes.
  package let isReadOnly: Bool
  package let schema: Schema.Fit
  /// Days that have all their tables, today included.
  package let daysAhead: Int

  package static func ask(_ connection: PostgresConnection) throws(PostgresError) -> DatabaseReadiness {
    let result = try connection.query(
      "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean")
    let schema = try Schema.fit(connection)
    return DatabaseReadiness(
      isReadOnly: try result.bool(0, 0), schema: schema,
      daysAhead: schema != .none ? Int(try Partitions.daysAhead(connection)) : 0)
  }
}
