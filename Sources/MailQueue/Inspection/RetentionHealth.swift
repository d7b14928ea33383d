package import Postgres

/// What a person should know about bodies that ought to be gone.
package struct RetentionHealth: Sendable, Hashable {
  /// For how long the most overdue entry of the list has been due; nil when none is.
  package let overdue: Duration?
  /// Past days whose tables still hold what remains of keys that were destroyed long before.
  package let unclean: Int
  /// Whether the server keeps old WAL files, with what is in them, for reuse.
  package let reusesWAL: Bool

  /// - Parameter interval: how often a day is rewritten; two of them are long.
  package static func look(interval: Duration, _ connection: PostgresConnection) throws(PostgresError)
    -> RetentionHealth
  {
    var parameters = PostgresParameters()
    parameters.append(interval.microseconds)
    let result = try connection.query(
      """
      WITH clock AS MATERIALIZED (SELECT postrider.schedule_now() AS moment)
      SELECT (extract(epoch FROM c.moment - (SELECT r.due FROM postrider.redaction r ORDER BY r.due LIMIT 1)))::bigint,
        (SELECT count(*) FROM postrider.redaction_day d
         WHERE d.redacted_at > coalesce(d.rewritten_at, '-infinity')
           AND greatest(d.redacted_at, (d.day + 1) AT TIME ZONE 'UTC')
             < c.moment - interval '1 hour' - 2 * $1::bigint * interval '1 microsecond'),
        current_setting('wal_recycle')::boolean
      FROM clock c
      """, parameters)
    let late: Int64? = result.isNull(0, 0) ? nil : try result.int64(0, 0)
    return RetentionHealth(
      overdue: late.flatMap { $0 > 0 ? .seconds($0) : nil }, unclean: Int(try result.int64(0, 1)),
      reusesWAL: try result.bool(0, 2))
  }
}
