package import Postgres

/// Where a tenant's new mail goes, as the home database has it. See docs/sharding.md.
package struct Placement: Sendable, Hashable {
  /// The database that is the directory and, unless something else was said, has the tenants.
  package static let home = "home"

  package let shard: String
  /// Grows with every change. The gate of the shard is open for it, and for no other.
  package let epoch: Int64
  /// A move that has been wished for and is not finished.
  package let movingTo: String?

  package init(shard: String = home, epoch: Int64 = 0, movingTo: String? = nil) {
    self.shard = shard
    self.epoch = epoch
    self.movingTo = movingTo
  }

  static let columns = "coalesce(p.shard, 'home'), coalesce(p.epoch, 0), p.moving_to"

  init(_ result: PostgresResult, _ row: Int, firstColumn first: Int) throws(PostgresError) {
    shard = result.text(row, first)
    epoch = try result.int64(row, first + 1)
    movingTo = result.isNull(row, first + 2) ? nil : result.text(row, first + 2)
  }

  /// - Parameter connection: to the home database. By the primary keys.
  /// - Returns: nil when there is no such tenant.
  package static func find(_ tenant: Int64, _ connection: PostgresConnection) throws(PostgresError) -> Placement? {
    try TenantEntry.find("t.id = $1::bigint", { $0.append(tenant) }, connection).first?.placement
  }
}

/// A tenant and its place, as the directory has them.
package struct TenantEntry: Sendable, Hashable {
  package let id: Int64
  package let name: String
  package let placement: Placement

  package static func find(name: String, _ connection: PostgresConnection) throws(PostgresError) -> TenantEntry? {
    try find("t.name = $1::text", { $0.append(name) }, connection).first
  }

  package static func find(_ tenant: Int64, _ connection: PostgresConnection) throws(PostgresError) -> TenantEntry? {
    try find("t.id = $1::bigint", { $0.append(tenant) }, connection).first
  }

  /// By the primary keys; who does not exist is left out.
  package static func find(_ tenants: [Int64], _ connection: PostgresConnection) throws(PostgresError) -> [TenantEntry]
  {
    try find("t.id = ANY ($1::bigint[])", { $0.append(tenants) }, connection)
  }

  /// Those that were ever anywhere else than at home, or are to be.
  package static func placed(_ connection: PostgresConnection) throws(PostgresError) -> [TenantEntry] {
    try find("p.tenant IS NOT NULL", { _ in }, connection)
  }

  /// Those with a move under way (index `placement_moving`).
  package static func moving(_ connection: PostgresConnection) throws(PostgresError) -> [TenantEntry] {
    try find("p.moving_to IS NOT NULL", { _ in }, connection)
  }

  fileprivate static func find(
    _ condition: String, _ fill: (inout PostgresParameters) -> Void, _ connection: PostgresConnection
  ) throws(PostgresError) -> [TenantEntry] {
    var parameters = PostgresParameters()
    fill(&parameters)
    let result = try connection.query(
      """
      SELECT t.id, t.name, \(Placement.columns)
      FROM postrider.tenant t LEFT JOIN postrider.placement p ON p.tenant = t.id WHERE \(condition) ORDER BY t.id
      """, parameters)
    var entries: [TenantEntry] = []
    for row in 0..<result.rowCount {
      entries.append(
        TenantEntry(
          id: try result.int64(row, 0), name: result.text(row, 1),
          placement: try Placement(result, row, firstColumn: 2)))
    }
    return entries
  }
}

extension Placement {
  /// Notes that a tenant is to be moved.
  /// - Parameter seen: only if the directory still says this; nil: whatever it says.
  /// - Returns: whether it was noted.
  package static func wish(
    _ tenant: Int64, to shard: String, ifStill seen: Placement? = nil, _ connection: PostgresConnection
  ) throws(PostgresError) -> Bool {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(shard)
    parameters.append(seen?.epoch)
    let result = try connection.query(
      """
      INSERT INTO postrider.placement AS p (tenant, moving_to) VALUES ($1::bigint, $2::text)
      ON CONFLICT (tenant) DO UPDATE SET moving_to = $2::text, changed_at = now()
      WHERE $3::bigint IS NULL OR (p.epoch = $3::bigint AND p.moving_to IS NULL)
      """, parameters)
    return result.affectedRows == 1
  }

  /// Lets the directory name another shard, if it still says what `seen` does.
  static func name(
    _ tenant: Int64, _ shard: String, at epoch: Int64, ifStill seen: Placement, _ connection: PostgresConnection
  ) throws(PostgresError) -> Bool {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(shard)
    parameters.append(epoch)
    parameters.append(seen.epoch)
    let result = try connection.query(
      """
      UPDATE postrider.placement SET shard = $2::text, epoch = $3::bigint, changed_at = now()
      WHERE tenant = $1::bigint AND epoch = $4::bigint AND moving_to = $2::text
      """, parameters)
    return result.affectedRows == 1
  }

  /// The move to where the tenant now is has been finished.
  static func settle(_ tenant: Int64, _ shard: String, at epoch: Int64, _ connection: PostgresConnection)
    throws(PostgresError) -> Bool
  {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(shard)
    parameters.append(epoch)
    let result = try connection.query(
      """
      UPDATE postrider.placement SET moving_to = NULL, changed_at = now()
      WHERE tenant = $1::bigint AND shard = $2::text AND epoch = $3::bigint AND moving_to = $2::text
      """, parameters)
    return result.affectedRows == 1
  }
}
