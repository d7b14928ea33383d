package import Admission
internal import DNS
package import Limits

/// Answers what a mailbox server asks about logins, from the counts that logins over SMTP are counted in.
package struct LoginDecisions: Sendable {
  private let logins: FailedLogins
  private let account: @Sendable (_ username: String) async -> String

  /// - Parameter accounts: tells which account a name means, so that all spellings of one are counted together.
  package init(logins: FailedLogins, accounts: CredentialAuthenticator) {
    self.init(logins: logins) { await accounts.mailboxAccount(of: $0) }
  }

  init(logins: FailedLogins, account: @escaping @Sendable (_ username: String) async -> String) {
    self.logins = logins
    self.account = account
  }

  /// - Returns: why the login may not be; nil: as far as it depends on us, it may.
  func decide(_ question: PolicyQuestion) async -> LoginLock? {
    if question.outcome == .refused { return nil }
    let trial = logins.trial(
      account: await account(question.login),
      address: IPAddress(question.remote) == nil ? "-" : GuardedAuthenticator.client(question.remote),
      passwordHash: question.passwordHash)
    return switch question.outcome {
    case nil: await logins.lock(on: trial)
    case .right: await logins.settle(trial, isRight: true)
    case .wrong, .refused: await logins.settle(trial, isRight: false)
    }
  }
}
