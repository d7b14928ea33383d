package import Limits
internal import Postgres

extension TenantTerms {
  /// Of a tenant `t`: its own limits, `name=value`, one a line, and its age in whole days.
  static let columns = """
    (SELECT coalesce(string_agg(l.name || '=' || l.value, E'\\n' ORDER BY l.name), '')
     FROM postrider.tenant_limit l WHERE l.tenant = t.id),
    floor(extract(epoch FROM postrider.schedule_now() - t.created_at) / 86400)::bigint
    """

  init(_ result: PostgresResult, _ row: Int, firstColumn first: Int) throws {
    self.init(
      overrides: LimitOverrides(lines: result.text(row, first)),
      ageDays: max(0, Int(try result.int64(row, first + 1))))
  }
}

extension SubmissionAuthenticating {
  /// What is known without asking the database; nil: ask `terms(of:)`.
  package func rememberedTerms(of principal: Principal) -> TenantTerms? { principal.terms }

  /// As old as a standing at most. While the database cannot be asked, as they were known last.
  package func terms(of principal: Principal) async -> TenantTerms {
    if rememberedStanding(of: principal) == nil { _ = await standing(of: principal) }
    return rememberedTerms(of: principal) ?? principal.terms
  }
}

extension TrustedClients {
  /// What is known without asking the database; nil: ask `terms(of:)`.
  package var rememberedTerms: TenantTerms? {
    if case .accepted(let principal)? = remembered { principal.terms } else { nil }
  }

  package func terms(of principal: Principal) async -> TenantTerms {
    if rememberedStanding(of: principal) == nil { _ = await standing(of: principal) }
    return rememberedTerms ?? principal.terms
  }
}
