package import MailModel

/// What a server said that it can do (RFC 5321 §4.1.1.1).
package struct ClientCapabilities: Sendable, Hashable {
  /// It answered EHLO; false after HELO.
  package var extended = false
  package var startTLS = false
  package var pipelining = false
  package var eightBitMIME = false
  package var smtpUTF8 = false
  /// It keeps messages as they come, octet for octet, and passes none on: a header in UTF-8 needs no SMTPUTF8.
  package var takesAnyHeader = false
  package var dsn = false
  /// RFC 2034: its replies have enhanced codes. They are read where they are, whether it says so or not.
  package var enhancedStatusCodes = false
  package var size = false
  /// The largest message it takes (RFC 1870 §3); nil: it did not say.
  package var sizeMax: Int?
  /// SASL mechanisms in upper case.
  package var mechanisms: Set<String> = []
  /// RFC 9422: `RCPTMAX`, `MAILMAX`.
  package var recipientsMax: Int?
  package var transactionsMax: Int?

  package init() {}

  /// Reads the reply to EHLO. Lines that make no sense are passed over.
  package init(ehlo reply: Reply) {
    extended = true
    for line in reply.lines.dropFirst() {
      let words = String(decoding: line, as: UTF8.self).uppercased().split { $0 == " " || $0 == "\t" }.map(String.init)
      guard let keyword = words.first else { continue }
      read(keyword, Array(words.dropFirst()))
    }
  }

  private mutating func read(_ keyword: String, _ values: [String]) {
    switch keyword {
    case "STARTTLS": startTLS = true
    case "PIPELINING": pipelining = true
    case "8BITMIME": eightBitMIME = true
    case "SMTPUTF8": smtpUTF8 = true
    case "DSN": dsn = true
    case "ENHANCEDSTATUSCODES": enhancedStatusCodes = true
    case "SIZE":
      size = true
      if let value = values.first.flatMap({ Int($0) }), value > 0 { sizeMax = value }
    case "AUTH": mechanisms.formUnion(values)
    case "LIMITS": values.forEach { readLimit($0) }
    // Servers of the last century.
    case _ where keyword.hasPrefix("AUTH="): mechanisms.formUnion([String(keyword.dropFirst(5))] + values)
    default: break
    }
  }

  private mutating func readLimit(_ text: String) {
    let parts = text.split(separator: "=")
    guard parts.count == 2, let value = Int(parts[1]), value > 0 else { return }
    if parts[0] == "RCPTMAX" { recipientsMax = value }
    if parts[0] == "MAILMAX" { transactionsMax = value }
  }
}
