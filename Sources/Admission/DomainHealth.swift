package import Postgres

/// How all domains stand, for metrics and `doctor`.
package struct DomainHealth: Sendable {
  package struct Named: Sendable {
    package let name: String
    package let tenant: String
    package let since: Timestamp
  }

  package private(set) var proven: Int64 = 0
  package private(set) var unproven: Int64 = 0
  /// Proven by a record that is gone.
  package private(set) var vanished: Int64 = 0
  /// Keys that do not sign because their records are not there.
  package private(set) var keysWaiting: Int64 = 0
  /// Those whose mailboxes are here.
  package private(set) var hosted: Int64 = 0
  /// Those of them whose proof is a record that is gone.
  package private(set) var hostedVanished: Int64 = 0
  /// Most overdue look; nil: none is.
  package private(set) var overdue: Duration?

  /// Reads the table of domains once: for every minute, not for every second.
  package static func look(_ connection: PostgresConnection) throws -> DomainHealth {
    let result = try connection.query(
      """
      SELECT count(*) FILTER (WHERE d.proven_at IS NOT NULL), count(*) FILTER (WHERE d.proven_at IS NULL),
        count(*) FILTER (WHERE d.vanished_at IS NOT NULL),
        (SELECT count(*) FROM postrider.dkim_key k JOIN postrider.domain x ON x.id = k.domain
         WHERE k.requested_from IS NOT NULL AND x.disabled_at IS NULL),
        (extract(epoch FROM postrider.schedule_now() - min(d.check_due)))::bigint,
        count(*) FILTER (WHERE d.mailbox_domain IS NOT NULL),
        count(*) FILTER (WHERE d.mailbox_domain IS NOT NULL AND d.vanished_at IS NOT NULL)
      FROM postrider.domain d WHERE d.disabled_at IS NULL
      """)
    var health = DomainHealth()
    (health.proven, health.unproven) = (try result.int64(0, 0), try result.int64(0, 1))
    (health.vanished, health.keysWaiting) = (try result.int64(0, 2), try result.int64(0, 3))
    (health.hosted, health.hostedVanished) = (try result.int64(0, 5), try result.int64(0, 6))
    let late = result.isNull(0, 4) ? 0 : try result.int64(0, 4)
    if late > 0 { health.overdue = .seconds(late) }
    return health
  }

  /// Those that wait for their proof, longest first.
  package static func unproven(limit: Int32 = 3, _ connection: PostgresConnection) throws -> [Named] {
    try named("d.proven_at IS NULL", since: "d.created_at", limit, connection)
  }

  /// Those whose record is gone, longest first.
  package static func vanished(limit: Int32 = 3, _ connection: PostgresConnection) throws -> [Named] {
    try named("d.vanished_at IS NOT NULL", since: "d.vanished_at", limit, connection)
  }

  /// Of those the ones whose mailboxes are here.
  package static func hostedVanished(limit: Int32 = 3, _ connection: PostgresConnection) throws -> [Named] {
    try named("d.vanished_at IS NOT NULL AND d.mailbox_domain IS NOT NULL", since: "d.vanished_at", limit, connection)
  }

  private static func named(_ which: String, since: String, _ limit: Int32, _ connection: PostgresConnection) throws
    -> [Named]
  {
    var parameters = PostgresParameters()
    parameters.append(limit)
    let result = try connection.query(
      """
      SELECT d.name, t.name, \(since) FROM postrider.domain d JOIN postrider.tenant t ON t.id = d.tenant
      WHERE d.disabled_at IS NULL AND \(which) ORDER BY \(since), d.id LIMIT $1
      """, parameters)
    return try (0..<result.rowCount).map {
      Named(name: result.text($0, 0), tenant: result.text($0, 1), since: try result.timestamp($0, 2))
    }
  }
}
