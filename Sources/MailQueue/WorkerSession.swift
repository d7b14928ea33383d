package import MailModel
package import Postgres

/// A worker's life in the database. Its claims are worth as much as it: renewed by one heartbeat, void once ended.
///
/// The id is random and 128 bits long, so that a database restored to an earlier time cannot hand it out again.
/// All of it is on the database's real clock.
package enum WorkerSessions {
  package static func begin(id: QueueID, node: String, lease: Duration, _ connection: PostgresConnection)
    throws(PostgresError)
  {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    parameters.append(node)
    parameters.append(lease.microseconds)
    _ = try connection.query(
      """
      INSERT INTO postrider.worker_session (id, node, lease)
      VALUES ($1::uuid, $2::text, $3::bigint * interval '1 microsecond')
      """, parameters)
  }

  /// - Returns: false when the session has irrevocably ended: the worker must stop using its claims.
  package static func renew(_ id: QueueID, _ connection: PostgresConnection) throws(PostgresError) -> Bool {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    let result = try connection.query(
      "UPDATE postrider.worker_session SET renewed_at = clock_timestamp() WHERE id = $1::uuid AND ended_at IS NULL",
      parameters)
    return result.affectedRows == 1
  }

  /// Declares claims void whose answer never came: perhaps the database has them, but nobody will act on them. It
  /// waits for a claim that is still being made.
  package static func void(_ counters: [Int64], of id: QueueID, _ connection: PostgresConnection) throws(PostgresError)
  {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    parameters.append(counters)
    _ = try connection.query(
      "UPDATE postrider.worker_session SET void_claims = void_claims || $2::bigint[] WHERE id = $1::uuid", parameters)
  }

  /// Ends a session whose worker has given everything back or has finished it.
  package static func end(_ id: QueueID, why: String, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    parameters.append(why)
    _ = try connection.query(
      """
      UPDATE postrider.worker_session SET ended_at = clock_timestamp(), ended_why = $2::text
      WHERE id = $1::uuid AND ended_at IS NULL
      """, parameters)
  }

  /// Ends the sessions whose lease has run out, unless the database itself was not up, or not to be reached, for a
  /// full lease: then their workers could not have renewed either.
  ///
  /// A renewal in the future was written by a server whose clock was ahead of this one's. It counts as made now, or a dead
  /// worker would seem alive for as long as the clocks differ.
  /// - Parameters:
  ///   - inContact: for how long the caller has had answers from this server without a gap.
  ///   - serverStart: which server that is (`DatabaseHealth.serverStart`). Another one may have been promoted since, with
  ///     another clock; nobody is ended there yet.
  /// - Returns: the ended sessions and the nodes they ran on.
  package static func endDead(inContact: Duration, serverStart: Int64, _ connection: PostgresConnection)
    throws(PostgresError) -> [(id: QueueID, node: String)]
  {
    var parameters = PostgresParameters()
    parameters.append(inContact.microseconds)
    parameters.append(serverStart)
    let result = try connection.query(
      """
      WITH future AS (
        UPDATE postrider.worker_session SET renewed_at = clock_timestamp()
        WHERE ended_at IS NULL AND renewed_at > clock_timestamp())
      UPDATE postrider.worker_session s SET ended_at = clock_timestamp(), ended_why = 'the lease ran out'
      FROM (SELECT w.id FROM postrider.worker_session w
            WHERE w.ended_at IS NULL AND w.renewed_at < clock_timestamp() - w.lease
              AND pg_postmaster_start_time() < clock_timestamp() - w.lease
              AND w.lease <= $1::bigint * interval '1 microsecond'
              AND (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint = $2::bigint
            ORDER BY w.id FOR UPDATE SKIP LOCKED) d
      WHERE s.id = d.id AND s.renewed_at < clock_timestamp() - s.lease
      RETURNING s.id, s.node
      """, parameters)
    var ended: [(id: QueueID, node: String)] = []
    for row in 0..<result.rowCount { ended.append((try result.uuid(row, 0).queueID, result.text(row, 1))) }
    return ended
  }
}
