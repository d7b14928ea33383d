// What a failed attempt means: try again, or tell the sender.
//
// Pure functions over values of MailModel. The rules are data (`ReplyRules.swift`): what a 4yz or 5yz reply means is
// looked up from the top, the first match wins, and what no rule knows is decided by the reply code alone. Two
// promises stand above the code: a full mailbox and a block list entry are retried even when the remote server calls
// them permanent, because both pass while the message is still wanted. What is unknown is temporary.
package import MailModel

/// What becomes of a recipient after a failed attempt, and what its sender may be told.
package struct Verdict: Sendable, Hashable {
  package enum Action: String, Sendable, Hashable {
    /// Try again until the retry period is over.
    case retry
    /// Give up now and tell the sender.
    case bounce
  }

  package let action: Action
  package let cause: FailureCause
  /// For the report (RFC 3463). The remote server's own where it gave one that fits.
  package let status: EnhancedStatus

  /// One plain sentence for the sender. It is ours alone: it holds no remote text.
  package var explanation: String { cause.explanation }
}

/// Judges an attempt.
/// - Returns: nil when nothing failed: the recipient has the message, or nothing was tried.
package func verdict(on result: AttemptResult) -> Verdict? {
  switch result {
  case .delivered, .notTried: nil
  case .refused(let reply, let stage): verdict(on: reply, at: stage)
  case .failed(let failure, _): verdict(on: failure)
  }
}

private func verdict(on reply: Reply, at stage: AttemptStage) -> Verdict {
  let heard = HeardReply(reply, stage: stage)
  if let rule = replyRules.first(where: { $0.matches(heard) }) {
    let action: Verdict.Action = reply.isPermanent ? rule.action : .retry
    return Verdict(action: action, cause: rule.cause, status: status(of: reply, action: action, cause: rule.cause))
  }
  // RFC 5321 §4.2.1: the first digit decides. But 5yz with 4.x.x contradicts itself: not known to be permanent.
  let action: Verdict.Action = reply.isPermanent && reply.enhanced?.kind != 4 ? .bounce : .retry
  let cause = cause(of: heard.enhanced) ?? (action == .bounce ? .refused : .deferredByServer)
  return Verdict(action: action, cause: cause, status: status(of: reply, action: action, cause: cause))
}

/// The remote server's code if it has one, with the class that our action has.
private func status(of reply: Reply, action: Verdict.Action, cause: FailureCause) -> EnhancedStatus {
  let kind: UInt8 = action == .bounce ? 5 : 4
  guard let given = reply.enhanced, given.kind != 2 else {
    return EnhancedStatus(kind, cause.status.subject, cause.status.detail)
  }
  return EnhancedStatus(kind, given.subject, given.detail)
}

private func verdict(on failure: LocalFailure) -> Verdict {
  let (action, cause): (Verdict.Action, FailureCause) =
    switch failure {
    case .noSuchDomain: (.bounce, .domainUnknown)
    case .nullMX: (.bounce, .domainTakesNoMail)
    case .noAddress: (.bounce, .noMailServer)
    case .dns: (.retry, .dns)
    case .forbiddenAddress: (.bounce, .forbiddenAddress)
    case .mailLoop: (.bounce, .mailLoop)
    case .connection: (.retry, .connection)
    case .timeout: (.retry, .timeout)
    case .tls: (.retry, .tls)
    case .protocolViolation: (.retry, .protocolViolation)
    case .missingExtension(let what): (.bounce, missing(what))
    case .system: (.retry, .localTrouble)
    case .expired: (.bounce, .expired)
    }
  // A time that has run out is a persistent transient failure (RFC 3463 §3.5, X.4.7): class 4 although it is final.
  let kind: UInt8 = action == .bounce && cause != .expired ? 5 : 4
  return Verdict(action: action, cause: cause, status: EnhancedStatus(kind, cause.status.subject, cause.status.detail))
}

private func missing(_ what: String) -> FailureCause {
  let name = what.uppercased()
  if name.contains("SMTPUTF8") { return .needsSMTPUTF8 }
  return name.contains("SIZE") ? .messageTooLarge : .needsExtension
}
