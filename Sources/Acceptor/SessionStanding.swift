import Admission
import Authorship
import MailModel

extension SessionEnvironment {
  /// What is known of a client's standing without asking anybody; nil: ask.
  func rememberedStanding(of principal: Principal) -> Standing? {
    if principal.credential == nil, let trusted { return trusted.rememberedStanding(of: principal) }
    return authenticator.rememberedStanding(of: principal)
  }

  /// Why a reverse-path in a domain that is not proven is not taken, as far as that is known at MAIL; when it is not,
  /// the end of the message tells.
  func refusalOfUnproven(_ path: MailAddress, _ principal: Principal) -> Reply? {
    guard !principal.unproven.isEmpty, case .goodExcept(let unproven)? = rememberedStanding(of: principal) else {
      return nil
    }
    return unproven.first { $0.name == AuthorCheck.domain(of: path) }?.refusal
  }
}

extension Standing {
  /// What a client is told, and the log; nil: it may submit.
  /// - Parameters:
  ///   - domains: of whom the message names as its authors, in A-labels.
  ///   - path: its reverse-path.
  func refusal(of domains: Set<String>, _ path: MailAddress?) -> (reply: Reply, reason: String)? {
    switch self {
    case .good: nil
    case .goodExcept(let unproven):
      unproven.first { domains.contains($0.name) || path.map(AuthorCheck.domain(of:)) == $0.name }.map {
        ($0.refusal, "the domain \($0.name) is not verified")
      }
    case .disabled(let reason): (Reply(550, EnhancedStatus(5, 7, 13), "This account is disabled"), reason)
    case .smtpOff:
      (
        Reply(550, EnhancedStatus(5, 7, 13), "SMTP access is switched off for this account"),
        "SMTP access is switched off"
      )
    }
  }
}

extension UnprovenDomain {
  /// Lines of replies have 512 octets at most (RFC 5321 §4.5.3.1.5), names up to 253.
  fileprivate var refusal: Reply {
    Reply(
      550, EnhancedStatus(5, 7, 1),
      "\(name) is not verified yet: nothing can be sent from it\nPublish a TXT record\n\(challenge.name)\n"
        + "with the text \(challenge.text)")
  }
}
