package import Cryptography
package import MailModel
internal import NIOCore
package import NodeMetrics
package import Redis

package struct FailedLoginRules: Sendable, Hashable {
  /// Different wrong logins from one address.
  package var address: Rates
  /// Different wrong passwords for one account, from addresses that it is not known at; and from each at which it is.
  package var account: Rates
  /// How long an address is known to an account after a login; zero: never.
  package var knownFor: Duration

  package init(address: Rates, account: Rates, knownFor: Duration) {
    self.address = address
    self.account = account
    self.knownFor = knownFor
  }

  var isUnlimited: Bool { address.isUnlimited && account.isUnlimited }
}

/// A login that is being tried.
package struct LoginTrial: Sendable, Hashable {
  let account: String
  let address: String
  /// Stands for this password of this account: nobody can try passwords with it who does not have the master key.
  let digest: [UInt8]
}

/// Why a login is not looked at.
package enum LoginLock: Sendable, Hashable {
  /// Too much was tried from the address.
  case address(wait: Duration)
  /// Too much was tried for the account.
  case account(wait: Duration)

  package var reply: Reply {
    switch self {
    case .address: Reply(421, EnhancedStatus(4, 7, 1), reason)
    case .account: Reply(454, EnhancedStatus(4, 7, 1), reason)
    }
  }

  /// In words for whoever tries to log in.
  package var reason: String {
    switch self {
    case .address(let wait): "Too many failed logins from your address; try again in \(wait.secondsUp) seconds"
    case .account(let wait): "Too many failed logins for this account; try again in \(wait.secondsUp) seconds"
    }
  }

  package var label: String {
    switch self {
    case .address: "failed_logins_address"
    case .account: "failed_logins_account"
    }
  }
}

/// Counts failed logins, for all acceptors together while Redis answers, else alone.
///
/// **Who is counted where.** A wrong password counts for its address and for its account, and the same one again does not
/// count again: a mail program with an old password locks nobody out. An account that has logged in from an address is known
/// there: its failures from there are counted by themselves, and neither what others behind the same address
/// try nor what is tried for it elsewhere keeps it out. So an office behind one address goes on working while one
/// machine in it guesses, and an account goes on working while a thousand addresses guess at it.
///
/// **What a guesser learns.** The limit is asked before the password is checked, and again, in the same step as it is
/// counted, after it: of guesses made at the same time no more than the limit are answered.
package final class FailedLogins: Sendable {
  private let rules: FailedLoginRules
  private let shared: SharedLogins?
  private let local: LocalLogins
  private let key: [UInt8]
  private let absence: RedisAbsence
  private let metrics: LimitMetrics

  /// - Parameters:
  ///   - redis: nil: this acceptor is alone.
  ///   - master: the digests' key comes from it, so that all acceptors make the same ones.
  ///   - share: which part of a limit is allowed without Redis.
  package init(
    rules: FailedLoginRules, redis: RedisClient?, master: MasterKey, share: Double, absence: RedisAbsence,
    metrics: LimitMetrics = LimitMetrics()
  ) {
    self.rules = rules
    self.absence = absence
    self.metrics = metrics
    key = master.derived(for: "postrider failed logins").last ?? []
    shared = redis.map { SharedLogins(redis: $0, rules: rules) }
    local = LocalLogins(rules: rules, share: share)
  }

  /// - Parameters:
  ///   - account: the same for all spellings of one.
  ///   - address: what counts as one client.
  package func trial(account: String, address: String, password: [UInt8]) -> LoginTrial {
    var bytes = Array("\(account)\0".utf8) + password
    defer { wipe(&bytes) }
    let code = HMACSHA256.code(bytes, key: key)
    return LoginTrial(account: account, address: address, digest: Array(code.prefix(12)))
  }

  /// The same where the password is known by a hash alone, which is the same for the same password of one account: a server
  /// beside us that asks before it checks a password itself. A password and its hash are two.
  package func trial(account: String, address: String, passwordHash: String) -> LoginTrial {
    // No account's name begins so: nothing that is hashed above is hashed here.
    let code = HMACSHA256.code(Array("\0\(account)\0\(passwordHash)".utf8), key: key)
    return LoginTrial(account: account, address: address, digest: Array(code.prefix(12)))
  }

  /// Before the password is checked.
  package func lock(on trial: LoginTrial) async -> LoginLock? { await take(.asked, trial) }

  /// After it. A lock that came meanwhile goes before what was found.
  package func settle(_ trial: LoginTrial, isRight: Bool) async -> LoginLock? {
    await take(isRight ? .right : .wrong, trial)
  }

  private func take(_ step: LoginStep, _ trial: LoginTrial) async -> LoginLock? {
    guard !rules.isUnlimited else { return nil }
    let now = Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000)
    var lock: LoginLock?
    do throws(RedisError) {
      guard let shared else { throw .closed }
      lock = try await shared.take(step, trial, isKnown: local.knows(trial, now: now))
      absence.note(nil)
      if step == .right, lock == nil { local.remember(trial, now: now) }
    } catch {
      if shared != nil { absence.note(error) }
      lock = local.take(step, trial, now: now)
    }
    if let lock { metrics.refused(by: lock.label) }
    return lock
  }
}

enum LoginStep: String, Sendable {
  case asked, wrong, right
}

extension Duration {
  /// Whole seconds, at least one.
  var secondsUp: Int64 { max(1, components.seconds + (components.attoseconds > 0 ? 1 : 0)) }
}
