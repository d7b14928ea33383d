/// A mailbox as SMTP writes it (RFC 5321 §4.1.2, RFC 6531 §3.3): `local-part@domain`.
///
/// The parser in `SMTPWire` makes them; here nothing is checked again.
package struct MailAddress: Hashable, Sendable {
  /// As the client wrote it, quotes included. Only the destination may interpret it.
  package let localPart: String
  /// As the client wrote it: a host name, perhaps with U-labels, or an address literal in brackets.
  package let domain: String

  package init(localPart: String, domain: String) {
    self.localPart = localPart
    self.domain = domain
  }

  /// The domain in lower case: what routing, lanes and comparisons use.
  package var destination: String { domain.lowercased() }

  /// Whether it needs SMTPUTF8 (RFC 6531) on its way.
  package var needsSMTPUTF8: Bool {
    localPart.utf8.contains { $0 >= 0x80 } || domain.utf8.contains { $0 >= 0x80 }
  }
}

extension MailAddress: CustomStringConvertible {
  package var description: String { "\(localPart)@\(domain)" }

  /// Splits at the last `@` of a string that is already known to be a valid mailbox.
  package init?(trusted text: String) {
    guard let at = text.lastIndex(of: "@"), at != text.startIndex else { return nil }
    self.init(localPart: String(text[..<at]), domain: String(text[text.index(after: at)...]))
  }
}
