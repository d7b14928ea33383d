package import Postgres

/// Notes whose sender is to hear that a recipient still waits, wherever it waits: in a sleeping lane, at a suspended
/// tenant, held.
package enum Delays {
  /// How many one step notes at most.
  package static let stepSize = 500

  /// Notes up to `stepSize` recipients whose delay notice is due and that no living session has in flight: what is in
  /// flight may be about to arrive. Each is noted once: that clears its time and fills the outbox in one transaction.
  /// Served by `job_look`. Whose five days are over too is left to expiry.
  /// - Parameter guardStatement: checked first in the same transaction; see `Leadership`.
  /// - Returns: how many were noted.
  package static func noteDue(guardedBy guardStatement: PostgresStatement, _ connection: PostgresConnection) throws
    -> Int
  {
    try DueJobs.change(guardedBy: guardStatement, lockSQL: lockSQL, changeSQL: noteSQL, connection)
  }

  private static let lockSQL = """
    SELECT j.message, j.recipient FROM postrider.job j
    WHERE least(j.delay_at, j.event_at) <= postrider.schedule_now()
      AND j.delay_at <= (SELECT postrider.schedule_now()) AND j.event_at > (SELECT postrider.schedule_now())
      AND (j.claim_session IS NULL OR postrider.claim_is_free(j.claim_session, j.claim_counter))
    ORDER BY least(j.delay_at, j.event_at) LIMIT \(stepSize) FOR UPDATE OF j SKIP LOCKED
    """

  private static let noteSQL = """
    WITH clock AS MATERIALIZED (
      SELECT postrider.schedule_now() AS moment
    ), noted AS (
      UPDATE postrider.job j SET delay_at = NULL FROM unnest($1::uuid[], $2::int[]) o(message, recipient)
      WHERE j.message = o.message AND j.recipient = o.recipient AND j.delay_at IS NOT NULL
        AND (j.claim_session IS NULL OR postrider.claim_is_free(j.claim_session, j.claim_counter))
      RETURNING j.message, j.recipient, j.day
    ), told AS (
      INSERT INTO postrider.outbox (kind, recipient, day, message, tenant, created_at)
      SELECT \(OutboxKind.delayed.rawValue), n.recipient, n.day, n.message, m.tenant, c.moment
      FROM clock c CROSS JOIN noted n CROSS JOIN LATERAL (
        SELECT x.tenant FROM postrider.message x WHERE x.id = n.message AND x.day = n.day OFFSET 0) m
    )
    SELECT count(*) FROM noted
    """
}
