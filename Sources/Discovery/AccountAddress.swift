internal import DNS

/// An address that somebody sets up, as far as it must be known to answer: that it has the form of one.
struct AccountAddress: Sendable, Hashable {
  /// RFC 5321 §4.5.3.1.1, .3.
  private static let localPartMax = 64
  private static let lengthMax = 254

  /// As it was written.
  let text: String
  /// In lower case and A-labels.
  let domain: String

  /// - Returns: nil for anything but a dot-atom (RFC 5322 §3.2.3, with UTF-8 by RFC 6532) before a domain. Quoted local parts
  ///   and address literals are no addresses of people.
  init?(_ text: String) {
    guard text.utf8.count <= Self.lengthMax, let at = text.lastIndex(of: "@") else { return nil }
    let local = text[..<at]
    let atoms = local.split(separator: ".", omittingEmptySubsequences: false)
    guard local.utf8.count <= Self.localPartMax,
      atoms.allSatisfy({ !$0.isEmpty && $0.unicodeScalars.allSatisfy(isAtom) }),
      let domain = mailDomain(String(text[text.index(after: at)...]))
    else { return nil }
    self.text = text
    self.domain = domain
  }
}

/// A domain that can have mail: at least two labels, A-labels in lower case.
func mailDomain(_ text: String) -> String? {
  guard !text.hasSuffix("."), let name = DomainName.ascii(text), name.contains("."), !name.contains("_"),
    name.split(separator: ".").allSatisfy({ !$0.hasPrefix("-") && !$0.hasSuffix("-") }),
    name.unicodeScalars.contains(where: { ("a"..."z").contains($0) })
  else { return nil }
  return name
}

private func isAtom(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case "a"..."z", "A"..."Z", "0"..."9": true
  case "!", "#", "$", "%", "&", "'", "*", "+", "-", "/", "=", "?", "^", "_", "`", "{", "|", "}", "~": true
  default: scalar.value >= 0xA0 && !isInvisible(scalar)
  }
}

/// What nobody can tell apart, or what changes the direction of what is around it.
private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
    true
  default: false
  }
}
