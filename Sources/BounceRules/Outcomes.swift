internal import MailModel

extension BounceInfo {
  /// What a permanent refusal of a category leads to.
  static func action(_ category: BounceCategory, _ detail: BounceDetail?) -> BounceAction {
    switch category {
    case .blocklist, .rateLimit: .slowdown
    case .mailboxFull, .greylist, .network, .system, .tls:
      detail == .mailLoop || detail == .forbiddenAddress ? .reject : .retry
    case .dns: detail == .lookupFailed ? .retry : .reject
    case .userUnknown, .mailboxDisabled, .spam, .virus, .content, .policy, .auth, .relay, .sender, .size, .protocol,
      .expired,
      .other:
      .reject
    }
  }

  static func transientAction(_ category: BounceCategory) -> BounceAction {
    category == .blocklist || category == .rateLimit ? .slowdown : .retry
  }

  /// The remote server's subject and detail if it gave them, with the class that our action has.
  static func status(
    _ given: EnhancedStatus?, _ category: BounceCategory, _ detail: BounceDetail?, _ action: BounceAction
  ) -> EnhancedStatus {
    // A time that has run out is a persistent transient failure (RFC 3463 §3.5, X.4.7): class 4 although it is final.
    let kind: UInt8 = action == .reject && category != .expired ? 5 : 4
    if let given { return EnhancedStatus(kind, given.subject, given.detail) }
    let usual = usualStatus(category, detail)
    return EnhancedStatus(kind, usual.0, usual.1)
  }

  /// Subject and detail (RFC 3463) where the remote server gave none.
  private static func usualStatus(_ category: BounceCategory, _ detail: BounceDetail?) -> (UInt16, UInt16) {
    switch (category, detail) {
    case (_, .addressSyntax): (1, 3)
    case (_, .moved): (1, 6)
    case (_, .domainUnknown): (1, 2)
    case (_, .nullMX): (1, 10)  // RFC 7505 §4.2
    case (_, .noMailServer), (_, .forbiddenAddress): (4, 4)
    case (_, .reverseDNS): (7, 25)
    case (_, .mailLoop): (4, 6)
    case (_, .timeout): (4, 2)
    case (_, .connectionRefused): (4, 2)
    case (_, .spf): (7, 23)
    case (_, .dkim): (7, 20)
    case (_, .login): (7, 8)
    case (_, .recipients): (5, 3)
    case (_, .smtpUTF8): (6, 7)  // RFC 6531 §3.5
    case (.size, _): (3, 4)
    case (_, .missingExtension): (6, 3)
    case (.userUnknown, _): (1, 1)
    case (.mailboxDisabled, _): (2, 1)
    case (.mailboxFull, _): (2, 2)
    case (.blocklist, _), (.policy, _), (.greylist, _), (.spam, _): (7, 1)
    case (.rateLimit, _), (.virus, _): (7, 0)
    case (.content, _): (6, 0)
    case (.auth, _): (7, 26)
    case (.tls, _): (7, 5)
    case (.relay, _): (7, 1)
    case (.sender, _): (1, 8)
    case (.dns, _): (4, 3)
    case (.network, _): (4, 1)
    case (.protocol, _): (5, 0)
    case (.system, _): (3, 0)
    case (.expired, _): (4, 7)
    case (.other, _): (0, 0)
    }
  }
}

/// What failed without a reply.
func localInfo(_ failure: LocalFailure) -> BounceInfo {
  if case .returned(let words) = failure { return returnedInfo(words) }
  let (category, detail): (BounceCategory, BounceDetail?) =
    switch failure {
    case .noSuchDomain: (.dns, .domainUnknown)
    case .nullMX: (.dns, .nullMX)
    case .noAddress: (.dns, .noMailServer)
    case .dns: (.dns, .lookupFailed)
    case .forbiddenAddress: (.network, .forbiddenAddress)
    case .mailLoop: (.network, .mailLoop)
    case .connection: (.network, .connection)
    case .timeout: (.network, .timeout)
    case .tls: (.tls, nil)
    case .protocolViolation: (.protocol, nil)
    case .missingExtension(let what): missing(what)
    case .system: (.system, .local)
    case .expired: (.expired, nil)
    case .suppressed: (.policy, .suppressed)
    case .returned: (.other, nil)
    }
  var action = BounceInfo.action(category, detail)
  // What a server says in a broken way today it may say well tomorrow.
  if case .protocolViolation = failure { action = .retry }
  return BounceInfo(
    action: action, category: category, detail: detail, status: BounceInfo.status(nil, category, detail, action),
    line: failure.explanation, rule: "local.\(failure.name)")
}

/// What a report says later: the words are judged like a reply's, but whoever reported has given up.
private func returnedInfo(_ words: String) -> BounceInfo {
  var info = ReplyReading(Array(words.utf8), BounceSituation()).judge()
  info.action = .reject
  return info
}

private func missing(_ what: String) -> (BounceCategory, BounceDetail) {
  let name = what.uppercased()
  if name.contains("SMTPUTF8") { return (.content, .smtpUTF8) }
  return name.contains("SIZE") ? (.size, .missingExtension) : (.content, .missingExtension)
}
