internal import DNS
package import Limits

/// Checks logins where not too many have failed.
package struct GuardedAuthenticator: SubmissionAuthenticating {
  private let inner: any SubmissionAuthenticating
  private let logins: FailedLogins

  package init(_ inner: any SubmissionAuthenticating, logins: FailedLogins) {
    self.inner = inner
    self.logins = logins
  }

  package func authenticate(
    username: String, password: [UInt8], clientAddress: String
  ) async -> AuthenticationResult {
    let account = await inner.account(of: username)
    let trial = logins.trial(account: account, address: Self.client(clientAddress), password: password)
    if let lock = await logins.lock(on: trial) { return .locked(lock) }
    let result = await inner.authenticate(username: username, password: password, clientAddress: clientAddress)
    let isRight: Bool
    switch result {
    // Whoever has the password is no guesser, whatever the account may do.
    case .accepted, .disabled, .smtpOff: isRight = true
    case .rejected: isRight = false
    case .overloaded, .unavailable, .locked: return result
    }
    if let lock = await logins.settle(trial, isRight: isRight) { return .locked(lock) }
    return result
  }

  /// What counts as one client: of IPv6 a network of the size that one customer has.
  package static func client(_ address: String) -> String {
    guard let parsed = IPAddress(address), parsed.family == .v6 else { return address }
    // An IPv4 client of a socket for both (RFC 4291 §2.5.5.2).
    if parsed.high == 0, parsed.low >> 32 == 0xFFFF {
      return IPAddress(v4: UInt32(truncatingIfNeeded: parsed.low)).description
    }
    return String(parsed.high, radix: 16) + "/64"
  }

  package func rememberedStanding(of principal: Principal) -> Standing? { inner.rememberedStanding(of: principal) }

  package func standing(of principal: Principal) async -> Standing { await inner.standing(of: principal) }

  package func rememberedTerms(of principal: Principal) -> TenantTerms? { inner.rememberedTerms(of: principal) }
}
