package import Cryptography
package import DKIM
import DNS
import NIOConcurrencyHelpers
package import Postgres

/// The keys that sign for tenants' domains, as an acceptor knows them.
///
/// What is known of a domain is asked for again after two seconds at the earliest, when mail of it comes; so a new, a
/// retired or a removed key takes effect in every process within two seconds, without messages between them. A key is
/// opened once and kept. While the database is away, what was known last goes on; a domain that was never asked for
/// fails, because mail that should be signed is not let out without.
package final class SigningKeys: Sendable {
  private struct Name: Hashable {
    let tenant: Int64
    let domain: String
  }

  private struct Entry {
    let keys: [(id: Int64, key: DomainKey)]
    let expiry: ContinuousClock.Instant
  }

  package typealias Result = Swift.Result<[DomainKey], SigningKeysFailure>

  private let pool: PostgresPool
  private let master: MasterKey
  private let keptFor: Duration
  private let countMax: Int
  private let known = NIOLockedValueBox<[Name: Entry]>([:])
  private let lookups = SingleFlight<Name, Result>()
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameters:
  ///   - pool: of the home database.
  ///   - keptFor: a change takes effect this late at most.
  ///   - countMax: domains that are known at once.
  ///   - now: the clock of what is kept.
  package init(
    pool: PostgresPool, master: MasterKey, keptFor: Duration = .seconds(2), countMax: Int = 10_000,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.pool = pool
    self.master = master
    self.keptFor = keptFor
    self.countMax = countMax
    self.now = now
  }

  /// What is known without asking anybody; empty: mail of the domain is not signed.
  /// - Parameter domain: in lower case.
  package func remembered(_ tenant: Int64, _ domain: String) -> [DomainKey]? {
    guard let entry = entry(Name(tenant: tenant, domain: domain)), entry.expiry > now() else { return nil }
    return entry.keys.map(\.key)
  }

  /// The keys that sign now, at most one of each algorithm. A domain of another tenant has none.
  package func find(_ tenant: Int64, _ domain: String) async -> Result {
    if let keys = remembered(tenant, domain) { return .success(keys) }
    let name = Name(tenant: tenant, domain: domain)
    return await lookups.run(name) {
      let asked = now()
      let opened = entry(name)?.keys ?? []
      do {
        let keys = try await pool.run(writes: false) { [master] connection in
          try Self.ask(name, connection).map { row in
            (id: row.id, key: try opened.first { $0.id == row.id }?.key ?? row.opened(by: master, tenant: name.tenant))
          }
        }
        remember(Entry(keys: keys, expiry: asked + keptFor), name)
        return .success(keys.map(\.key))
      } catch let failure as SigningKeysFailure {
        return .failure(failure)
      } catch {
        if let last = entry(name) { return .success(last.keys.map(\.key)) }
        return .failure(SigningKeysFailure(reason: "the keys of \(domain) cannot be asked for: \(error)"))
      }
    }
  }

  private func entry(_ name: Name) -> Entry? { known.withLockedValue { $0[name] } }

  private func remember(_ entry: Entry, _ name: Name) {
    known.withLockedValue { known in
      if known.count >= countMax, known[name] == nil {
        let moment = now()
        known = known.filter { $0.value.expiry > moment }
        if known.count >= countMax { known.removeAll() }
      }
      known[name] = entry
    }
  }

  /// By the unique index of domain names, and that of domain and selector.
  private static let select = """
    SELECT k.id, d.id, d.name, k.selector, k.private_key
    FROM postrider.domain d JOIN postrider.dkim_key k ON k.domain = d.id
    WHERE d.name = ANY ($2::text[]) AND d.tenant = $1 AND k.tenant = $1 AND d.disabled_at IS NULL
      AND k.active_from <= postrider.schedule_now()
      AND (k.retired_at IS NULL OR k.retired_at > postrider.schedule_now())
    ORDER BY d.name, k.algorithm DESC, k.id
    """

  private static func ask(_ name: Name, _ connection: PostgresConnection) throws -> [Row] {
    var parameters = PostgresParameters()
    parameters.append(name.tenant)
    // However the author and the operator have written it.
    parameters.append(
      [name.domain] + [DomainName.ascii(name.domain), DomainName.unicode(name.domain)].compactMap(\.self))
    let result = try connection.query(select, parameters)
    let rows = try (0..<result.rowCount).map { try Row(result, $0) }
    return rows.filter { $0.domain == rows[0].domain }
  }

  private struct Row {
    let id: Int64
    let domain: Int64
    let name: String
    let selector: String
    let wrapped: [UInt8]

    init(_ result: PostgresResult, _ row: Int) throws {
      id = try result.int64(row, 0)
      domain = try result.int64(row, 1)
      name = result.text(row, 2)
      selector = result.text(row, 3)
      wrapped = result.bytes(row, 4)
    }

    func opened(by master: MasterKey, tenant: Int64) throws(SigningKeysFailure) -> DomainKey {
      do throws(CryptographyFailure) {
        var secret = try master.unwrap(
          wrapped, context: signingKeyContext(tenant: tenant, domain: domain, selector: selector))
        defer { wipe(&secret) }
        return try DomainKey(
          domain: DomainName.ascii(name) ?? name, selector: selector, key: SigningKey(bytes: secret))
      } catch {
        throw SigningKeysFailure(reason: "the key \(selector) of \(name) cannot be opened: \(error.reason)")
      }
    }
  }
}

/// Why mail that should perhaps be signed cannot be, now.
package struct SigningKeysFailure: Error, Sendable, Hashable {
  /// For the log.
  package let reason: String

  package init(reason: String) { self.reason = reason }
}
