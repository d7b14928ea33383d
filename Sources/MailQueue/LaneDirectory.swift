internal import NIOConcurrencyHelpers
package import Postgres

/// A lane's name: one tenant's mail to one destination domain.
package struct LaneName: Hashable, Sendable {
  package let tenant: Int64
  package let destination: String

  package init(tenant: Int64, destination: String) {
    self.tenant = tenant
    self.destination = destination
  }
}

/// Remembers the ids of lanes, and makes lanes that do not exist yet, apart from the transactions that use them.
final class LaneDirectory: Sendable {
  private let known = NIOLockedValueBox<[LaneName: Int64]>([:])
  private let rememberedMax: Int

  init(rememberedMax: Int = 200_000) { self.rememberedMax = rememberedMax }

  func ids(of names: Set<LaneName>, _ connection: PostgresConnection) throws(PostgresError) -> [LaneName: Int64] {
    var found = known.withLockedValue { known in
      names.reduce(into: [LaneName: Int64]()) { found, name in found[name] = known[name] }
    }
    // In one order everywhere, so that two acceptors that make the same lanes cannot wait for each other.
    let missing = names.filter { found[$0] == nil }.sorted { ($0.tenant, $0.destination) < ($1.tenant, $1.destination) }
    guard !missing.isEmpty else { return found }
    var parameters = PostgresParameters()
    parameters.append(missing.map(\.tenant))
    parameters.append(missing.map(\.destination))
    _ = try connection.query(
      """
      INSERT INTO postrider.lane (tenant, destination)
      SELECT u.tenant, u.destination FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY u(tenant, destination, place)
      ORDER BY u.place ON CONFLICT DO NOTHING
      """, parameters)
    let result = try connection.query(
      """
      SELECT l.id, l.tenant, l.destination FROM unnest($1::bigint[], $2::text[]) u(tenant, destination)
      JOIN postrider.lane l ON l.tenant = u.tenant AND l.destination = u.destination
      """, parameters)
    var fresh: [LaneName: Int64] = [:]
    for row in 0..<result.rowCount {
      let name = LaneName(tenant: try result.int64(row, 1), destination: result.text(row, 2))
      fresh[name] = try result.int64(row, 0)
    }
    found.merge(fresh) { $1 }
    known.withLockedValue { known in
      if known.count > rememberedMax { known.removeAll() }
      known.merge(fresh) { $1 }
    }
    return found
  }

  /// Forgets everything, after a lane turned out to be gone.
  func forget() { known.withLockedValue { $0.removeAll() } }
}

/// The second line behind the idle race: whatever put a lane to sleep over waiting jobs, it does not sleep for ever.
package enum SleepingLanes {
  /// Wakes lanes that sleep although they have jobs to do. One index probe per sleeping lane (`job_lane`): not for every
  /// second.
  /// - Returns: how many were woken; more than none is a fault to look into.
  package static func reconcile(_ connection: PostgresConnection) throws(PostgresError) -> Int {
    try connection.query(sleeping).affectedRows + connection.query(parked).affectedRows
  }

  private static let sleeping = """
    UPDATE postrider.lane l SET ready = true, scan_from = '-infinity', scan_next = NULL, scan_xid = NULL
    WHERE l.id IN (
      SELECT s.id FROM postrider.lane s WHERE NOT s.ready AND s.parked_by IS NULL
        AND CASE WHEN s.wake_at = 'infinity'
          THEN EXISTS (SELECT FROM postrider.job j WHERE j.lane = s.id AND NOT j.held)
          ELSE s.wake_at > postrider.schedule_now() + interval '1 minute' AND EXISTS (
            SELECT FROM postrider.job j WHERE j.lane = s.id AND j.due <= postrider.schedule_now() AND NOT j.held
              AND j.claim_session IS NULL) END
      ORDER BY s.id FOR UPDATE SKIP LOCKED)
    """

  /// Those that wait for a site that is not in trouble are let go; those that sleep over due mail are looked at.
  private static let parked = """
    UPDATE postrider.lane l SET scan_from = '-infinity', scan_next = NULL, scan_xid = NULL, look_at = '-infinity',
      parked_by = s.site, ready = s.site IS NULL
    FROM (
      SELECT k.id, t.name AS site FROM postrider.lane k
      LEFT JOIN postrider.site t ON t.name = k.parked_by AND t.kind <> 'free'
      WHERE k.parked_by IS NOT NULL AND (t.name IS NULL
        OR k.look_at > postrider.schedule_now() + interval '1 minute' AND EXISTS (
          SELECT FROM postrider.job j WHERE j.lane = k.id AND j.due <= postrider.schedule_now() AND NOT j.held
            AND j.claim_session IS NULL))
      ORDER BY k.id FOR UPDATE OF k SKIP LOCKED) s
    WHERE l.id = s.id
    """
}
