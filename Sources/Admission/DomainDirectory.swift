import DNS
import Postgres

/// The name in A-labels, or as it is when it has none.
func asciiDomain(_ name: String) -> String { DomainName.ascii(name) ?? name }

/// Domains: a name is there once, and is one tenant's.
extension TenantDirectory {
  /// What became of a wish to have a domain.
  package enum NewDomain: Sendable {
    case added(Domain)
    /// Another tenant has it and has not proven it: whoever proves it first has it from then on.
    case claimed(DomainClaim, holder: String)
  }

  /// Gives a tenant a domain. Nothing is sent as it before it is proven; one below a proven domain of the tenant is.
  /// - Parameters:
  ///   - name: its case does not matter.
  ///   - isTrusted: the operator knows that it is the tenant's.
  /// - Throws: `.exists` when it is the tenant's already, or another's who has proven it.
  @discardableResult
  package func addDomain(_ name: String, tenant: String, isTrusted: Bool = false) throws(DirectoryFailure) -> NewDomain
  {
    let folded = name.lowercased()
    guard isDomainName(folded) else { throw DirectoryFailure(.invalid, "«\(name)» is no domain name") }
    let same = try rows("SELECT name FROM postrider.domain WHERE name = ANY ($1::text[]) AND name <> $2") {
      $0.append(Self.forms(of: folded))
      $0.append(folded)
    }
    guard same.rowCount == 0 else {
      throw DirectoryFailure(.exists, "there is a domain \(same.text(0, 0)) already, which is the same")
    }
    // By the unique index of names.
    let added = try rows(
      """
      WITH d AS (
        INSERT INTO postrider.domain (tenant, name, proven_at, proof)
        SELECT t.id, $1, CASE WHEN $3 OR p.is_proven THEN postrider.schedule_now() END,
          CASE WHEN $3 THEN 'operator' WHEN p.is_proven THEN 'parent' END
        FROM postrider.tenant t CROSS JOIN LATERAL (
          SELECT EXISTS (SELECT FROM postrider.domain x
            WHERE x.name = ANY ($4::text[]) AND x.tenant = t.id AND x.proven_at IS NOT NULL) AS is_proven) p
        WHERE t.name = $2
        ON CONFLICT (name) DO NOTHING RETURNING *)
      SELECT \(Domain.columns) FROM d JOIN postrider.tenant t ON t.id = d.tenant
      """
    ) {
      $0.append(folded)
      $0.append(tenant)
      $0.append(isTrusted)
      $0.append(Self.parents(of: folded))
    }
    if let domain = try all(added, Domain.init).first { return .added(domain) }
    return try claim(folded, tenant: tenant, isTrusted: isTrusted)
  }

  private func claim(_ name: String, tenant: String, isTrusted: Bool) throws(DirectoryFailure) -> NewDomain {
    guard let domain = try self.domain(name) else {
      throw DirectoryFailure(.missing, "there is no tenant \(tenant)")
    }
    guard domain.tenant != tenant, domain.provenAt == nil else {
      throw DirectoryFailure(.exists, "there is a domain \(name) already")
    }
    guard !isTrusted else {
      throw DirectoryFailure(
        .exists, "tenant \(domain.tenant) has \(name) and has not proven it: only the record of another takes it away")
    }
    // The row is locked, so that it cannot be proven meanwhile.
    let claimed = try rows(
      """
      WITH d AS (SELECT id FROM postrider.domain WHERE name = $1 AND proven_at IS NULL FOR UPDATE)
      INSERT INTO postrider.domain_claim AS c (domain, tenant)
      SELECT d.id, t.id FROM d JOIN postrider.tenant t ON t.name = $2
      ON CONFLICT (domain, tenant) DO UPDATE SET tenant = excluded.tenant RETURNING c.challenge
      """
    ) {
      $0.append(name)
      $0.append(tenant)
    }
    _ = try watch(name)
    let token = try one(claimed, missing: "there is no tenant \(tenant)") { $0.text($1, 0) }
    return .claimed(
      DomainClaim(tenant: tenant, domain: name, challenge: DomainChallenge(domain: asciiDomain(name), token: token)),
      holder: domain.tenant)
  }

  /// - Parameter tenant: nil for all.
  package func domains(tenant: String? = nil) throws(DirectoryFailure) -> [Domain] {
    let rows = try rows(
      """
      SELECT \(Domain.columns) FROM postrider.domain d JOIN postrider.tenant t ON t.id = d.tenant
      WHERE t.name = $1 OR $1 = '' ORDER BY t.name, d.name
      """
    ) { $0.append(tenant ?? "") }
    return try all(rows, Domain.init)
  }

