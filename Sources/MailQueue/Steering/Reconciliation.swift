package import MailModel
package import Postgres

/// What is done after the database has been restored to an earlier time: recipients that were delivered to since then
/// wait in it as if nothing had happened, and messages that were accepted since then are not in it.
package enum Reconciliation {
  /// One recipient of a message that is in the database.
  package struct Known: Sendable {
    package let message: QueueID
    package let day: Day
    /// From 1.
    package let recipient: Int32
    package let address: String
    package let isQueued: Bool
  }

  /// How many worker sessions may still live. Before it is 0 nothing may be reconciled: what is in flight would be
  /// delivered all the same.
  package static func livingWorkers(_ connection: PostgresConnection) throws(PostgresError) -> Int64 {
    try connection.query(
      """
      SELECT count(*) FROM postrider.worker_session s
      WHERE s.ended_at IS NULL AND s.renewed_at > clock_timestamp() - s.lease
      """
    ).int64(0, 0)
  }

  /// The recipients of those of the messages that are in the database. Served by the primary keys of `message` (once in
  /// each partition) and `job`.
  package static func known(_ messages: [QueueID], _ connection: PostgresConnection) throws(PostgresError) -> [Known] {
    var parameters = PostgresParameters()
    parameters.append(messages.map { UUIDValue($0) })
    let result = try connection.query(
      """
      SELECT m.id, m.day, o.number::int, o.address, j.message IS NOT NULL
      FROM postrider.message m CROSS JOIN unnest(m.recipients) WITH ORDINALITY o(address, number)
      LEFT JOIN postrider.job j ON j.message = m.id AND j.recipient = o.number
      WHERE m.id = ANY ($1::uuid[])
      """, parameters)
    var known: [Known] = []
    for row in 0..<result.rowCount {
      known.append(
        Known(
          message: try result.uuid(row, 0).queueID, day: try result.day(row, 1), recipient: try result.int32(row, 2),
          address: result.text(row, 3), isQueued: try result.bool(row, 4)))
    }
    return known
  }

  /// Ends jobs as delivered, held ones too, and those that a session had when the clock was turned back. Served by the
  /// primary key of `job`.
  /// - Returns: how many ended.
  package static func markDelivered(_ recipients: [Known], _ connection: PostgresConnection) throws(PostgresError)
    -> Int
  {
    var parameters = PostgresParameters()
    parameters.append(recipients.map { UUIDValue($0.message) })
    parameters.append(recipients.map(\.recipient))
    parameters.append(Bytea("delivered before the database was restored, says the log"))
    return Int(
      try connection.query(
        """
        WITH removed AS (
          DELETE FROM postrider.job j USING unnest($1::uuid[], $2::int[]) o(message, recipient)
          WHERE j.message = o.message AND j.recipient = o.recipient
          RETURNING j.message, j.recipient, j.day, j.attempt
        ), logged AS (
          INSERT INTO postrider.outcome (message, day, at, recipient, duration_ms, kind, attempt, reply)
          SELECT r.message, r.day, postrider.schedule_now(), r.recipient, 0, 0, r.attempt, $3::bytea FROM removed r)
        SELECT count(*) FROM removed
        """, parameters
      ).int64(0, 0))
  }
}
