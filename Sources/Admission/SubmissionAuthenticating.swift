package import Authorship
package import Limits

/// Who submits: what a successful login, or an address in a trusted network, proves.
package struct Principal: Sendable, Hashable {
  package var tenant: Int64
  package var tenantName: String
  /// nil: from a trusted network, without a login.
  package var credential: Int64?
  /// The address or domain that the credential stands for; without a credential the tenant's name.
  package var name: String
  /// Whether it covers every address of the domain.
  package var coversDomain: Bool
  /// As whom it may send; nil: as anybody.
  package var senders: SenderScope?
  /// Domains among these that nothing is sent as until they are proven.
  package var unproven: [UnprovenDomain]
  /// What its tenant's limits depend on, as it was at the login.
  package var terms = TenantTerms()

  /// - Parameter senders: by default those that the credential stands for.
  package init(
    tenant: Int64, tenantName: String, credential: Int64?, name: String, coversDomain: Bool, senders: SenderScope?,
    unproven: [UnprovenDomain] = []
  ) {
    self.senders = senders
    self.unproven = unproven
    self.tenant = tenant
    self.tenantName = tenantName
    self.credential = credential
    self.name = name
    self.coversDomain = coversDomain
  }
}

/// How a login ended.
package enum AuthenticationResult: Sendable {
  case accepted(Principal)
  /// Unknown account or wrong password: nobody may learn which.
  case rejected
  /// The password was right; the reason is for the log.
  case disabled(String)
  /// The password was right, but the credential is not for SMTP.
  case smtpOff
  /// Too many checks at once.
  case overloaded
  /// Too many have failed; the password counts for nothing.
  case locked(LoginLock)
  /// The database could not be asked; the reason is for the log.
  case unavailable(String)
}

/// Whether somebody who logged in a while ago may still submit.
package enum Standing: Sendable, Hashable {
  case good
  /// Yes, but not as these domains.
  case goodExcept([UnprovenDomain])
  case disabled(String)
  case smtpOff

  static func good(except unproven: [UnprovenDomain]) -> Standing { unproven.isEmpty ? .good : .goodExcept(unproven) }

  /// - Parameters:
  ///   - session: who it was when the session began, and so as whom it may try to send.
  ///   - now: who it is by now. A domain that was not proven then, and is no longer among its senders, may have been
  ///     proven by another tenant.
  init(of session: Principal, as now: Principal) {
    let lost = session.unproven.filter { domain in now.senders.map { !$0.names(domain: domain.name) } ?? false }
    self = .good(except: now.unproven + lost.filter { !now.unproven.contains($0) })
  }
}

/// Where acceptors have logins checked.
package protocol SubmissionAuthenticating: Sendable {
  /// What is known without asking the database; nil: ask with `standing(of:)`.
  func rememberedStanding(of principal: Principal) -> Standing?
  /// While the database cannot be asked, what was known last.
  func standing(of principal: Principal) async -> Standing
  /// What is known of its tenant's limits without asking the database; nil: ask with `terms(of:)`.
  func rememberedTerms(of principal: Principal) -> TenantTerms?
  func authenticate(username: String, password: [UInt8], clientAddress: String) async -> AuthenticationResult
  /// Whose password a login with this name would be checked against: the same for all names that one password opens.
  func account(of username: String) async -> String
}

extension SubmissionAuthenticating {
  /// A name that cannot exist counts like one that does not.
  package func account(of username: String) async -> String { LoginName(username)?.description ?? "-" }
}
