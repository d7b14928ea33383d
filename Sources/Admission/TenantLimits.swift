package import Limits
import Postgres

/// A limit that was set for one tenant.
package struct TenantLimit: Sendable, Hashable {
  package let name: LimitName
  package let value: String
}

extension TenantDirectory {
  /// - Returns: what is known by this build, in the order of `LimitName`, and the tenant.
  package func limits(ofTenant name: String) throws(DirectoryFailure) -> (tenant: Tenant, limits: [TenantLimit]) {
    let tenant = try tenant(name)
    let rows = try rows("SELECT l.name, l.value FROM postrider.tenant_limit l WHERE l.tenant = $1") {
      $0.append(tenant.id)
    }
    var values: [LimitName: String] = [:]
    for row in 0..<rows.rowCount {
      if let name = LimitName(rawValue: rows.text(row, 0)) { values[name] = rows.text(row, 1) }
    }
    return (tenant, LimitName.allCases.compactMap { name in values[name].map { TenantLimit(name: name, value: $0) } })
  }

  /// What acceptors know of it.
  package func terms(ofTenant name: String) throws(DirectoryFailure) -> TenantTerms {
    let rows = try rows("SELECT \(TenantTerms.columns) FROM postrider.tenant t WHERE t.name = $1") { $0.append(name) }
    return try one(rows, missing: "there is no tenant \(name)") { try TenantTerms($0, $1, firstColumn: 0) }
  }

  /// Takes effect within two seconds, on every node.
  /// - Parameter value: in the form that `LimitOverrides` reads; nil: as the settings say.
  package func setLimit(_ limit: LimitName, to value: String?, ofTenant name: String) throws(DirectoryFailure) {
    let tenant = try tenant(name)
    guard let value else {
      _ = try rows("DELETE FROM postrider.tenant_limit WHERE tenant = $1 AND name = $2") {
        $0.append(tenant.id)
        $0.append(limit.rawValue)
      }
      return
    }
    _ = try rows(
      """
      INSERT INTO postrider.tenant_limit (tenant, name, value) VALUES ($1, $2, $3)
      ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value, set_at = now()
      """
    ) {
      $0.append(tenant.id)
      $0.append(limit.rawValue)
      $0.append(value)
    }
  }

  private func tenant(_ name: String) throws(DirectoryFailure) -> Tenant {
    let rows = try rows("SELECT \(Tenant.columns) FROM postrider.tenant t WHERE t.name = $1") { $0.append(name) }
    return try one(rows, missing: "there is no tenant \(name)", Tenant.init)
  }
}
