package import Postgres

/// The daily partitions of `message`, `body_chunk` and `outcome`.
package enum Partitions {
  static let parents = ["message", "body_chunk", "outcome"]

  /// Makes today's and the next days' partitions where they are missing. Each in a transaction of its own with a
  /// short lock time-out, so that a long reader delays nobody who waits behind us.
  /// - Returns: how many were made.
  @discardableResult
  package static func makeAhead(_ connection: PostgresConnection, days: Int32) throws(PostgresError) -> Int {
    var made = 0
    for parent in parents {
      for offset in 0...max(1, days) {
        var parameters = PostgresParameters()
        parameters.append(parent)
        parameters.append(offset)
        let known = try connection.query(
          """
          SELECT to_regclass('postrider.' || $1::text || '_'
            || to_char(postrider.utc_day(postrider.schedule_now()) + $2::int, 'YYYYMMDD')) IS NOT NULL
            AND EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('postrider.' || $1::text || '_'
            || to_char(postrider.utc_day(postrider.schedule_now()) + $2::int, 'YYYYMMDD')))
          """, parameters)
        if try known.bool(0, 0) { continue }
        let result = try connection.transaction([
          PostgresStatement("SET LOCAL lock_timeout = '2s'"),
          PostgresStatement(
            "SELECT postrider.make_partition($1::text, postrider.utc_day(postrider.schedule_now()) + $2::int)",
            parameters),
        ])
        if let last = result.last, try last.bool(0, 0) { made += 1 }
      }
    }
    return made
  }

  /// In one look at the tables' children: every process asks this each time that it is asked how it is.
  /// - Returns: how many days from today on (today included) have all their partitions, up to the first that has not;
  ///   at most 61.
  package static func daysAhead(_ connection: PostgresConnection) throws(PostgresError) -> Int32 {
    let result = try connection.query(
      """
      WITH whole AS MATERIALIZED (
        SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN (
          'postrider.message'::regclass, 'postrider.body_chunk'::regclass, 'postrider.outcome'::regclass)
        GROUP BY 1 HAVING count(*) = 3
      ), today AS MATERIALIZED (SELECT postrider.utc_day(postrider.schedule_now()) AS day)
      SELECT coalesce(min(d), 61)::int FROM today, generate_series(0, 60) d
      WHERE NOT EXISTS (SELECT FROM whole WHERE whole.day = today.day + d)
      """)
    return try result.int32(0, 0)
  }
}

extension Partitions {
  /// Drops one day's tables when every one of its messages has long been final and redacted.
  ///
  /// The day is detached CONCURRENTLY first: that waits for old readers without making new ones wait, which a plain
  /// DROP of a partition would do. An interrupted detachment is finished at the next call. A lock that cannot be had
  /// in two seconds is tried again in the keeper's next round.
  /// - Parameter retentionDays: whole days that are kept besides today.
  /// - Returns: the dropped day, or nil when no day is due or the oldest is still needed.
  package static func dropOldest(_ connection: PostgresConnection, retentionDays: Int32) throws -> Day? {
    var parameters = PostgresParameters()
    parameters.append(retentionDays)
    let oldest = try connection.query(
      """
      SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'postrider' AND c.relkind = 'r' AND c.relname ~ '^(message|body_chunk|outcome)_[0-9]{8}$'
        AND to_date(right(c.relname, 8), 'YYYYMMDD') < postrider.utc_day(postrider.schedule_now()) - $1::int
      ORDER BY 1 LIMIT 1
      """, parameters)
    guard oldest.rowCount == 1 else { return nil }
    let day = try oldest.day(0, 0)
    var dayParameter = PostgresParameters()
    dayParameter.append(day)
    if try hasMessages(dayParameter, connection), try isNeeded(dayParameter, connection) { return nil }
    for parent in parents { try drop(parent, of: day, connection) }
    _ = try connection.query("DELETE FROM postrider.redaction_day WHERE day = $1::date", dayParameter)
    return day
  }

  /// Whether the day's messages are still there, and not on their way out: they go first, and were looked at before.
  private static func hasMessages(_ day: PostgresParameters, _ connection: PostgresConnection) throws(PostgresError)
    -> Bool
  {
    try connection.query(
      """
      SELECT EXISTS (SELECT FROM pg_inherits i WHERE NOT i.inhdetachpending
        AND i.inhrelid = to_regclass('postrider.message' || to_char($1::date, '_YYYYMMDD')))
      """, day
    ).bool(0, 0)
  }

  /// A message may wait longer than records are kept, and so may a body: each has its own retention.
  private static func isNeeded(_ day: PostgresParameters, _ connection: PostgresConnection) throws(PostgresError)
    -> Bool
  {
    let bodies = try connection.query(
      "SELECT EXISTS (SELECT FROM postrider.message WHERE day = $1::date AND body_key IS NOT NULL)", day)
    if try bodies.bool(0, 0) { return true }
    // What was redacted has no jobs; asked all the same, once a day: by the day's messages, however many jobs there are.
    let waits = try connection.query(
      """
      SELECT EXISTS (
        SELECT FROM (SELECT x.id FROM postrider.message x WHERE x.day = $1::date OFFSET 0) m
        CROSS JOIN LATERAL (SELECT FROM postrider.job j WHERE j.message = m.id LIMIT 1) waiting)
      """, day)
    return try waits.bool(0, 0)
  }

  /// Drops one table of a day.
  /// - Parameter parent: one of `parents`.
  static func drop(_ parent: String, of day: Day, _ connection: PostgresConnection) throws {
    var parameters = PostgresParameters()
    parameters.append(day)
    let suffix = try connection.query("SELECT to_char($1::date, 'YYYYMMDD')", parameters).text(0, 0)
    try drop("\(parent)_\(suffix)", of: parent, connection)
  }

  /// - Parameter name: made of a known parent and eight digits.
  private static func drop(_ name: String, of parent: String, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(name)
    let state = try connection.query(
      """
      SELECT c.oid IS NOT NULL, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
      FROM (SELECT to_regclass('postrider.' || $1::text) AS oid) c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      """, parameters)
    guard try state.bool(0, 0) else { return }
    try connection.execute(script: "SET lock_timeout = '2s'")
    defer { if connection.isOpen { try? connection.execute(script: "RESET lock_timeout") } }
    if try state.bool(0, 2) {
      try connection.execute(script: "ALTER TABLE postrider.\(parent) DETACH PARTITION postrider.\(name) FINALIZE")
    } else if try state.bool(0, 1) {
      try connection.execute(script: "ALTER TABLE postrider.\(parent) DETACH PARTITION postrider.\(name) CONCURRENTLY")
    }
    try connection.execute(script: "DROP TABLE postrider.\(name)")
  }
}
