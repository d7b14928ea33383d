package import MailModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What is wrong with a path or mailbox; `reason` is a sentence for the client and holds nothing of its text.
package struct AddressFault: Error, Hashable {
  package let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// `Mailbox` and `Path` of RFC 5321 §4.1.2, with the UTF-8 of RFC 6531 §3.3.
///
/// Lengths are those of RFC 5321 §4.5.3.1. General address literals are refused: no tag but `IPv6` was
/// ever registered.
package enum PathParser {
  static let localPartMax = 64
  static let domainMax = 255
  static let labelMax = 63
  static let pathMax = 256

  /// Reads a whole mailbox, `local-part@domain`.
  package static func mailbox(_ bytes: ArraySlice<UInt8>) throws(AddressFault) -> MailAddress {
    var cursor = ByteCursor(bytes)
    let address = try mailbox(&cursor)
    guard cursor.isAtEnd else { throw AddressFault("unexpected character after the domain") }
    return address
  }

  /// Reads `<path>` and leaves the cursor behind it.
  /// - Returns: nil for the null path `<>`.
  static func path(_ cursor: inout ByteCursor) throws(AddressFault) -> MailAddress? {
    guard cursor.take(UInt8(ascii: "<")) else {
      throw AddressFault(cursor.next == Octet.space ? "no space is allowed before <" : "the address must stand in < >")
    }
    if cursor.take(UInt8(ascii: ">")) { return nil }
    let start = cursor.position
    try skipSourceRoute(&cursor)
    let address = try mailbox(&cursor)
    guard cursor.take(UInt8(ascii: ">")) else { throw AddressFault("unexpected character in the address") }
    guard cursor.taken(since: start).count + 1 <= pathMax else {
      throw AddressFault("the path is longer than 256 octets")
    }
    return address
  }

  /// `@a,@b:` in front of a mailbox must be accepted and should be ignored (RFC 5321 §4.1.2, appendix C).
  private static func skipSourceRoute(_ cursor: inout ByteCursor) throws(AddressFault) {
    guard cursor.next == UInt8(ascii: "@") else { return }
    repeat {
      guard cursor.take(UInt8(ascii: "@")) else { throw AddressFault("malformed source route") }
      _ = try domain(&cursor)
    } while cursor.take(UInt8(ascii: ","))
    guard cursor.take(UInt8(ascii: ":")) else { throw AddressFault("malformed source route") }
  }

  private static func mailbox(_ cursor: inout ByteCursor) throws(AddressFault) -> MailAddress {
    let local = cursor.next == UInt8(ascii: "\"") ? try quotedString(&cursor) : try dotString(&cursor)
    guard local.count <= localPartMax else { throw AddressFault("the local part is longer than 64 octets") }
    guard let localPart = Grammar.text(local) else { throw AddressFault("the local part is not valid UTF-8 text") }
    guard cursor.take(UInt8(ascii: "@")) else {
      throw AddressFault(
        cursor.isAtEnd || cursor.next == UInt8(ascii: ">")
          ? "the address has no domain" : "unexpected character in the local part")
    }
    return MailAddress(localPart: localPart, domain: try domain(&cursor))
  }

  private static func dotString(_ cursor: inout ByteCursor) throws(AddressFault) -> ArraySlice<UInt8> {
    let start = cursor.position
    repeat {
      guard !cursor.take(while: Grammar.isAtext).isEmpty else { throw AddressFault("malformed local part") }
    } while cursor.take(Octet.dot)
    return cursor.taken(since: start)
  }

  private static func quotedString(_ cursor: inout ByteCursor) throws(AddressFault) -> ArraySlice<UInt8> {
    let start = cursor.position
    cursor.skip()
    while let byte = cursor.next, byte != UInt8(ascii: "\"") {
      cursor.skip()
      if byte == UInt8(ascii: "\\") {
        guard let quoted = cursor.next, (0x20...0x7E).contains(quoted) else {
          throw AddressFault("malformed quoted pair")
        }
        cursor.skip()
      } else if !Grammar.isQuotedText(byte) {
        throw AddressFault("control character in the local part")
      }
    }
    guard cursor.take(UInt8(ascii: "\"")) else { throw AddressFault("the quoted local part does not end") }
    return cursor.taken(since: start)
  }
}

extension PathParser {
  /// `Domain` or an address literal, as text.
  private static func domain(_ cursor: inout ByteCursor) throws(AddressFault) -> String {
    if cursor.next == UInt8(ascii: "[") { return try addressLiteral(&cursor) }
    let start = cursor.position
    repeat {
      let label = cursor.take { Grammar.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 >= 0x80 }
      guard let first = label.first, first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-") else {
        throw AddressFault("malformed domain")
      }
      // A U-label's limit holds for its A-label, which the resolver computes.
      guard label.count <= labelMax || label.contains(where: { $0 >= 0x80 }) else {
        throw AddressFault("a label of the domain is longer than 63 octets")
      }
    } while cursor.take(Octet.dot)
    let bytes = cursor.taken(since: start)
    guard bytes.count <= domainMax else { throw AddressFault("the domain is longer than 255 octets") }
    guard let text = Grammar.text(bytes) else { throw AddressFault("the domain is not valid UTF-8 text") }
    return text
  }

  /// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
  private static func addressLiteral(_ cursor: inout ByteCursor) throws(AddressFault) -> String {
    let start = cursor.position
    cursor.skip()
    let content = cursor.take { $0 != UInt8(ascii: "]") && (0x21...0x7E).contains($0) }
    guard cursor.take(UInt8(ascii: "]")), content.count <= 64, isAddress(content) else {
      throw AddressFault("malformed address literal")
    }
    return String(decoding: cursor.taken(since: start), as: UTF8.self)
  }

  static func isAddress(_ content: ArraySlice<UInt8>) -> Bool {
    let isVersion6 = Grammar.equal(content.prefix(5), "IPV6:")
    let literal = isVersion6 ? content.dropFirst(5) : content
    // `inet_pton` would stop at a NUL and believe what is in front of it.
    guard literal.allSatisfy({ Grammar.isLetterOrDigit($0) || $0 == Octet.dot || $0 == UInt8(ascii: ":") }) else {
      return false
    }
    let text = String(decoding: literal, as: UTF8.self)
    var address = in6_addr()  // large enough for both
    return inet_pton(isVersion6 ? AF_INET6 : AF_INET, text, &address) == 1
  }
}

/// The name in EHLO and HELO (RFC 5321 §4.1.1.1).
///
/// Wider than the RFC by the underscore, which many desktop machines have in their names; nothing depends
/// on it but the `Received` field.
package func isAcceptableHelloName(_ bytes: ArraySlice<UInt8>) -> Bool {
  guard (1...PathParser.domainMax).contains(bytes.count) else { return false }
  if bytes.first == UInt8(ascii: "[") {
    return bytes.last == UInt8(ascii: "]") && PathParser.isAddress(bytes.dropFirst().dropLast())
  }
  return bytes.allSatisfy {
    Grammar.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == Octet.dot
  }
}
