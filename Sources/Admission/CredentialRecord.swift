internal import Authorship
internal import Limits
internal import Postgres

/// What the database says about the credential behind a user name.
struct CredentialRecord: Sendable {
  /// Names one state of one credential: another password or another switch is another revision.
  struct Revision: Hashable, Sendable {
    let credential: Int64
    let version: Int64
  }

  let principal: Principal
  let revision: Revision
  /// The password's hash, then that of the one before it while it is good as well.
  let secrets: [String]
  /// Why it may not be used although the password is right.
  let disabled: String?
  /// Nobody submits over SMTP with it.
  let isSMTPOff: Bool

  /// By `credential_name_covers_domain_key`, twice. A credential of the address goes before its domain's, and
  /// alone decides: there is one hash to verify, whatever there is.
  private static let select = """
    SELECT c.tenant, t.name, c.id, c.name, c.covers_domain, c.secret, c.version,
           c.disabled_at IS NOT NULL, d.disabled_at IS NOT NULL, t.suspended_at IS NOT NULL,
           coalesce(c.expires_at <= now(), false), c.smtp_disabled_at IS NOT NULL,
           CASE WHEN c.old_secret_until > now() THEN c.old_secret END,
           (SELECT coalesce(string_agg(a.sender, E'\\n' ORDER BY a.sender), '')
            FROM postrider.allowed_sender a
            JOIN postrider.domain o ON o.name = split_part(a.sender, '@', -1)
            WHERE a.credential = c.id AND o.tenant = c.tenant AND o.disabled_at IS NULL),
           concat_ws(E'\\n', CASE WHEN d.proven_at IS NULL THEN d.name || ' ' || d.challenge END,
             (SELECT string_agg(DISTINCT o.name || ' ' || o.challenge, E'\\n')
              FROM postrider.allowed_sender a
              JOIN postrider.domain o ON o.name = split_part(a.sender, '@', -1)
              WHERE a.credential = c.id AND o.tenant = c.tenant AND o.proven_at IS NULL)),
           \(TenantTerms.columns)
    FROM postrider.credential c
    JOIN postrider.tenant t ON t.id = c.tenant
    -- One that was added while its domain went to another tenant is nobody's.
    JOIN postrider.domain d ON d.id = c.domain AND d.tenant = c.tenant
    WHERE (c.name = $1 AND NOT c.covers_domain) OR (c.name = $2 AND c.covers_domain)
    ORDER BY c.covers_domain LIMIT 1
    """

  /// - Returns: nil when there is no such account.
  static func find(_ name: LoginName, in connection: PostgresConnection) throws -> CredentialRecord? {
    var parameters = PostgresParameters()
    parameters.append(name.localPart == nil ? "" : name.description)
    parameters.append(name.domain)
    let result = try connection.query(select, parameters)
    guard result.rowCount == 1 else { return nil }
    let credential = try result.int64(0, 2)
    let others = result.text(0, 13).split(separator: "\n").map(String.init)
    var principal = Principal(
      tenant: try result.int64(0, 0), tenantName: result.text(0, 1), credential: credential,
      name: result.text(0, 3), coversDomain: try result.bool(0, 4),
      senders: SenderScope(credential: result.text(0, 3), others: others),
      unproven: UnprovenDomain.all(result.text(0, 14)))
    principal.terms = try TenantTerms(result, 0, firstColumn: 15)
    let disabled: String? =
      if try result.bool(0, 7) {
        "the credential is disabled"
      } else if try result.bool(0, 10) {
        "the credential has expired"
      } else if try result.bool(0, 8) {
        "the domain is disabled"
      } else if try result.bool(0, 9) {
        "the tenant is suspended"
      } else {
        nil
      }
    return CredentialRecord(
      principal: principal,
      revision: Revision(credential: credential, version: try result.int64(0, 6)),
      secrets: [result.text(0, 5)] + (result.isNull(0, 12) ? [] : [result.text(0, 12)]), disabled: disabled,
      isSMTPOff: try result.bool(0, 11))
  }
}
