package import Postgres

/// Which database of an installation one is. Fixed by the first migration that knew of several, so that a URL that
/// was mistaken for another is noticed before it does harm.
package enum ShardIdentity {
  /// Lets the databases know each other. Can be repeated.
  /// - Parameter others: the shards beside the home database, each with this build's schema.
  package static func register(
    home: PostgresConnection, others: [(name: String, connection: PostgresConnection)]
  ) throws(PostgresError) {
    let known = try names(home)
    if let lost = known.first(where: { name in !others.contains { $0.name == name } }) {
      throw missing(lost)
    }
    if others.isEmpty { return }
    try claim(Placement.home, nil, home)
    let cluster = try read(home).cluster
    for (name, connection) in others {
      try claim(name, cluster, connection)
      var parameters = PostgresParameters()
      parameters.append(name)
      _ = try home.query(
        "INSERT INTO postrider.shard (name) VALUES ($1::text) ON CONFLICT (name) DO NOTHING", parameters)
    }
  }

  /// What a role checks of the home database.
  /// - Parameter names: of the further shards that it knows.
  /// - Returns: what the other databases must have too.
  package static func checkHome(_ names: [String], _ connection: PostgresConnection) throws(PostgresError) -> UUIDValue
  {
    let found = try read(connection)
    guard found.shard == nil || found.shard == Placement.home else { throw mistaken(Placement.home, found.shard) }
    let known = try self.names(connection)
    if let lost = known.first(where: { !names.contains($0) }) { throw missing(lost) }
    if let new = names.first(where: { !known.contains($0) }) {
      throw PostgresError(.server, "the shard «\(new)» is not known yet: run `postrider migrate` first")
    }
    return found.cluster
  }

  /// What a role checks of another shard.
  /// - Parameter cluster: nil when the home database could not be asked.
  package static func check(_ name: String, of cluster: UUIDValue?, _ connection: PostgresConnection)
    throws(PostgresError)
  {
    let found = try read(connection)
    guard found.shard == name else { throw mistaken(name, found.shard) }
    guard cluster == nil || found.cluster == cluster else {
      throw PostgresError(.server, "the database of shard «\(name)» belongs to another installation")
    }
  }

  /// The shards beside the home database that are registered there.
  package static func names(_ home: PostgresConnection) throws(PostgresError) -> [String] {
    let result = try home.query("SELECT name FROM postrider.shard ORDER BY name")
    return (0..<result.rowCount).map { result.text($0, 0) }
  }

  private static func claim(_ name: String, _ cluster: UUIDValue?, _ connection: PostgresConnection)
    throws(PostgresError)
  {
    let found = try read(connection)
    if found.shard == nil, name != Placement.home {
      // Their ids would mean others elsewhere.
      guard try !connection.query("SELECT EXISTS (SELECT FROM postrider.tenant)").bool(0, 0) else {
        throw PostgresError(
          .server, "the database of shard «\(name)» has tenants of its own: a shard begins with an empty database")
      }
    }
    guard found.shard == nil || found.shard == name else { throw mistaken(name, found.shard) }
    if found.shard == name {
      try check(name, of: cluster, connection)
      return
    }
    var parameters = PostgresParameters()
    parameters.append(name)
    parameters.append(cluster)
    _ = try connection.query(
      "UPDATE postrider.installation SET shard = $1::text, cluster = coalesce($2::uuid, cluster)", parameters)
  }

  private static func read(_ connection: PostgresConnection) throws(PostgresError) -> (
    shard: String?, cluster: UUIDValue
  ) {
    let result = try connection.query("SELECT shard, cluster FROM postrider.installation")
    return (result.isNull(0, 0) ? nil : result.text(0, 0), try result.uuid(0, 1))
  }

  private static func mistaken(_ name: String, _ found: String?) -> PostgresError {
    let what = found.map { "is shard «\($0)»" } ?? "is no shard yet: run `postrider migrate` first"
    return PostgresError(.server, "the database for shard «\(name)» \(what)")
  }

  private static func missing(_ name: String) -> PostgresError {
    PostgresError(.server, "this installation has a shard «\(name)» that database.shards does not name")
  }
}
