package import MailModel
package import Postgres

/// What an operator does to queued mail. What a living worker session has in flight is never disturbed: its
/// attempt ends as it would have ended.
package enum Steering {
  /// Makes a message's waiting recipients due now. Held ones stay held.
  /// - Returns: the numbers, from 1, of the recipients that were touched.
  package static func retry(_ message: QueueID, _ connection: PostgresConnection) throws(PostgresError) -> [Int32] {
    try touch("SELECT postrider.retry_message($1::uuid)", message, connection)
  }

  /// Gives a message's recipients up, held ones too. Nobody is told: whoever cancels knows.
  package static func cancel(_ message: QueueID, _ connection: PostgresConnection) throws(PostgresError) -> [Int32] {
    try touch("SELECT postrider.cancel_message($1::uuid)", message, connection)
  }

  /// Sets a message's recipients aside until they are released. Their retry period goes on.
  package static func hold(_ message: QueueID, _ connection: PostgresConnection) throws(PostgresError) -> [Int32] {
    try touch("SELECT postrider.hold_message($1::uuid, true)", message, connection)
  }

  package static func release(_ message: QueueID, _ connection: PostgresConnection) throws(PostgresError) -> [Int32] {
    try touch("SELECT postrider.hold_message($1::uuid, false)", message, connection)
  }

  /// Served by the primary key of `job`.
  private static func touch(_ sql: String, _ message: QueueID, _ connection: PostgresConnection)
    throws(PostgresError) -> [Int32]
  {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(message))
    return try connection.query(sql, parameters).integers(0, 0, as: Int32.self).compactMap(\.self)
  }
}

/// The same for whole lanes.
extension Steering {
  package enum Action: String, Sendable, Hashable { case retry, hold, release }

  package struct Lane: Sendable, Hashable {
    package let id: Int64
    package let tenant: String
    package let destination: String
  }

  /// The lanes of a tenant, of a destination, or both; all when neither is given.
  ///
  /// With a tenant it is served by the key (tenant, destination); a destination alone reads every lane once.
  package static func lanes(tenant: String?, destination: String?, _ connection: PostgresConnection)
    throws(PostgresError) -> [Lane]
  {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(destination?.lowercased())
    let result = try connection.query(
      """
      SELECT l.id, coalesce(t.name, l.tenant::text), l.destination
      FROM postrider.lane l LEFT JOIN postrider.tenant t ON t.id = l.tenant
      WHERE ($1::text IS NULL OR l.tenant = (SELECT x.id FROM postrider.tenant x WHERE x.name = $1::text))
        AND ($2::text IS NULL OR l.destination = $2::text)
      ORDER BY l.id
      """, parameters)
    var lanes: [Lane] = []
    for row in 0..<result.rowCount {
      lanes.append(Lane(id: try result.int64(row, 0), tenant: result.text(row, 1), destination: result.text(row, 2)))
    }
    return lanes
  }

  /// Applies an action to every job of a lane, a thousand in each transaction. Work grows with the lane's backlog:
  /// that many rows change.
  /// - Returns: how many jobs were changed.
  package static func apply(_ action: Action, to lane: Int64, _ connection: PostgresConnection) throws(PostgresError)
    -> Int
  {
    var touched = 0
    var cursor: PostgresResult?
    while true {
      var parameters = PostgresParameters()
      parameters.append(lane)
      parameters.append(action.rawValue)
      parameters.append(try cursor?.timestamp(0, 2))
      parameters.append(try cursor?.uuid(0, 3))
      parameters.append(try cursor?.int32(0, 4))
      let result = try connection.query(Self.laneSQL, parameters)
      guard result.rowCount == 1, try result.int32(0, 0) > 0 else { return touched }
      touched += Int(try result.int32(0, 1))
      cursor = result
    }
  }

  private static let laneSQL = """
    SELECT seen, touched, last_due, last_message, last_recipient FROM postrider.steer_lane($1::bigint, $2::text,
      coalesce($3::timestamptz, CASE $2::text WHEN 'retry' THEN postrider.schedule_now() ELSE '-infinity' END),
      coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'), coalesce($5::int, 0))
    """
}
