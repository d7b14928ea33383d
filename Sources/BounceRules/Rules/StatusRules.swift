internal import MailModel

/// What codes say by themselves.
struct StatusMeaning: Sendable {
  let id: String
  let category: BounceCategory
  var detail: BounceDetail?
  /// It names a cause; a vague one (x.0.0, x.7.1) only names a field.
  var isPrecise = true
  var action: BounceAction?
}

/// Enhanced status codes: RFC 3463, RFC 5248's registry, and those of Microsoft 365 (three digits, since 2012).
enum StatusRules {
  static func meaning(of status: EnhancedStatus) -> StatusMeaning? {
    guard let rule = table.first(where: { $0.subject == status.subject && $0.details.contains(status.detail) }) else {
      return nil
    }
    return StatusMeaning(
      id: "status.\(status.subject).\(status.detail)", category: rule.category, detail: rule.detail,
      isPrecise: rule.isPrecise, action: rule.action)
  }

  struct Row: Sendable {
    let subject: UInt16
    let details: ClosedRange<UInt16>
    let category: BounceCategory
    let detail: BounceDetail?
    let isPrecise: Bool
    let action: BounceAction?
    /// Where it is defined.
    let reference: String

    init(
      _ subject: UInt16, _ details: ClosedRange<UInt16>, _ category: BounceCategory, _ detail: BounceDetail? = nil,
      vague: Bool = false, action: BounceAction? = nil, from reference: String
    ) {
      (self.subject, self.details, self.category, self.detail) = (subject, details, category, detail)
      (isPrecise, self.action, self.reference) = (!vague, action, reference)
    }
  }

