internal import Postgres

/// Waiting jobs for which a time has come: what `Delays` and `Expiry` have in common.
enum DueJobs {
  /// Locks due jobs, then changes them in a statement of its own: its snapshot knows every session that claimed one of the
  /// rows before they were locked.
  /// - Parameters:
  ///   - guardStatement: checked first in the same transaction; see `Leadership`.
  ///   - lockSQL: selects message and recipient.
  ///   - changeSQL: takes both as arrays ($1, $2), and tells how many it has changed.
  /// - Returns: how many were changed.
  static func change(
    guardedBy guardStatement: PostgresStatement, lockSQL: String, changeSQL: String, _ connection: PostgresConnection
  ) throws -> Int {
    try connection.transaction {
      _ = try connection.query(guardStatement.sql, guardStatement.parameters)
      let due = try connection.query(lockSQL)
      guard due.rowCount > 0 else { return 0 }
      var parameters = PostgresParameters()
      parameters.append(try (0..<due.rowCount).map { try due.uuid($0, 0) })
      parameters.append(try (0..<due.rowCount).map { try due.int32($0, 1) })
      return Int(try connection.query(changeSQL, parameters).int64(0, 0))
    }
  }
}
