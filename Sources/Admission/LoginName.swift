/// A user name as a client gives it, made comparable: what credentials are looked up by.
///
/// The full address is the user name. The domain's case does not matter (RFC 5321 §2.4), the local part's does.
/// `bob+invoices@example.com` logs in as `bob@example.com`. A name without `@` is a domain's.
package struct LoginName: Hashable, Sendable {
  /// nil: the name is a domain's.
  package let localPart: String?
  package let domain: String

  /// RFC 5321 §4.5.3.1: 64 bytes, `@`, 255 bytes.
  package static let sizeMax = 320

  /// - Returns: nil for what cannot be the name of any credential.
  package init?(_ text: String) {
    // PostgreSQL's text takes no NUL; the rest of C0 and blanks have no place in an unquoted address.
    guard (1...Self.sizeMax).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      return nil
    }
    // By octets, as the database reads a name: with an accent after it, «+» would be another character to Swift, and a
    // tag part of the name.
    guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else {
      localPart = nil
      domain = text.lowercased()
      return
    }
    let local = text[..<at]
    let domain = text[text.utf8.index(after: at)...]
    guard !local.isEmpty, !domain.isEmpty else { return nil }
    let untagged = text[..<(local.utf8.firstIndex(of: UInt8(ascii: "+")) ?? at)]
    localPart = String(untagged.isEmpty ? local : untagged)
    self.domain = domain.lowercased()
  }

  init(localPart: String?, domain: String) {
    self.localPart = localPart
    self.domain = domain
  }

  /// The credential's name: the address, or the domain.
  package var description: String { localPart.map { "\($0)@\(domain)" } ?? domain }
}