  static let table: [Row] = [
    Row(1, 0...0, .userUnknown, vague: true, from: "RFC 3463 §3.2: other address status"),
    Row(1, 1...1, .userUnknown, from: "RFC 3463 §3.2: bad destination mailbox address"),
    Row(1, 2...2, .dns, .domainUnknown, from: "RFC 3463 §3.2: bad destination system address"),
    Row(1, 3...3, .userUnknown, .addressSyntax, from: "RFC 3463 §3.2: bad destination mailbox address syntax"),
    Row(1, 4...5, .userUnknown, from: "RFC 3463 §3.2: destination mailbox address ambiguous"),
    Row(1, 6...6, .userUnknown, .moved, from: "RFC 3463 §3.2: destination mailbox has moved"),
    Row(1, 7...7, .sender, .addressSyntax, from: "RFC 3463 §3.2: bad sender's mailbox address syntax"),
    Row(1, 8...8, .sender, .senderDomain, from: "RFC 3463 §3.2: bad sender's system address"),
    Row(1, 9...9, .content, from: "RFC 5248: message relayed to non-compliant mailer"),
    Row(1, 10...10, .userUnknown, from: "Microsoft 365: recipient not found (RFC 7505 means a null MX)"),
    Row(1, 11...99, .userUnknown, from: "RFC 3463 §3.2: an address status"),
    Row(1, 350...352, .policy, vague: true, from: "Microsoft 365: remote server returned"),
    Row(2, 0...0, .policy, vague: true, from: "RFC 3463 §3.3: other mailbox status"),
    Row(2, 1...1, .mailboxDisabled, vague: true, from: "RFC 3463 §3.3: mailbox disabled"),
    Row(2, 2...2, .mailboxFull, from: "RFC 3463 §3.3: mailbox full"),
    Row(2, 3...3, .size, from: "RFC 3463 §3.3: message length exceeds administrative limit"),
    Row(2, 4...4, .system, from: "RFC 3463 §3.3: mailing list expansion problem"),
    Row(2, 121...122, .rateLimit, .volume, from: "Microsoft 365: recipient's per hour receive limit exceeded"),
    Row(3, 0...0, .system, vague: true, from: "RFC 3463 §3.4: other mail system status"),
    Row(3, 1...1, .system, .storage, vague: true, from: "RFC 3463 §3.4: mail system full"),
    Row(3, 2...3, .system, vague: true, from: "RFC 3463 §3.4: system not accepting network messages"),
    Row(3, 4...4, .size, from: "RFC 3463 §3.4: message too big for system"),
    Row(3, 5...99, .system, vague: true, from: "RFC 3463 §3.4: system incorrectly configured"),
    Row(4, 0...2, .network, .connection, vague: true, from: "RFC 3463 §3.5: no answer from host, bad connection"),
    Row(4, 3...3, .network, .lookupFailed, from: "RFC 3463 §3.5: directory server failure"),
    Row(4, 4...4, .dns, .noMailServer, from: "RFC 3463 §3.5: unable to route"),
    Row(4, 5...5, .system, from: "RFC 3463 §3.5: mail system congestion"),
    Row(4, 6...6, .network, .mailLoop, from: "RFC 3463 §3.5: routing loop detected"),
    Row(4, 7...7, .expired, vague: true, from: "RFC 3463 §3.5: delivery time expired"),
    Row(4, 14...14, .network, .mailLoop, from: "Microsoft 365: hop count exceeded"),
    Row(4, 310...310, .dns, .domainUnknown, from: "Microsoft 365: DNS domain does not exist"),
    Row(4, 311...312, .dns, .lookupFailed, from: "Microsoft 365: DNS query failed"),
    Row(4, 313...399, .network, .connection, from: "Microsoft 365: message expired, cannot connect to remote server"),
    Row(5, 3...3, .rateLimit, .recipients, vague: true, from: "RFC 3463 §3.6: too many recipients"),
    Row(5, 0...99, .protocol, vague: true, from: "RFC 3463 §3.6: protocol status"),
    Row(6, 7...8, .content, .smtpUTF8, from: "RFC 6531 §3.5: non-ASCII addresses not permitted"),
    Row(6, 0...99, .content, vague: true, from: "RFC 3463 §3.7: content or media"),
    Row(7, 3...3, .auth, vague: true, from: "RFC 3463 §3.8: security conversion required but not possible"),
    Row(7, 8...8, .auth, .login, from: "RFC 4954 §6: authentication credentials invalid"),
    Row(7, 10...11, .tls, from: "RFC 5248: encryption needed, encryption required"),
    Row(7, 12...12, .auth, .login, from: "RFC 4954 §6: a password transition is needed"),
    Row(7, 13...13, .mailboxDisabled, from: "RFC 5248: user account disabled"),
    Row(7, 14...14, .auth, from: "RFC 5248: trust relationship required"),
    Row(7, 16...16, .size, from: "RFC 6710: message too big for the specified priority"),
    Row(7, 17...19, .userUnknown, from: "RFC 7293: mailbox owner has changed"),
    Row(7, 20...22, .auth, .dkim, from: "RFC 7372 §3.1: no passing or acceptable DKIM signature"),
    Row(7, 23...24, .auth, .spf, from: "RFC 7372 §3.2: SPF validation failed"),
    Row(7, 25...25, .dns, .reverseDNS, from: "RFC 7372 §3.3: reverse DNS validation failed"),
    Row(7, 26...26, .auth, from: "RFC 7372 §3.4: multiple authentication checks failed"),
    Row(7, 27...27, .sender, .senderDomain, from: "RFC 7505 §4.3: sender address has null MX"),
    Row(7, 28...28, .rateLimit, .volume, from: "RFC 5248: mail flood detected"),
    Row(7, 29...29, .auth, .arc, from: "RFC 8617: ARC validation failure"),
    Row(7, 30...30, .tls, from: "RFC 8689: REQUIRETLS support required"),
    Row(7, 54...54, .relay, from: "Exchange: unable to relay recipient in non-accepted domain"),
    Row(7, 57...57, .auth, .login, from: "Exchange: client was not authenticated to send anonymous mail"),
    Row(7, 64...64, .relay, from: "Microsoft 365: TenantAttribution, relay access denied"),
    Row(7, 509...509, .auth, .dmarc, from: "Microsoft 365: sending domain does not pass DMARC"),
    Row(7, 515...515, .auth, from: "Microsoft 365: required authentication level not met, 2025"),
    Row(7, 501...508, .blocklist, .reputation, from: "Microsoft 365: spam abuse detected, banned sender"),
    Row(7, 510...511, .blocklist, .addressListed, from: "Microsoft 365: banned sender"),
    Row(7, 512...512, .content, .header, from: "Microsoft 365: RFC 5322 From missing"),
    Row(7, 606...649, .blocklist, .addressListed, from: "Microsoft 365: banned sending IP"),
    Row(7, 650...699, .blocklist, .reputation, from: "Outlook.com: rate limited due to IP reputation"),
    Row(7, 500...500, .rateLimit, .volume, from: "Microsoft 365: server busy, 4.7.500"),
    Row(7, 700...749, .policy, from: "Microsoft 365: tenant restricted"),
    Row(7, 750...899, .policy, from: "Microsoft 365: unregistered domain, restricted"),
    Row(7, 0...999, .policy, vague: true, from: "RFC 3463 §3.8: security or policy"),
  ]
}

/// Reply codes without anything else to go by: RFC 5321 §4.2.3 and the RFCs named.
enum CodeRules {
  static func meaning(of code: Int?) -> StatusMeaning {
    guard let code else { return StatusMeaning(id: "unknown", category: .other, isPrecise: false) }
    let (category, detail): (BounceCategory, BounceDetail?) =
      switch code {
      case 421, 450, 451, 452, 432: (.system, nil)
      case 422, 522, 552: (.mailboxFull, nil)
      case 431: (.system, .storage)
      case 441, 442, 447, 449: (.network, .connection)
      case 446: (.network, .mailLoop)
      case 454: (.tls, nil)
      case 500...504, 555: (.protocol, nil)  // 555: RFC 5321 §4.1.1.11
      case 510, 511, 542, 551, 553: (.userUnknown, nil)
      case 512: (.dns, .domainUnknown)
      case 521, 556: (.dns, .nullMX)  // RFC 7504 §3
      case 523: (.size, nil)
      case 525: (.mailboxDisabled, nil)
      case 530, 534, 535, 538: (.auth, .login)  // RFC 4954 §6
      case 541: (.spam, nil)
      case 550, 554, 570...579: (.policy, nil)
      default: (.other, nil)
      }
    return StatusMeaning(id: "code.\(code)", category: category, detail: detail, isPrecise: false)
  }
}
