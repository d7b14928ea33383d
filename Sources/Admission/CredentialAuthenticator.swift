import Cryptography
import NIOConcurrencyHelpers
package import Limits
package import Postgres

/// Checks logins against the credentials in PostgreSQL.
///
/// **Cost.** The record of an account is asked for once every two seconds at most, however many connections its
/// client opens, and its hash is computed once a minute. A login that finds both costs an HMAC and two look-ups in
/// memory.
///
/// **Changes.** A success is remembered for the record's version and good for no other; every login sees a record
/// at most two seconds old. So a new password, a disabled credential or domain, a suspended tenant and the proof of a
/// domain take effect in every process within two seconds, without messages between them. Without the database nobody gets in on
/// memory alone.
///
/// While an account has two passwords, a wrong one takes twice as long to refuse.
///
/// **Silence.** An account that does not exist is verified against a hash of the same cost and gets the same
/// answer, after the same steps. What is remembered of a password is an HMAC with a key that only this process has.
package final class CredentialAuthenticator: SubmissionAuthenticating {
  private typealias Mark = [UInt8]

  private struct State: Sendable {
    var records: ExpiringCache<LoginName, CredentialRecord?>
    var successes: ExpiringCache<Mark, CredentialRecord.Revision>
    /// Of those who are logged in, by credential: what was known last, for when the database is away.
    var lastStandings: ExpiringCache<Int64, Standing>
    /// What stands in for it while the database is not asked again.
    var assumedStandings: ExpiringCache<Int64, Standing>
  }

  private let records: RecordLookups
  private let checks: PasswordChecks
  private let lookups = SingleFlight<LoginName, RecordLookups.Result>()
  private let verifications = SingleFlight<Mark, Bool?>()
  private let uses: LastUses
  private let requiresProof: Bool
  private let state: NIOLockedValueBox<State>
  private let markKey = Random.bytes(32)
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameter now: the clock of the caches.
  package init(
    pool: PostgresPool, configuration: AuthenticatorConfiguration = AuthenticatorConfiguration(),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.now = now
    requiresProof = configuration.requiresProof
    uses = LastUses(pool: pool)
    records = RecordLookups(
      pool: pool, countMax: configuration.lookupsMax, timeMax: configuration.lookupTimeMax)
    checks = PasswordChecks(atOnce: configuration.checksMax, waitingMax: configuration.waitingMax)
    state = NIOLockedValueBox(
      State(
        records: ExpiringCache(lifetime: configuration.recordsKeptFor, countMax: configuration.cacheCountMax),
        successes: ExpiringCache(lifetime: configuration.rememberedFor, countMax: configuration.cacheCountMax),
        lastStandings: ExpiringCache(lifetime: .seconds(86_400), countMax: configuration.cacheCountMax),
        assumedStandings: ExpiringCache(
          lifetime: configuration.recordsKeptFor, countMax: configuration.cacheCountMax)))
  }

  /// Ends the checking threads; logins after it are told to come again.
  package func shutdown() async { await checks.shutdown() }

  package func authenticate(
    username: String, password: [UInt8], clientAddress: String
  ) async -> AuthenticationResult {
    // A name that cannot exist goes the whole way too, the database included, under a name that cannot exist.
    let name = LoginName(username) ?? Self.impossible
    switch await lookup(name) {
    case .failed(let reason): return .unavailable(reason)
    case .found(let record): return await verify(password, record, name)
    }
  }

  /// Every name in a domain with a credential of its own is that credential's.
  package func account(of username: String) async -> String {
    guard let name = LoginName(username) else { return "-" }
    guard case .found(let record?) = await lookup(name) else { return name.description }
    return record.principal.name
  }

  /// The same for a login at the server of the mailboxes, which takes a domain in both of its forms.
  package func mailboxAccount(of username: String) async -> String {
    let names = LoginName.mailboxNames(username)
    for name in names {
      if case .found(let record?) = await lookup(name) { return record.principal.name }
    }
    return names.first?.description ?? "-"
  }

  package func rememberedStanding(of principal: Principal) -> Standing? {
    guard let credential = principal.credential, let name = LoginName(principal.name) else { return nil }
    return state.withLockedValue { state in
      state.records.value(of: name, at: now()).map { standing($0, of: principal) }
        ?? state.assumedStandings.value(of: credential, at: now())
    }
  }

  package func rememberedTerms(of principal: Principal) -> TenantTerms? {
    guard let name = LoginName(principal.name) else { return nil }
    return state.withLockedValue { state -> TenantTerms? in
      guard let record = state.records.value(of: name, at: now()) else { return nil }
      return record?.principal.terms
    }
  }

  package func standing(of principal: Principal) async -> Standing {
    guard let credential = principal.credential, let name = LoginName(principal.name) else { return .good }
    let result = await lookup(name)
    return state.withLockedValue { state in
      switch result {
      case .found(let record):
        let standing = self.standing(record, of: principal)
        state.lastStandings.insert(standing, for: credential, at: now())
        return standing
      // Who is logged in goes on: the tenant's mail may be in another database, which is there.
      case .failed:
        let standing =
          state.lastStandings.value(of: credential, at: now())
          ?? .good(except: requiresProof ? principal.unproven : [])
        state.assumedStandings.insert(standing, for: credential, at: now())
        return standing
      }
    }
  }

  /// Another password does not end a session.
  private func standing(_ record: CredentialRecord?, of principal: Principal) -> Standing {
    guard let record, record.revision.credential == principal.credential else {
      return .disabled("the credential is gone")
    }
    if let reason = record.disabled { return .disabled(reason) }
    if record.isSMTPOff { return .smtpOff }
    return requiresProof ? Standing(of: principal, as: record.principal) : .good
  }

  /// A domain that `TenantDirectory` refuses.
  private static let impossible = LoginName(localPart: "nobody", domain: "-")

  private func lookup(_ name: LoginName) async -> RecordLookups.Result {
    if let known = state.withLockedValue({ $0.records.value(of: name, at: now()) }) { return .found(known) }
    return await lookups.run(name) {
      let asked = now()
      let result = await records.find(name)
      if case .found(let record) = result {
        state.withLockedValue { $0.records.insert(record, for: name, at: asked) }
      }
      return result
    }
  }

  private func verify(
    _ password: [UInt8], _ record: CredentialRecord?, _ name: LoginName
  ) async -> AuthenticationResult {
    let mark = mark(name, password, record)
    let isKnown = state.withLockedValue { $0.successes.value(of: mark, at: now()) != nil }
    if !isKnown {
      let began = now()
      let secrets = record?.secrets ?? [PasswordHash.decoy]
      // A client that opens twenty connections at once costs one check.
      let isRight = await verifications.run(mark) { await checks.verify(password, against: secrets) }
      guard let isRight else { return .overloaded }
      guard isRight, let record else { return .rejected }
      state.withLockedValue { $0.successes.insert(record.revision, for: mark, at: began) }
    }
    guard let record else { return .rejected }
    if let reason = record.disabled { return .disabled(reason) }
    if record.isSMTPOff { return .smtpOff }
    uses.note(record.revision.credential, at: now())
    return .accepted(record.principal)
  }

  /// What stands for this password of this account in this version.
  private func mark(_ name: LoginName, _ password: [UInt8], _ record: CredentialRecord?) -> Mark {
    // The number of passwords: the old one's end changes nothing else.
    let state = [record?.revision.credential ?? 0, record?.revision.version ?? 0, Int64(record?.secrets.count ?? 0)]
    let account = Array("\(name.description)\0\(state.map(String.init).joined(separator: "\0"))\0".utf8)
    var bytes = account + password
    defer { wipe(&bytes) }
    return HMACSHA256.code(bytes, key: markKey)
  }
}