  /// - Parameter name: its case does not matter, nor whether it is in A-labels.
  package func domain(_ name: String) throws(DirectoryFailure) -> Domain? {
    let rows = try rows(
      """
      SELECT \(Domain.columns) FROM postrider.domain d JOIN postrider.tenant t ON t.id = d.tenant
      WHERE d.name = ANY ($1::text[])
      """
    ) { $0.append(Self.forms(of: name.lowercased())) }
    return try all(rows, Domain.init).first
  }

  /// Others who say that it is theirs.
  package func claims(on domain: Domain) throws(DirectoryFailure) -> [DomainClaim] {
    let rows = try rows(
      """
      SELECT t.name, c.challenge FROM postrider.domain_claim c JOIN postrider.tenant t ON t.id = c.tenant
      WHERE c.domain = $1 ORDER BY c.created_at, t.name
      """
    ) { $0.append(domain.id) }
    return try all(rows) {
      DomainClaim(
        tenant: $0.text($1, 0), domain: domain.name,
        challenge: DomainChallenge(domain: asciiDomain(domain.name), token: $0.text($1, 1)))
    }
  }

  /// No credential of the domain logs in any more.
  @discardableResult
  package func disableDomain(_ name: String) throws(DirectoryFailure) -> Domain {
    try change(name, "disabled_at = coalesce(d.disabled_at, now())")
  }

  @discardableResult
  package func enableDomain(_ name: String) throws(DirectoryFailure) -> Domain {
    try change(name, "disabled_at = NULL")
  }

  /// Whether the domain's mailboxes are kept here: mail for it, whoever's, goes to them instead of its MX.
  /// - Throws: `.invalid` for a domain that is not proven, or whose proof is gone: it would take its mail from its owner.
  @discardableResult
  package func setMailboxes(_ areHere: Bool, of name: String) throws(DirectoryFailure) -> Domain {
    guard let domain = try domain(name) else { throw DirectoryFailure(.missing, "there is no domain \(name)") }
    guard !areHere || domain.provenAt != nil else {
      throw DirectoryFailure(.invalid, "\(domain.name) is not verified yet: mail for it is not ours to keep")
    }
    guard !areHere || domain.vanishedAt == nil else {
      throw DirectoryFailure(
        .invalid,
        "the record that has proven \(domain.name) is gone: whose its mail is must be sure first; have it published again "
          + "or give your word (postrider domain verify \(domain.name) --trust)")
    }
    guard let ascii = DomainName.ascii(domain.name) else {
      throw DirectoryFailure(.invalid, "\(domain.name) has no form in ASCII, and so takes no mail")
    }
    return try change(domain.name, areHere ? "mailbox_domain = '\(ascii)'" : "mailbox_domain = NULL")
  }

  /// Takes the operator's word that a domain is its tenant's. One that was proven by its record stays so.
  @discardableResult
  package func trustDomain(_ name: String) throws(DirectoryFailure) -> Domain {
    let domain = try change(
      name,
      """
      proven_at = coalesce(d.proven_at, postrider.schedule_now()), check_due = postrider.schedule_now(),
      proof = CASE WHEN d.proof = 'record' AND d.vanished_at IS NULL THEN 'record' ELSE 'operator' END, vanished_at = NULL
      """)
    // It has been proven: nobody else can.
    _ = try rows("DELETE FROM postrider.domain_claim WHERE domain = $1") { $0.append(domain.id) }
    return domain
  }

  /// Has its records looked at soon and often: somebody is about to publish some.
  @discardableResult
  package func watch(_ name: String) throws(DirectoryFailure) -> Domain {
    try change(name, "watched_since = postrider.schedule_now(), check_due = postrider.schedule_now()")
  }

  private func change(_ name: String, _ change: String) throws(DirectoryFailure) -> Domain {
    let rows = try rows(
      """
      UPDATE postrider.domain d SET \(change) FROM postrider.tenant t
      WHERE d.name = ANY ($1::text[]) AND t.id = d.tenant RETURNING \(Domain.columns)
      """
    ) { $0.append(Self.forms(of: name.lowercased())) }
    return try one(rows, missing: "there is no domain \(name)", Domain.init)
  }

  /// A name as it may be in the directory: as it is, in A-labels, in U-labels. Only one of them is there.
  static func forms(of name: String) -> [String] {
    [name] + [DomainName.ascii(name), DomainName.unicode(name)].compactMap(\.self)
  }

  /// Every form of the names above one, of two labels at least.
  static func parents(of name: String) -> [String] {
    let labels = asciiDomain(name).split(separator: ".")
    guard labels.count > 2 else { return [] }
    return (1...labels.count - 2).flatMap { forms(of: labels[$0...].joined(separator: ".")) }
  }
}
