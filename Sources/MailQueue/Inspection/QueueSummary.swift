package import MailModel
package import Postgres

/// What waits for one destination of one tenant.
package struct LaneSummary: Sendable {
  package let lane: Int64
  package let tenant: String
  /// The tenant's mail waits until it is enabled again.
  package let isSuspended: Bool
  package let destination: String
  /// Recipients not due yet.
  package let waiting: Int
  /// Recipients that a worker may take now.
  package let due: Int
  package let inFlight: Int
  package let held: Int
  /// The lane has more than were counted.
  package let isCapped: Bool
  package let nextDue: Timestamp?
  package let oldestAccepted: Timestamp?

  package var total: Int { waiting + due + inFlight + held }
}

/// What last went wrong in a lane.
package struct LaneError: Sendable {
  package let at: Timestamp
  package let attempt: Attempt
}

package enum QueueSummary {
  /// At most so many recipients of one lane are counted.
  package static let countMax: Int32 = 100_000

  /// Every lane that has recipients queued, busiest first.
  ///
  /// Counting is work: this reads up to `countMax` index entries and rows of every lane (`job_lane`), so it grows
  /// with the backlog until each lane's bound is reached. It takes no lock. The oldest message costs one probe of
  /// `message` for each lane.
  package static func lanes(
    tenant: String?, destination: String?, countMax: Int32 = countMax, _ connection: PostgresConnection
  ) throws(PostgresError) -> [LaneSummary] {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(destination?.lowercased())
    parameters.append(countMax)
    let result = try connection.query(sql, parameters)
    var lanes: [LaneSummary] = []
    for row in 0..<result.rowCount {
      lanes.append(
        LaneSummary(
          lane: try result.int64(row, 0), tenant: result.text(row, 1), isSuspended: try result.bool(row, 2),
          destination: result.text(row, 3), waiting: Int(try result.int64(row, 4)),
          due: Int(try result.int64(row, 5)), inFlight: Int(try result.int64(row, 6)),
          held: Int(try result.int64(row, 7)), isCapped: try result.bool(row, 8),
          nextDue: result.isNull(row, 9) ? nil : try result.timestamp(row, 9),
          oldestAccepted: result.isNull(row, 10) ? nil : try result.timestamp(row, 10)))
    }
    return lanes
  }

  private static let sql = """
    SELECT l.id, coalesce(t.name, l.tenant::text), coalesce(t.suspended_at IS NOT NULL, false), l.destination,
      c.waiting, c.due, c.flying, c.held, c.total > $3::int, c.next_due, m.accepted_at
    FROM postrider.lane l LEFT JOIN postrider.tenant t ON t.id = l.tenant
    CROSS JOIN (SELECT postrider.schedule_now() AS moment OFFSET 0) n
    CROSS JOIN LATERAL (
      SELECT count(*) AS total,
        count(*) FILTER (WHERE NOT j.flying AND NOT j.held AND j.due > n.moment) AS waiting,
        count(*) FILTER (WHERE NOT j.flying AND NOT j.held AND j.due <= n.moment) AS due,
        count(*) FILTER (WHERE j.flying) AS flying,
        count(*) FILTER (WHERE NOT j.flying AND j.held) AS held,
        min(j.due) FILTER (WHERE NOT j.flying AND NOT j.held) AS next_due,
        (array_agg(j.message ORDER BY j.day, j.message))[1] AS oldest, min(j.day) AS oldest_day
      FROM (SELECT q.message, q.day, q.due, q.held, s.id IS NOT NULL AS flying
            FROM (SELECT x.message, x.day, x.due, x.held, x.claim_session, x.claim_counter
                  FROM postrider.job x WHERE x.lane = l.id
                  ORDER BY x.lane, x.due LIMIT $3::int + 1) q
            LEFT JOIN postrider.worker_session s ON s.id = q.claim_session AND s.ended_at IS NULL
              AND q.claim_counter <> ALL (s.void_claims)) j
    ) c
    LEFT JOIN postrider.message m ON m.id = c.oldest AND m.day = c.oldest_day
    WHERE c.total > 0
      AND ($1::text IS NULL OR l.tenant = (SELECT x.id FROM postrider.tenant x WHERE x.name = $1::text))
      AND ($2::text IS NULL OR l.destination = $2::text)
    ORDER BY c.total DESC, l.id
    """

  /// What last went wrong in each of the given lanes, among the recipients with the latest next attempt. Reads a few
  /// entries of `job_lane` from its end, unless a lane holds many that were never tried; then up to 1000.
  package static func lastErrors(of lanes: [Int64], _ connection: PostgresConnection) throws -> [Int64: LaneError] {
    guard !lanes.isEmpty else { return [:] }
    var parameters = PostgresParameters()
    parameters.append(lanes)
    let result = try connection.query(
      """
      SELECT o.reply_code, o.enhanced, o.reply, o.failure, o.stage, o.remote_name, o.remote_address, o.remote_port,
        o.at, u.lane
      FROM unnest($1::bigint[]) u(lane) CROSS JOIN LATERAL (
        SELECT p.* FROM (
          SELECT x.message, x.recipient, x.day FROM (
            SELECT j.message, j.recipient, j.day, j.attempt FROM postrider.job j WHERE j.lane = u.lane
            ORDER BY j.lane DESC, j.due DESC, j.message DESC LIMIT 1000) x
          WHERE x.attempt > 0 LIMIT 4) k
        JOIN postrider.outcome p ON p.message = k.message AND p.day = k.day AND p.recipient = k.recipient
        WHERE p.kind IN (1, 4) ORDER BY p.at DESC LIMIT 1) o
      """, parameters)
    var errors: [Int64: LaneError] = [:]
    for row in 0..<result.rowCount {
      errors[try result.int64(row, 9)] = LaneError(
        at: try result.timestamp(row, 8), attempt: try NoticeReading.attempt(result, row, firstColumn: 0))
    }
    return errors
  }

  /// Why a message is held in each of the given lanes that has such: the first of them that was held when it was accepted,
  /// among the first 1000 entries of `job_lane`.
  package static func holdReasons(of lanes: [Int64], _ connection: PostgresConnection) throws -> [Int64: String] {
    guard !lanes.isEmpty else { return [:] }
    var parameters = PostgresParameters()
    parameters.append(lanes)
    let result = try connection.query(
      """
      SELECT u.lane, r.hold_reason FROM unnest($1::bigint[]) u(lane) CROSS JOIN LATERAL (
        SELECT m.hold_reason FROM (
          SELECT j.message, j.day, j.due, j.held FROM postrider.job j WHERE j.lane = u.lane
          ORDER BY j.lane, j.due, j.message LIMIT 1000) k
        JOIN postrider.message m ON m.id = k.message AND m.day = k.day
        WHERE k.held AND m.hold_reason IS NOT NULL ORDER BY k.due LIMIT 1) r
      """, parameters)
    var reasons: [Int64: String] = [:]
    for row in 0..<result.rowCount { reasons[try result.int64(row, 0)] = result.text(row, 1) }
    return reasons
  }
}
