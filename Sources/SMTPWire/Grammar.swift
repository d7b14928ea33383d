/// Character classes of RFC 5321 §4.1.2 and RFC 6531 §3.3.
enum Grammar {
  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
  static func isLetterOrDigit(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

  /// `atext` (RFC 5322 §3.2.3) with RFC 6531's UTF-8 octets; those are validated for the text as a whole.
  static func isAtext(_ byte: UInt8) -> Bool {
    if byte >= 0x80 || isLetterOrDigit(byte) { return true }
    switch byte {
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"),
      UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
      UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "~"):
      return true
    default:
      return false
    }
  }

  /// `qtextSMTP`: what may stand in a quoted string without a backslash.
  static func isQuotedText(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// `esmtp-value`: printable, neither space nor `=`.
  static func isParameterValue(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "=")
  }

  /// Valid UTF-8 without C0, DEL and the C1 controls: the latter are legal in RFC 6531's grammar, but steer
  /// terminals and mean nothing in an address.
  static func text(_ bytes: some Collection<UInt8>) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let clean = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    return clean ? text : nil
  }

  static func uppercased(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }
  }

  /// Compares ASCII without regard to case; `keyword` is in upper case.
  static func equal(_ bytes: some Collection<UInt8>, _ keyword: StaticString) -> Bool {
    guard bytes.count == keyword.utf8CodeUnitCount else { return false }
    return keyword.withUTF8Buffer { expected in
      zip(bytes, expected).allSatisfy { ((0x61...0x7A).contains($0) ? $0 - 0x20 : $0) == $1 }
    }
  }
}

/// Reads forward through a few octets.
struct ByteCursor {
  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  var isAtEnd: Bool { position == bytes.endIndex }
  var next: UInt8? { isAtEnd ? nil : bytes[position] }
  var rest: ArraySlice<UInt8> { bytes[position...] }

  mutating func skip() { if !isAtEnd { position += 1 } }

  mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  mutating func take(while accepts: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    let start = position
    while let byte = next, accepts(byte) { position += 1 }
    return bytes[start..<position]
  }

  /// Everything taken since `start`.
  func taken(since start: Int) -> ArraySlice<UInt8> { bytes[start..<position] }
}
