package import Postgres

/// Tenants, their domains and their credentials, as the administrator adds, lists and disables them.
///
/// It works on one connection and blocks, as a command may. Nothing is deleted, because mail and outcomes refer to it; only
/// what was made for a domain that turns out to be another tenant's is.
package struct TenantDirectory {
  let connection: PostgresConnection

  package init(_ connection: PostgresConnection) { self.connection = connection }

  // MARK: Tenants

  /// - Parameters:
  ///   - name: 1 to 63 letters, digits, `-`, `_` and `.`.
  ///   - weight: its share of delivery among tenants that wait, 1 to 1000.
  ///   - shard: the database that it is to be moved to, and until then is closed; nil: home.
  @discardableResult
  package func addTenant(_ name: String, weight: Int32 = 1, movingTo shard: String? = nil) throws(DirectoryFailure)
    -> Tenant
  {
    guard isTenantName(name) else {
      throw DirectoryFailure(.invalid, "«\(name)» is no tenant name: 1 to 63 letters, digits, «-», «_», «.»")
    }
    guard (1...1000).contains(weight) else { throw DirectoryFailure(.invalid, "a weight is 1 to 1000") }
    let rows = try rows(
      """
      WITH t AS (
        INSERT INTO postrider.tenant (name, weight, is_open) VALUES ($1, $2, $3::text IS NULL) RETURNING *
      ), placed AS (
        INSERT INTO postrider.placement (tenant, moving_to) SELECT t.id, $3::text FROM t WHERE $3::text IS NOT NULL)
      SELECT \(Tenant.columns) FROM t
      """, exists: "there is a tenant \(name) already"
    ) {
      $0.append(name)
      $0.append(weight)
      $0.append(shard)
    }
    return try one(rows, Tenant.init)
  }

  package func tenants() throws(DirectoryFailure) -> [Tenant] {
    try all(rows("SELECT \(Tenant.columns) FROM postrider.tenant t ORDER BY t.name") { _ in }, Tenant.init)
  }

  /// Suspends a tenant: nobody submits, and what is queued waits while its time runs.
  @discardableResult
  package func disableTenant(_ name: String) throws(DirectoryFailure) -> Tenant {
    try switchTenant(name, "coalesce(suspended_at, now())")
  }

  @discardableResult
  package func enableTenant(_ name: String) throws(DirectoryFailure) -> Tenant { try switchTenant(name, "NULL") }

  /// For mail that is accepted from now on.
  @discardableResult
  package func setRetention(_ choice: RetentionChoice, ofTenant name: String) throws(DirectoryFailure) -> Tenant {
    let rows = try rows(
      """
      UPDATE postrider.tenant t SET retention = $2, retention_bounced = $3 WHERE t.name = $1
      RETURNING \(Tenant.columns)
      """
    ) {
      $0.append(name)
      choice.append(to: &$0)
    }
    return try one(rows, missing: "there is no tenant \(name)", Tenant.init)
  }

  /// For mail that is accepted from now on.
  @discardableResult
  package func setReturns(_ choice: ReturnChoice, ofTenant name: String) throws(DirectoryFailure) -> Tenant {
    var choice = choice
    choice.host = choice.host?.lowercased()
    // Local part, @ and host must fit into a path (RFC 5321 §4.5.3.1.3).
    if let host = choice.host, !isDomainName(host) || host.utf8.count > 190 || !host.utf8.allSatisfy({ $0 < 0x80 }) {
      throw DirectoryFailure(.invalid, "«\(host)» is no host name for return paths: ASCII, at most 190 octets")
    }
    let rows = try rows(
      """
      UPDATE postrider.tenant t SET return_path_host = $2, return_path_each = $3, suppress_bounces = $4,
        suppress_complaints = $5 WHERE t.name = $1
      RETURNING \(Tenant.columns)
      """
    ) {
      $0.append(name)
      choice.append(to: &$0)
    }
    return try one(rows, missing: "there is no tenant \(name)", Tenant.init)
  }

  private func switchTenant(_ name: String, _ value: String) throws(DirectoryFailure) -> Tenant {
    let rows = try rows(
      "UPDATE postrider.tenant t SET suspended_at = \(value) WHERE t.name = $1 RETURNING \(Tenant.columns)"
    ) { $0.append(name) }
    return try one(rows, missing: "there is no tenant \(name)", Tenant.init)
  }
}

extension TenantDirectory {
  private func isTenantName(_ name: String) -> Bool {
    (1...63).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || [0x2D, 0x2E, 0x5F].contains($0)
      }
  }

  /// RFC 5321 §2.3.5 with U-labels as RFC 6531 §3.3 allows them; at least two labels.
  func isDomainName(_ name: String) -> Bool {
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    return name.utf8.count <= 253 && labels.count >= 2
      && labels.allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy {
            $0 >= 0x80 || $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
          }
      }
  }

  /// Runs one statement.
  /// - Parameter exists: what to say when the name is taken.
  func rows(
    _ sql: String, exists: String = "", _ fill: (inout PostgresParameters) -> Void
  ) throws(DirectoryFailure) -> PostgresResult {
    var parameters = PostgresParameters()
    fill(&parameters)
    do throws(PostgresError) {
      return try connection.query(sql, parameters)
    } catch {
      // unique_violation
      throw error.sqlState == "23505"
        ? DirectoryFailure(.exists, exists) : DirectoryFailure(.database, "\(error)")
    }
  }

  func all<T>(_ result: PostgresResult, _ make: (PostgresResult, Int) throws -> T) throws(DirectoryFailure) -> [T] {
    do {
      return try (0..<result.rowCount).map { try make(result, $0) }
    } catch {
      throw DirectoryFailure(.database, "\(error)")
    }
  }

  func one<T>(
    _ result: PostgresResult, missing: String = "nothing was changed", _ make: (PostgresResult, Int) throws -> T
  ) throws(DirectoryFailure) -> T {
    guard let first = try all(result, make).first else { throw DirectoryFailure(.missing, missing) }
    return first
  }
}
