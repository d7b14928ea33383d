package import Postgres

/// A role of PostgreSQL that is not the owner of the tables, and what it is for.
package enum DatabaseRole: String, Sendable, CaseIterable {
  /// Sees and changes what belongs to the tenant that its transaction names (`SET LOCAL postrider.tenant`).
  case web
  /// Dovecot: verifies logins and finds mailboxes, of every tenant, by their names.
  case mailboxes

  private var rights: DatabaseRights {
    switch self {
    case .web: .web
    case .mailboxes: .mailboxes
    }
  }

  /// Whether it is about the directory, which only the home database has.
  package var isForDirectory: Bool { self == .mailboxes }

  /// What may be in them is taken from a role before it is given what it needs.
  private static let schemas = ["postrider", "mailbox"]
  private static let list = schemas.map { "'\($0)'" }.joined(separator: ", ")

  /// How a role differs from what it should be. Each right as `SELECT tenant.name`, `EXECUTE schedule_now()`.
  package struct Difference: Sendable, Hashable {
    package let missing: [String]
    package let excess: [String]
    package var isNone: Bool { missing.isEmpty && excess.isEmpty }
  }

  /// Takes everything in our schemas from an existing role and gives it what it needs, in one transaction. It may be done
  /// again at any time.
  /// - Throws: `.server` with a sentence when there is no such role, or when no wall could hold it.
  package func grant(to name: String, _ connection: PostgresConnection) throws(PostgresError) {
    if let why = try Self.obstacle(name, connection) { throw PostgresError(.server, why) }
    let role = Self.quoted(name)
    let revocations = Self.schemas.flatMap { schema in
      ["SCHEMA \(schema)"] + ["TABLES", "SEQUENCES", "FUNCTIONS"].map { "ALL \($0) IN SCHEMA \(schema)" }
    }
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
          WHERE n.nspname IN (\(list)) AND pg_has_role(r.oid, c.relowner, 'MEMBER')),
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

  /// Roles other than the owner that may use one of our schemas, and what each seems to be for.
  package static func guests(
    _ connection: PostgresConnection
  ) throws(PostgresError) -> [(name: String, role: DatabaseRole)] {
    let result = try connection.query(
      """
      SELECT r.rolname::text, bool_or(n.nspname = 'mailbox') FROM pg_namespace n
      CROSS JOIN LATERAL aclexplode(n.nspacl) x JOIN pg_roles r ON r.oid = x.grantee
      WHERE n.nspname IN (\(list)) AND r.oid <> n.nspowner GROUP BY 1 ORDER BY 1
      """)
    var guests: [(name: String, role: DatabaseRole)] = []
    for row in 0..<result.rowCount {
      guests.append((result.text(row, 0), try result.bool(row, 1) ? .mailboxes : .web))
    }
    return guests
  }

  /// What the catalogue says, partitions too: whoever may read one by its name is behind no wall.
  private static func rights(of name: String, _ connection: PostgresConnection) throws(PostgresError) -> Set<String> {
    var parameters = PostgresParameters()
    parameters.append(name)
    let result = try connection.query(
      """
      WITH space AS MATERIALIZED (
        SELECT n.oid, n.nspacl, CASE n.nspname WHEN 'postrider' THEN '' ELSE n.nspname || '.' END AS place
        FROM pg_namespace n WHERE n.nspname IN (\(list))),
      given (grantee, privilege, object) AS (
        SELECT x.grantee, x.privilege_type, s.place || 'schema' FROM space s CROSS JOIN LATERAL aclexplode(s.nspacl) x
        UNION ALL
        SELECT x.grantee, x.privilege_type, s.place || c.relname
        FROM space s JOIN pg_class c ON c.relnamespace = s.oid CROSS JOIN LATERAL aclexplode(c.relacl) x
        UNION ALL
        SELECT x.grantee, x.privilege_type, s.place || c.relname || '.' || a.attname
        FROM space s JOIN pg_class c ON c.relnamespace = s.oid JOIN pg_attribute a ON a.attrelid = c.oid
        CROSS JOIN LATERAL aclexplode(a.attacl) x
        UNION ALL
        SELECT x.grantee, x.privilege_type, s.place || p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
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
