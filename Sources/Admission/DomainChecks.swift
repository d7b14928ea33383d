package import DKIM
import Cryptography
package import Postgres

/// One look at a domain's records that somebody has taken on.
package struct DomainCheck: Sendable {
  package let domain: Int64
  /// What is written afterwards counts only while this is the latest number.
  package let number: Int64
  /// As the directory has it, and in A-labels.
  package let name: String
  package let asciiName: String
  package let tenant: Int64
  package let tenantName: String
  package let challenge: DomainChallenge
  package let isProven: Bool
  /// Its mailboxes are here: everybody's mail for it comes to them.
  package let isHosted: Bool
  /// Other tenants that say it is theirs, and what they publish.
  package fileprivate(set) var claims: [(tenant: Int64, name: String, challenge: DomainChallenge)] = []
  /// What its tenant's mail comes back to; nil: the senders' own addresses.
  package let returnHost: String?
  /// Those that sign, and those that will.
  package fileprivate(set) var keys: [Key] = []

  package struct Key: Sendable {
    package let id: Int64
    package let record: KeyRecord
    /// It does not sign yet.
    package let isPending: Bool
  }
}

/// What a look at a domain's records has found.
package struct DomainSight: Sendable {
  package enum Owner: Sendable, Hashable {
    /// Whose token was there: its tenant's, or that of one that claims it.
    case tenant(Int64)
    /// The name servers have answered, and it was nobody's.
    case nobody
    /// They have not.
    case unknown
  }

  package var owner: Owner
  /// JSON, for whoever wants to see it.
  package var findings: String
  /// Keys whose records are there, and keys whose records are not. What could not be looked up is in neither.
  package var keysThere: [Int64] = []
  package var keysMissing: [Int64] = []

  package init(owner: Owner, findings: String) {
    self.owner = owner
    self.findings = findings
  }
}

/// What writing down a look has led to.
package enum DomainNews: Sendable, Hashable {
  /// Somebody else has looked meanwhile, or the domain is gone; nothing was written.
  case outdated
  case unchanged
  case proven(DomainProof, tenant: Int64)
  /// The record that has proven it is not there, and has not been for so long.
  case vanished(Duration)
}

/// Whose turn it is to be looked at, and what became of it. In the home database.
///
/// Taking a look on moves the next one ahead, in a transaction of its own; the look-ups come after it, and writing down
/// what they found is another. If the process dies in between, the domain is due again two minutes later. If two look at
/// once, only the later one writes.
package enum DomainChecks {
  /// Takes on the domains that are due, longest first.
  package static func takeDue(limit: Int32, _ connection: PostgresConnection) throws -> [DomainCheck] {
    var parameters = PostgresParameters()
    parameters.append(limit)
    // By domain_check.
    return try take(
      """
      SELECT d.id FROM postrider.domain d WHERE d.check_due <= postrider.schedule_now() AND d.disabled_at IS NULL
      ORDER BY d.check_due, d.id LIMIT $1 FOR UPDATE SKIP LOCKED
      """, parameters, connection)
  }

  /// Takes on one, because somebody wants to know, and has it looked at often from now on.
  /// - Returns: nil when there is no such domain.
  package static func take(_ name: String, _ connection: PostgresConnection) throws -> DomainCheck? {
    var parameters = PostgresParameters()
    parameters.append(TenantDirectory.forms(of: name.lowercased()))
    return try take(
      "SELECT d.id FROM postrider.domain d WHERE d.name = ANY ($1::text[]) FOR UPDATE", parameters,
      also: ", watched_since = postrider.schedule_now()", connection
    ).first
  }

  /// The same to look at, without taking anything on.
  package static func peek(_ name: String, _ connection: PostgresConnection) throws -> DomainCheck? {
    var parameters = PostgresParameters()
    parameters.append(TenantDirectory.forms(of: name.lowercased()))
    return try checks(
      connection.query(
        "SELECT \(columns) FROM postrider.domain d JOIN postrider.tenant t ON t.id = d.tenant WHERE d.name = ANY ($1::text[])",
        parameters), connection
    ).first
  }

  private static let columns = """
    d.id, d.check_number, d.name, t.id, t.name, d.challenge, d.proven_at IS NOT NULL, t.return_path_host,
    d.mailbox_domain IS NOT NULL
    """

  private static func take(
    _ which: String, _ parameters: PostgresParameters, also: String = "", _ connection: PostgresConnection
  ) throws -> [DomainCheck] {
    let taken = try connection.query(
      """
      WITH wanted AS MATERIALIZED (\(which))
      UPDATE postrider.domain d SET check_number = d.check_number + 1,
        check_due = postrider.schedule_now() + interval '2 minutes'\(also)
      FROM wanted, postrider.tenant t WHERE d.id = wanted.id AND t.id = d.tenant
      RETURNING \(columns)
      """, parameters)
    return try checks(taken, connection)
  }

  private static func checks(_ result: PostgresResult, _ connection: PostgresConnection) throws -> [DomainCheck] {
    try (0..<result.rowCount).map { row in
      var check = try DomainCheck(result, row)
      check.claims = try claims(on: check, connection)
      check.keys = try keys(of: check, connection)
      return check
    }
  }

  private static func claims(on check: DomainCheck, _ connection: PostgresConnection) throws
    -> [(tenant: Int64, name: String, challenge: DomainChallenge)]
  {
    guard !check.isProven else { return [] }
    var parameters = PostgresParameters()
    parameters.append(check.domain)
    let result = try connection.query(
      """
      SELECT c.tenant, t.name, c.challenge FROM postrider.domain_claim c JOIN postrider.tenant t ON t.id = c.tenant
      WHERE c.domain = $1 ORDER BY c.created_at, c.tenant
      """, parameters)
    return try (0..<result.rowCount).map { row in
      (
        try result.int64(row, 0), result.text(row, 1),
        DomainChallenge(domain: check.asciiName, token: result.text(row, 2))
      )
    }
  }

  private static func keys(of check: DomainCheck, _ connection: PostgresConnection) throws -> [DomainCheck.Key] {
    var parameters = PostgresParameters()
    parameters.append(check.domain)
    let result = try connection.query(
      """
      SELECT k.id, k.selector, k.algorithm, k.public_key, k.active_from > postrider.schedule_now()
      FROM postrider.dkim_key k
      WHERE k.domain = $1 AND (k.retired_at IS NULL OR k.retired_at > postrider.schedule_now())
      ORDER BY k.active_from, k.id
      """, parameters)
    return try (0..<result.rowCount).map { row in
      let record = KeyRecord(
        domain: check.asciiName, selector: result.text(row, 1), algorithm: .init(dkim: result.text(row, 2)),
        publicKey: result.bytes(row, 3))
      return DomainCheck.Key(id: try result.int64(row, 0), record: record, isPending: try result.bool(row, 4))
    }
  }
}

extension DomainCheck {
  fileprivate init(_ result: PostgresResult, _ row: Int) throws {
    domain = try result.int64(row, 0)
    number = try result.int64(row, 1)
    name = result.text(row, 2)
    asciiName = asciiDomain(name)
    tenant = try result.int64(row, 3)
    tenantName = result.text(row, 4)
    challenge = DomainChallenge(domain: asciiName, token: result.text(row, 5))
    isProven = try result.bool(row, 6)
    returnHost = result.isNull(row, 7) ? nil : result.text(row, 7)
    isHosted = try result.bool(row, 8)
  }
}
