package import Postgres

/// Which keeper leads: an epoch in PostgreSQL, checked in each duty's own transaction. A keeper that was frozen
/// and thaws finds another epoch and its transaction fails.
package struct Leadership: Sendable, Hashable {
  package let epoch: Int64

  /// Takes or keeps the lead.
  /// - Parameter patience: a leader that has not renewed for so long is replaced. So is one whose renewal is that far in
  ///   the future: a server whose clock was ahead wrote it, and nobody knows how old it is.
  /// - Returns: nil while another keeper leads.
  package static func take(holder: String, patience: Duration, _ connection: PostgresConnection) throws(PostgresError)
    -> Leadership?
  {
    var parameters = PostgresParameters()
    parameters.append(holder)
    parameters.append(patience.microseconds)
    let result = try connection.query(
      """
      INSERT INTO postrider.leadership AS l (duty, epoch, holder, renewed_at)
      VALUES ('keeper', 1, $1::text, clock_timestamp())
      ON CONFLICT (duty) DO UPDATE SET holder = $1::text, renewed_at = clock_timestamp(),
        epoch = l.epoch + CASE WHEN l.holder = $1::text THEN 0 ELSE 1 END
      WHERE l.holder = $1::text OR l.renewed_at NOT BETWEEN clock_timestamp() - $2::bigint * interval '1 microsecond'
        AND clock_timestamp() + $2::bigint * interval '1 microsecond'
      RETURNING l.epoch
      """, parameters)
    return result.rowCount == 1 ? Leadership(epoch: try result.int64(0, 0)) : nil
  }

  /// Gives the lead up, so that the next keeper need not wait.
  package func resign(_ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(epoch)
    _ = try connection.query(
      "UPDATE postrider.leadership SET renewed_at = 'epoch', holder = '' WHERE duty = 'keeper' AND epoch = $1::bigint",
      parameters)
  }

  /// Fails its transaction unless this leader still leads, and keeps others from taking over until it commits.
  package var guardStatement: PostgresStatement {
    var parameters = PostgresParameters()
    parameters.append(epoch)
    return PostgresStatement("SELECT postrider.require_epoch($1::bigint)", parameters)
  }
}
