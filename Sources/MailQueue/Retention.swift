package import MailModel
package import Postgres

/// For how long a body is kept after the end of its message's last recipient. Whole seconds; zero is «at once».
package struct Retention: Sendable, Hashable {
  /// When every recipient was delivered or cancelled.
  package var body: Duration
  /// When a recipient bounced or expired.
  package var bounced: Duration

  package init(body: Duration = .seconds(30 * 86_400), bounced: Duration = .seconds(30 * 86_400)) {
    self.body = body
    self.bounced = bounced
  }
}

/// Destroys the keys of bodies that are no longer wanted; see docs/retention.md.
package enum Redaction {
  /// What one batch did.
  package struct Batch: Sendable, Hashable {
    /// Entries of the list that were looked at; fewer than `size` when nothing more is due.
    package let seen: Int
    package let redacted: Int
    package static let size = 500
  }

  /// Redacts what is due, up to `Batch.size` entries of the list, in one transaction.
  /// - Parameter guardStatement: checked first in the same transaction; see `Leadership`.
  package static func redactDue(guardedBy guardStatement: PostgresStatement, _ connection: PostgresConnection) throws
    -> Batch
  {
    let result = try connection.transaction([
      guardStatement, PostgresStatement("SELECT seen, redacted FROM postrider.redact_due()"),
    ])
    guard let counts = result.last, counts.rowCount == 1 else { return Batch(seen: 0, redacted: 0) }
    return Batch(seen: Int(try counts.int32(0, 0)), redacted: Int(try counts.int32(0, 1)))
  }

  /// Redacts one message now, and the notices about it that have ended.
  /// - Returns: what has been redacted just now; nil when a recipient of the message still waits.
  package static func redact(_ message: QueueID, _ connection: PostgresConnection) throws -> [QueueID]? {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(message))
    let result = try connection.query(
      "SELECT waiting, array(SELECT uuid_send(r) FROM unnest(redacted) r) FROM postrider.redact_message($1::uuid)",
      parameters)
    guard try !result.bool(0, 0) else { return nil }
    return try result.byteArrays(0, 1).compactMap { $0.flatMap { QueueID(bytes: $0) } }
  }
}

/// What is done to the tables of days that are over.
extension Redaction {
  /// What was done; nothing, one thing or both.
  package struct Tended: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// What remained of destroyed keys in the table of messages is gone.
    package static let rewritten = Tended(rawValue: 1)
    /// Nothing of the day can be decrypted any more: its bodies have been dropped.
    package static let bodiesDropped = Tended(rawValue: 2)
  }

  /// The past days whose tables have not been looked at for so long (schedule time). The oldest first.
  package static func daysToTend(every interval: Duration, _ connection: PostgresConnection) throws(PostgresError)
    -> [Day]
  {
    var parameters = PostgresParameters()
    parameters.append(interval.microseconds)
    let result = try connection.query(
      """
      WITH clock AS MATERIALIZED (SELECT postrider.schedule_now() AS moment)
      SELECT p.day FROM clock c CROSS JOIN (
        SELECT to_date(right(k.relname, 8), 'YYYYMMDD') AS day FROM pg_class k
        JOIN pg_namespace n ON n.oid = k.relnamespace
        WHERE n.nspname = 'postrider' AND k.relkind = 'r' AND k.relname ~ '^message_[0-9]{8}$') p
      LEFT JOIN postrider.redaction_day d ON d.day = p.day
      WHERE p.day < postrider.utc_day(c.moment - interval '1 hour')
        AND coalesce(d.looked_at, '-infinity') <= c.moment - $1::bigint * interval '1 microsecond'
      ORDER BY p.day
      """, parameters)
    var days: [Day] = []
    for row in 0..<result.rowCount { days.append(try result.day(row, 0)) }
    return days
  }

  /// Does what is to be done to one past day: rewrites its messages if keys have been destroyed since the last time,
  /// drops its bodies when none has a key, and puts messages on the list that are long overdue and not on it (they
  /// ended before there was one). May be done twice; a step whose locks cannot be had throws, and is done next time.
  package static func tend(_ day: Day, _ connection: PostgresConnection) throws -> Tended {
    var parameters = PostgresParameters()
    parameters.append(day)
    let state = try connection.query(
      """
      SELECT coalesce(d.redacted_at > coalesce(d.rewritten_at, '-infinity'), false),
        EXISTS (SELECT FROM postrider.message m WHERE m.day = $1::date AND m.body_key IS NOT NULL),
        to_regclass('postrider.body_chunk_' || to_char($1::date, 'YYYYMMDD')) IS NOT NULL,
        EXISTS (SELECT FROM postrider.message m WHERE m.day = $1::date),
        coalesce(postrider.utc_day(d.looked_at) < postrider.utc_day(postrider.schedule_now()), true)
      FROM (SELECT) one LEFT JOIN postrider.redaction_day d ON d.day = $1::date
      """, parameters)
    let (isRedacted, isFirstToday) = (try state.bool(0, 0), try state.bool(0, 4))
    let (hasBodies, hasChunks, hasMessages) = (try state.bool(0, 1), try state.bool(0, 2), try state.bool(0, 3))
    var tended: Tended = []
    if isRedacted {
      _ = try connection.transaction([PostgresStatement("SELECT postrider.rewrite_day($1::date)", parameters)])
      tended.insert(.rewritten)
    }
    if !hasBodies, hasMessages, hasChunks {
      try Partitions.drop("body_chunk", of: day, connection)
      tended.insert(.bodiesDropped)
    }
    if hasBodies, isFirstToday { _ = try connection.query(overdueSQL, parameters) }
    try lookAgain(at: day, earlier: .zero, connection)
    return tended
  }

  /// Puts a day aside for an interval, less so much.
  package static func lookAgain(at day: Day, earlier: Duration, _ connection: PostgresConnection) throws {
    var parameters = PostgresParameters()
    parameters.append(day)
    parameters.append(earlier.microseconds)
    _ = try connection.query(
      """
      INSERT INTO postrider.redaction_day (day, looked_at)
      VALUES ($1::date, postrider.schedule_now() - $2::bigint * interval '1 microsecond')
      ON CONFLICT (day) DO UPDATE SET looked_at = EXCLUDED.looked_at
      """, parameters)
  }

  /// Reads the day's messages, so once a day. Such as are on the list and late themselves come onto it twice: no harm.
  private static let overdueSQL = """
    WITH clock AS MATERIALIZED (SELECT postrider.schedule_now() AS moment)
    INSERT INTO postrider.redaction (due, message, day)
    SELECT c.moment, m.id, m.day FROM clock c CROSS JOIN postrider.message m
    WHERE m.day = $1::date AND m.body_key IS NOT NULL
      AND m.expires_at + (greatest(m.retention, m.retention_bounced) + 86400) * interval '1 second' < c.moment
      AND NOT EXISTS (SELECT FROM postrider.job j WHERE j.message = m.id)
    """
}
