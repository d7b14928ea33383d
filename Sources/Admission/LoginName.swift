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
    guard let at = text.lastIndex(of: "@") else {
      localPart = nil
      domain = text.lowercased()
      return
    }
    let local = text[..<at]
    guard !local.isEmpty, at != text.index(before: text.endIndex) else { return nil }
    let untagged = local.prefix { $0 != "+" }
    localPart = String(untagged.isEmpty ? local : untagged)
    domain = text[text.index(after: at)...].lowercased()
  }

  init(localPart: String, domain: String) {
    self.localPart = localPart
    self.domain = domain
  }

  /// The credential's name: the address, or the domain.
  package var description: String { localPart.map { "\($0)@\(domain)" } ?? domain }
}
