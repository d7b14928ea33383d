package import MailModel
package import Postgres

/// A site in trouble, and what waits for it.
package struct SiteSummary: Sendable {
  package let name: String
  package let state: SiteState
  package let category: String
  package let since: Timestamp
  /// The next probe, or the end of the pause.
  package let nextAt: Timestamp
  /// When a slowed site's rate is back to normal.
  package let endsAt: Timestamp?
  /// A probe is under way.
  package let isProbed: Bool
  /// Failed probes, or slowdowns in a row.
  package let times: Int
  /// Messages a minute at this moment, and normally; nil for a site that is down.
  package let rate: Double?
  package let normal: Double?
  /// The sending addresses that are slowed; "" is one that is not known.
  package let sources: [String]
  /// Pairs of tenant and destination whose mail waits.
  package let lanes: Int
  package let recipients: Int
  /// More wait than were counted.
  package let isCapped: Bool
  /// What last went wrong.
  package let attempt: Attempt
}

extension Sites {
  /// All sites in trouble, the longest first. Counting reads up to `countMax` index entries for each.
  /// - Parameters:
  ///   - tenant: only sites for which this tenant's mail waits.
  ///   - destination: only sites for which mail to this domain waits.
  package static func summaries(
    tenant: String? = nil, destination: String? = nil, countMax: Int32 = QueueSummary.countMax,
    _ connection: PostgresConnection
  ) throws -> [SiteSummary] {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(destination?.lowercased())
    parameters.append(countMax)
    let result = try connection.query(
      """
      SELECT s.reply_code, s.enhanced, coalesce(s.reply, ''), s.failure, s.stage, s.remote_name, s.remote_address,
        s.remote_port, s.name, s.kind, s.category, s.since, s.next_at, s.ends_at, s.probe_session IS NOT NULL, s.times,
        CASE WHEN s.kind = 'slowed' THEN CASE WHEN n.moment < s.next_at OR s.ends_at <= s.next_at THEN 0
          ELSE least(s.normal, s.rate + (s.normal - s.rate) * extract(epoch FROM n.moment - s.next_at)
            / extract(epoch FROM s.ends_at - s.next_at)) END END::float8,
        s.normal, s.sources, p.lanes, p.total, s.ends_at < 'infinity'
      FROM postrider.site s
      CROSS JOIN (SELECT postrider.schedule_now() AS moment OFFSET 0) n
      CROSS JOIN LATERAL (
        SELECT count(DISTINCT w.lane) AS lanes, count(w.message) AS total FROM (
          SELECT l.id AS lane, j.message FROM postrider.lane l LEFT JOIN postrider.job j ON j.lane = l.id
          WHERE l.parked_by = s.name LIMIT $3::int + 1) w) p
      WHERE s.kind <> 'free' AND ($1::text IS NULL AND $2::text IS NULL OR EXISTS (
        SELECT FROM postrider.lane l WHERE l.parked_by = s.name
          AND ($1::text IS NULL OR l.tenant = (SELECT x.id FROM postrider.tenant x WHERE x.name = $1::text))
          AND ($2::text IS NULL OR l.destination = $2::text)))
      ORDER BY s.since, s.name
      """, parameters)
    return try (0..<result.rowCount).map { row in
      SiteSummary(
        name: result.text(row, 8), state: SiteState(rawValue: result.text(row, 9)) ?? .down,
        category: result.text(row, 10), since: try result.timestamp(row, 11), nextAt: try result.timestamp(row, 12),
        endsAt: try result.bool(row, 21) ? try result.timestamp(row, 13) : nil, isProbed: try result.bool(row, 14),
        times: Int(try result.int32(row, 15)), rate: result.isNull(row, 16) ? nil : try result.double(row, 16),
        normal: result.isNull(row, 17) ? nil : try result.double(row, 17),
        sources: try result.byteArrays(row, 18).compactMap { $0.map { String(decoding: $0, as: UTF8.self) } },
        lanes: Int(try result.int64(row, 19)), recipients: min(Int(try result.int64(row, 20)), Int(countMax)),
        isCapped: try result.int64(row, 20) > Int64(countMax),
        attempt: try NoticeReading.attempt(result, row, firstColumn: 0))
    }
  }

  /// The sites in trouble that a person means: by its own name, or by a domain whose mail waits for it.
  package static func named(_ name: String, _ connection: PostgresConnection) throws(PostgresError) -> [String] {
    var parameters = PostgresParameters()
    parameters.append(name.lowercased())
    let result = try connection.query(
      """
      SELECT s.name FROM postrider.site s WHERE s.kind <> 'free' AND (s.name = $1::text
        OR s.name IN (SELECT l.parked_by FROM postrider.lane l
          WHERE l.parked_by IS NOT NULL AND l.destination = $1::text))
      ORDER BY s.name
      """, parameters)
    return (0..<result.rowCount).map { result.text($0, 0) }
  }
}
