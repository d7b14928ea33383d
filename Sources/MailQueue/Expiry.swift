package import Postgres

/// Ends the jobs whose five days are over, wherever they wait: in a sleeping lane, at a suspended tenant, held.
package enum Expiry {
  /// Ends up to 500 overdue jobs that no living session has in flight. Served by `job_look`.
  /// - Parameter guardStatement: checked first in the same transaction; see `Leadership`.
  /// - Returns: how many ended.
  package static func endOverdue(guardedBy guardStatement: PostgresStatement, _ connection: PostgresConnection) throws
    -> Int
  {
    try DueJobs.change(guardedBy: guardStatement, lockSQL: lockSQL, changeSQL: endSQL, connection)
  }

  private static let lockSQL = """
    SELECT j.message, j.recipient FROM postrider.job j
    WHERE least(j.delay_at, j.event_at) <= postrider.schedule_now()
      AND j.event_at <= (SELECT postrider.schedule_now())
      AND (j.claim_session IS NULL OR postrider.claim_is_free(j.claim_session, j.claim_counter))
    ORDER BY least(j.delay_at, j.event_at) LIMIT 500 FOR UPDATE OF j SKIP LOCKED
    """

  private static let endSQL = """
    WITH clock AS MATERIALIZED (
      SELECT postrider.schedule_now() AS moment
    ), removed AS (
      DELETE FROM postrider.job j USING unnest($1::uuid[], $2::int[]) o(message, recipient)
      WHERE j.message = o.message AND j.recipient = o.recipient
        AND (j.claim_session IS NULL OR postrider.claim_is_free(j.claim_session, j.claim_counter))
      RETURNING j.message, j.recipient, j.day, j.attempt, j.lane
    ), logged AS (
      INSERT INTO postrider.outcome (message, day, at, recipient, duration_ms, kind, stage, attempt, failure, reply)
      SELECT r.message, r.day, c.moment, r.recipient, 0, 3, NULL, r.attempt, 'expired', ''::bytea
      FROM clock c CROSS JOIN removed r
    ), inherited AS (
      -- Whoever waited for a site in trouble and was never tried: what others met there is the reason.
      INSERT INTO postrider.outcome (message, day, at, recipient, duration_ms, kind, stage, attempt, reply_code,
        enhanced, reply, failure, remote_name, remote_address, remote_port)
      SELECT r.message, r.day, least(s.changed_at, c.moment), r.recipient, 0, 1, s.stage, 0, s.reply_code, s.enhanced,
        coalesce(s.reply, ''), s.failure, s.remote_name, s.remote_address, s.remote_port
      FROM clock c CROSS JOIN removed r
      CROSS JOIN LATERAL (SELECT l.parked_by FROM postrider.lane l WHERE l.id = r.lane OFFSET 0) l
      CROSS JOIN LATERAL (SELECT t.* FROM postrider.site t WHERE t.name = l.parked_by OFFSET 0) s
      WHERE r.attempt = 0
    ), told AS (
      INSERT INTO postrider.outbox (kind, recipient, day, message, tenant, created_at)
      SELECT 3, r.recipient, r.day, r.message, m.tenant, c.moment
      FROM clock c CROSS JOIN removed r JOIN postrider.message m ON m.id = r.message AND m.day = r.day
      WHERE m.reverse_path IS NOT NULL AND coalesce(m.notify[r.recipient] & 2 <> 0, true)
    )
    SELECT count(*) FROM removed
    """
}
