internal import DNS

extension LoginName {
  /// The names that `mailbox.login` may find an account by, for one that a client of the mailbox server gave: its domain in
  /// U-labels and in A-labels, of which one is in the directory.
  ///
  /// All spellings that open one account give the same names here, or else each would be a fresh start for whoever
  /// guesses. What a database makes of upper case outside ASCII depends on its locale: a domain with such letters is
  /// none here, and all logins with one count together.
  static func mailboxNames(_ text: String) -> [LoginName] {
    guard let name = LoginName(text) else { return [] }
    let octets = Array(text.utf8)
    let said = octets.suffix(from: (octets.lastIndex(of: UInt8(ascii: "@")) ?? -1) + 1)
    let folded = said.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    guard let ascii = DomainName.ascii(String(decoding: folded, as: UTF8.self)),
      let unicode = DomainName.unicode(ascii), Array(unicode.utf8) == folded || Array(ascii.utf8) == folded
    else { return [] }
    let domains = unicode == ascii ? [ascii] : [unicode, ascii]
    return domains.map { LoginName(localPart: name.localPart, domain: $0) }
  }
}
