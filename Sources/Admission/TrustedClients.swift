import Authorship
package import DNS
internal import Limits
import NIOConcurrencyHelpers
package import Postgres

/// Who may submit without a login: clients in named networks, all of them for one tenant.
///
/// For applications on a network of one's own, and for measuring. Whoever can send from such a network, or pretend to,
/// sends as the tenant.
package final class TrustedClients: Sendable {
  private let networks: [CIDR]
  private let tenant: String
  private let sendsAsAnybody: Bool
  private let requiresProof: Bool
  private let pool: PostgresPool
  private let known: NIOLockedValueBox<ExpiringCache<String, AuthenticationResult>>
  /// What stands in for `lastStanding` while the database is not asked again.
  private let assumedStanding: NIOLockedValueBox<ExpiringCache<String, Standing>>
  private let lastStanding = NIOLockedValueBox<Standing?>(nil)
  private let lookups = SingleFlight<String, AuthenticationResult>()

  /// - Parameters:
  ///   - tenant: its name.
  ///   - sendsAsAnybody: instead of as the tenant's domains only.
  ///   - requiresProof: not as those that are not proven; for who sends as anybody it makes no difference.
  ///   - keptFor: how long the answer about the tenant counts; a suspension takes effect this late at most.
  package init(
    tenant: String, networks: [CIDR], sendsAsAnybody: Bool, requiresProof: Bool = true, pool: PostgresPool,
    keptFor: Duration = .seconds(2)
  ) {
    self.requiresProof = requiresProof
    self.sendsAsAnybody = sendsAsAnybody
    self.tenant = tenant
    self.networks = networks
    self.pool = pool
    known = NIOLockedValueBox(ExpiringCache(lifetime: keptFor, countMax: 4))
    assumedStanding = NIOLockedValueBox(ExpiringCache(lifetime: keptFor, countMax: 4))
  }

  /// - Parameter address: as text, without a port.
  package func contains(_ address: String) -> Bool {
    guard let address = IPAddress(address) else { return false }
    return networks.contains { $0.contains(address) }
  }

  /// The answer, when it is known without asking the database.
  package var remembered: AuthenticationResult? { known.withLockedValue { $0.value(of: tenant, at: .now) } }

  /// Whether the tenant may still submit, when it is known without asking the database.
  package func rememberedStanding(of session: Principal) -> Standing? {
    remembered.flatMap { Self.standing(of: session, $0) }
      ?? assumedStanding.withLockedValue { $0.value(of: tenant, at: .now) }
  }

  /// While the database cannot be asked, what was known last.
  package func standing(of session: Principal) async -> Standing {
    if let standing = Self.standing(of: session, await principal()) {
      lastStanding.withLockedValue { $0 = standing }
      return standing
    }
    let standing = lastStanding.withLockedValue { $0 } ?? .good(except: session.unproven)
    assumedStanding.withLockedValue { $0.insert(standing, for: tenant, at: .now) }
    return standing
  }

  private static func standing(of session: Principal, _ result: AuthenticationResult) -> Standing? {
    switch result {
    case .accepted(let principal): Standing(of: session, as: principal)
    case .disabled(let reason): .disabled(reason)
    case .rejected, .smtpOff, .overloaded, .locked: .disabled("the tenant is gone")
    case .unavailable: nil
    }
  }

  /// For whom such a client submits: `.accepted`, `.disabled`, `.rejected` when there is no such tenant, `.unavailable`.
  package func principal() async -> AuthenticationResult {
    if let remembered { return remembered }
    return await lookups.run(tenant) {
      let asked = ContinuousClock.now
      let result = await find()
      if case .unavailable = result { return result }
      known.withLockedValue { $0.insert(result, for: tenant, at: asked) }
      return result
    }
  }

  private func find() async -> AuthenticationResult {
    do {
      return try await pool.run(writes: false) { [tenant, sendsAsAnybody, requiresProof] connection in
        var parameters = PostgresParameters()
        parameters.append(tenant)
        let result = try connection.query(
          """
          SELECT t.id, t.suspended_at IS NOT NULL,
            (SELECT coalesce(string_agg(d.name, E'\\n'), '') FROM postrider.domain d
             WHERE d.tenant = t.id AND d.disabled_at IS NULL),
            (SELECT coalesce(string_agg(d.name || ' ' || d.challenge, E'\\n'), '') FROM postrider.domain d
             WHERE d.tenant = t.id AND d.disabled_at IS NULL AND d.proven_at IS NULL),
            \(TenantTerms.columns)
          FROM postrider.tenant t WHERE t.name = $1
          """, parameters)
        guard result.rowCount == 1 else { return .rejected }
        if try result.bool(0, 1) { return .disabled("the tenant is suspended") }
        var principal = Principal(
          tenant: try result.int64(0, 0), tenantName: tenant, credential: nil, name: tenant, coversDomain: false,
          senders: sendsAsAnybody
            ? nil : SenderScope(domains: result.text(0, 2).split(separator: "\n").map(String.init), of: tenant),
          unproven: requiresProof && !sendsAsAnybody ? UnprovenDomain.all(result.text(0, 3)) : [])
        principal.terms = try TenantTerms(result, 0, firstColumn: 4)
        return .accepted(principal)
      }
    } catch {
      return .unavailable("\(error)")
    }
  }
}
