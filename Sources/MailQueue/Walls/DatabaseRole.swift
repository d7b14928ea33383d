package import Postgres

/// A role of PostgreSQL that is not the owner of the tables, and what it is for.
package enum DatabaseRole: String, Sendable, CaseIterable {
  /// Sees and changes what belongs to the tenant that its transaction names (`SET LOCAL postrider.tenant`).
  case web

  private var rights: DatabaseRights {
    switch self {
    case .web: .web
    }
  }

  /// How a role differs from what it should be. Each right as `SELECT tenant.name`, `EXECUTE schedule_now()`.
  package struct Difference: Sendable, Hashable {
    package let missing: [String]
    package let excess: [String]
    package var isNone: Bool { missing.isEmpty && excess.isEmpty }
  }

  /// Takes everything in the schema from an existing role and gives it what it needs, in one transaction. It may be done
  /// again at any time.
  /// - Throws: `.server` with a sentence when there is no such role, or when no wall could hold it.
  package func grant(to name: String, _ connection: PostgresConnection) throws(PostgresError) {
    if let why = try Self.obstacle(name, connection) { throw PostgresError(.server, why) }
    let role = Self.quoted(name)
    let revocations =
      ["SCHEMA postrider"] + ["TABLES", "SEQUENCES", "FUNCTIONS"].map { "ALL \($0) IN SCHEMA postrider" }
    let statements =
      revocations.map { "REVOKE ALL ON \($0) FROM \(role)" } + rights.grants(to: role)
    try connection.transaction(statements.map { PostgresStatement($0) })
  }

  /// - Returns: nil when the walls hold the role.
  package static func obstacle(_ name: String, _ connection: PostgresConnection) throws(PostgresError) -> String? {
    var parameters = PostgresParameters()
    parameters.append(name)
    let role = try connection.query(
      """
      SELECT r.rolsuper, r.rolbypassrls,
        EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'postrider' AND pg_has_role(r.oid, c.relowner, 'MEMBER')),
        (SELECT g.rolname FROM pg_roles g WHERE g.oid <> r.oid AND pg_has_role(r.oid, g.oid, 'MEMBER')
          AND (g.rolsuper OR g.rolbypassrls OR g.rolname LIKE 'pg\\_%') LIMIT 1)
      FROM pg_roles r WHERE r.rolname = $1::text
      """, parameters)
    guard role.rowCount == 1 else { return "there is no role «\(name)» (CREATE ROLE makes one)" }
    if try role.bool(0, 0) { return "the role «\(name)» is a superuser, which no wall holds" }
    if try role.bool(0, 1) { return "the role «\(name)» has BYPASSRLS, which no wall holds" }
    if try role.bool(0, 2) { return "the role «\(name)» can act as the owner of the tables, which no wall holds" }
    if !role.isNull(0, 3) { return "the role «\(name)» can act as «\(role.text(0, 3))», which has rights of its own" }
    return nil
  }

  /// Compares a role, with what PUBLIC may do, to what it should be.
  package func difference(of name: String, _ connection: PostgresConnection) throws(PostgresError) -> Difference {
    let (wanted, found) = (rights.all, try Self.rights(of: name, connection))
    return Difference(missing: wanted.subtracting(found).sorted(), excess: found.subtracting(wanted).sorted())
  }

  /// Roles other than the owner that may use the schema.
  package static func guests(_ connection: PostgresConnection) throws(PostgresError) -> [String] {
    let result = try connection.query(
      """
      SELECT DISTINCT r.rolname::text FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) x
      JOIN pg_roles r ON r.oid = x.grantee
      WHERE n.nspname = 'postrider' AND r.oid <> n.nspowner ORDER BY 1
      """)
    var names: [String] = []
    for row in 0..<result.rowCount { names.append(result.text(row, 0)) }
    return names
  }

  /// What the catalogue says, partitions too: whoever may read one by its name is behind no wall.
  private static func rights(of name: String, _ connection: PostgresConnection) throws(PostgresError) -> Set<String> {
    var parameters = PostgresParameters()
    parameters.append(name)
    let result = try connection.query(
      """
      WITH space AS MATERIALIZED (SELECT n.oid, n.nspacl FROM pg_namespace n WHERE n.nspname = 'postrider'),
      given (grantee, privilege, object) AS (
        SELECT x.grantee, x.privilege_type, 'schema' FROM space s CROSS JOIN LATERAL aclexplode(s.nspacl) x
        UNION ALL
        SELECT x.grantee, x.privilege_type, c.relname::text
        FROM space s JOIN pg_class c ON c.relnamespace = s.oid CROSS JOIN LATERAL aclexplode(c.relacl) x
        UNION ALL
        SELECT x.grantee, x.privilege_type, c.relname || '.' || a.attname
        FROM space s JOIN pg_class c ON c.relnamespace = s.oid JOIN pg_attribute a ON a.attrelid = c.oid
        CROSS JOIN LATERAL aclexplode(a.attacl) x
        UNION ALL
        SELECT x.grantee, x.privilege_type, p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
        FROM space s JOIN pg_proc p ON p.pronamespace = s.oid
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x)
      SELECT DISTINCT g.privilege || ' ' || g.object FROM given g
      WHERE g.grantee = 0 OR g.grantee = (SELECT r.oid FROM pg_roles r WHERE r.rolname = $1::text)
      """, parameters)
    var rights: Set<String> = []
    for row in 0..<result.rowCount { rights.insert(result.text(row, 0)) }
    return rights
  }

  private static func quoted(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
