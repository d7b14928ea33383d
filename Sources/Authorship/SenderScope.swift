import DNS
package import MailModel

/// The name of one sender, or of all senders in a domain, made comparable.
///
/// Neither the domain's case nor the local part's makes a difference, nor `+tag`, quotes that are not needed, or whether
/// a domain is written in Unicode: to everybody who reads the mail these are the same person.
package struct SenderName: Sendable, Hashable {
  /// nil: every sender in the domain.
  let localPart: String?
  let domain: String

  private init(localPart: String?, domain: String) {
    self.localPart = localPart
    self.domain = domain
  }

  package init(_ address: MailAddress) {
    let local = Self.unquoted(address.localPart)
    let untagged = local.prefix { $0 != "+" }
    self.init(
      localPart: (untagged.isEmpty ? local : String(untagged)).lowercased(), domain: Self.comparable(address.domain))
  }

  /// - Parameter text: an address, or a domain alone.
  package init?(_ text: String) {
    if let address = MailAddress(trusted: text) {
      self.init(address)
      return
    }
    guard !text.isEmpty, !text.contains("@") else { return nil }
    self.init(localPart: nil, domain: Self.comparable(text))
  }

  /// Everybody in its domain.
  fileprivate var wholeDomain: SenderName { SenderName(localPart: nil, domain: domain) }

  /// The local part without its quotes, if it has them.
  static func unquoted(_ text: String) -> String {
    guard text.hasPrefix("\""), text.hasSuffix("\""), text.count >= 2 else { return text }
    var result = ""
    var isQuoted = false
    for character in text.dropFirst().dropLast() {
      isQuoted = character == "\\" && !isQuoted
      if !isQuoted { result.append(character) }
    }
    return result
  }

  fileprivate static func comparable(_ domain: String) -> String { DomainName.ascii(domain) ?? domain.lowercased() }
}

/// As whom somebody may send.
package struct SenderScope: Sendable, Hashable {
  private let names: Set<SenderName>

  /// Whether anybody in that domain is among them.
  package func names(domain: String) -> Bool {
    let wanted = SenderName.comparable(domain)
    return names.contains { $0.domain == wanted }
  }

  /// What a refused client is told: "this login sends as alice@example.com".
  package let explanation: String

  /// - Parameters:
  ///   - own: the credential's address or domain.
  ///   - others: addresses and domains that it may send as besides; what is neither is passed over.
  package init(credential own: String, others: [String] = []) {
    names = Set(([own] + others).compactMap(SenderName.init))
    let told = ([own.contains("@") ? own : "any address at \(own)"] + others.prefix(3)).joined(separator: ", ")
    explanation = "this login sends as \(told)" + (others.count > 3 ? " and \(others.count - 3) more" : "")
  }

  /// Whoever may send as everybody in some domains.
  package init(domains: [String], of tenant: String) {
    names = Set(domains.compactMap(SenderName.init))
    explanation = "only domains of the tenant \(tenant) send from here"
  }

  /// Behind `+`, and in a whole domain, a local part may be anything; it may not look like another address all the same.
  package func contains(_ address: MailAddress) -> Bool {
    guard !Deception.isDeceptive(localPart: SenderName.unquoted(address.localPart)) else { return false }
    let name = SenderName(address)
    return names.contains(name) || names.contains(name.wholeDomain)
  }
}
