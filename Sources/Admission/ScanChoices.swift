package import MailModel
import NIOConcurrencyHelpers
package import Postgres

/// What tenants have decided about the content of their mail, as an acceptor knows it.
///
/// It is asked for again after two seconds at the earliest, when mail of the tenant comes, so a change takes effect in
/// every process within two seconds. While the database is away, what was known last goes on, and without that the
/// node's settings: mail cannot be queued then anyway, or is in another database.
package final class ScanChoices: Sendable {
  private struct State: Sendable {
    var fresh: ExpiringCache<Int64, ScanChoice>
    var last: ExpiringCache<Int64, ScanChoice>
  }

  private let pool: PostgresPool
  private let state: NIOLockedValueBox<State>
  private let lookups = SingleFlight<Int64, ScanChoice>()

  /// - Parameters:
  ///   - pool: of the home database.
  ///   - keptFor: a change takes effect this late at most.
  package init(pool: PostgresPool, keptFor: Duration = .seconds(2), countMax: Int = 10_000) {
    self.pool = pool
    state = NIOLockedValueBox(
      State(
        fresh: ExpiringCache(lifetime: keptFor, countMax: countMax),
        last: ExpiringCache(lifetime: .seconds(86_400), countMax: countMax)))
  }

  package func find(_ tenant: Int64) async -> ScanChoice {
    if let known = state.withLockedValue({ $0.fresh.value(of: tenant, at: .now) }) { return known }
    return await lookups.run(tenant) {
      let asked = ContinuousClock.now
      let found = try? await pool.run(writes: false) { try Self.ask(tenant, $0) }
      return state.withLockedValue { state in
        let choice = found ?? state.last.value(of: tenant, at: asked) ?? ScanChoice()
        // Not asked again at once either when there was no answer.
        state.fresh.insert(choice, for: tenant, at: asked)
        if let found { state.last.insert(found, for: tenant, at: asked) }
        return choice
      }
    }
  }

  /// By the primary key.
  private static func ask(_ tenant: Int64, _ connection: PostgresConnection) throws -> ScanChoice {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    let result = try connection.query(
      "SELECT \(ScanChoice.columns) FROM postrider.tenant t WHERE t.id = $1::bigint", parameters)
    return result.rowCount == 1 ? try ScanChoice(result, 0) : ScanChoice()
  }
}

extension ScanChoice {
  static let columns = "t.scan_malware, t.scan_spam, t.spam_score, t.spam_tag_score"

  init(_ result: PostgresResult, _ row: Int) throws {
    func treatment(_ column: Int) -> ScanTreatment? {
      result.isNull(row, column) ? nil : ScanTreatment(rawValue: result.text(row, column))
    }
    func score(_ column: Int) throws -> Double? { result.isNull(row, column) ? nil : try result.double(row, column) }
    self.init(
      malware: treatment(0), spam: treatment(1), spamScore: try score(2), tagScore: try score(3))
  }
}

extension TenantDirectory {
  package func scanning(ofTenant name: String) throws(DirectoryFailure) -> ScanChoice {
    let rows = try rows("SELECT \(ScanChoice.columns) FROM postrider.tenant t WHERE t.name = $1") { $0.append(name) }
    return try one(rows, missing: "there is no tenant \(name)", ScanChoice.init)
  }

  /// For mail that is accepted from now on.
  @discardableResult
  package func setScanning(_ choice: ScanChoice, ofTenant name: String) throws(DirectoryFailure) -> ScanChoice {
    if let tag = choice.tagScore, let spam = choice.spamScore, tag > spam {
      throw DirectoryFailure(.invalid, "a message must not need a higher score to be marked than to be spam")
    }
    let rows = try rows(
      """
      UPDATE postrider.tenant t SET scan_malware = $2, scan_spam = $3, spam_score = $4, spam_tag_score = $5
      WHERE t.name = $1 RETURNING \(ScanChoice.columns)
      """
    ) {
      $0.append(name)
      $0.append(choice.malware?.rawValue)
      $0.append(choice.spam?.rawValue)
      $0.append(choice.spamScore)
      $0.append(choice.tagScore)
    }
    return try one(rows, missing: "there is no tenant \(name)", ScanChoice.init)
  }
}
