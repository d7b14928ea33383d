/// The part of a URL behind the `?` (RFC 3986 §3.4), as forms write it, but for `+`: an address holds no space, and a plus
/// sign that somebody has not encoded is meant as one.
enum Query {
  /// The value of the first field of this name, in whatever case.
  static func value(_ name: String, in query: String) -> String? {
    for field in query.split(separator: "&") {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, decoded(String(parts[0]))?.lowercased() == name else { continue }
      return decoded(String(parts[1]))
    }
    return nil
  }

  /// - Returns: nil for what is no percent-encoded UTF-8.
  static func decoded(_ text: String) -> String? {
    var octets: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let octet = rest.popFirst() {
      guard octet == UInt8(ascii: "%") else {
        octets.append(octet)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
      octets.append(high << 4 | low)
    }
    return String(validating: octets, as: UTF8.self)
  }

  private static func digit(_ octet: UInt8) -> UInt8? {
    switch octet {
    case 0x30...0x39: octet - 0x30
    case 0x41...0x46: octet - 0x37
    case 0x61...0x66: octet - 0x57
    default: nil
    }
  }
}
