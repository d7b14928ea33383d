internal import CIDN2

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Domain names in the form that the DNS knows.
package enum DomainName {
  /// The A-label form in lower case (RFC 5890 §2.3.2.1), without a dot at the end.
  ///
  /// U-labels are converted by libidn2 with IDNA2008 and its mapping of upper case and width (UTS #46,
  /// non-transitional, as browsers and registries do).
  /// - Returns: nil when the text cannot be the name of a mail domain: an empty or overlong label, a byte that no
  ///   host name has, more than 253 bytes.
  package static func ascii(_ text: String) -> String? {
    var name = text
    if name.hasSuffix(".") { name.removeLast() }
    guard !name.isEmpty, name.utf8.count <= 1024, !name.utf8.contains(0) else { return nil }
    if name.utf8.contains(where: { $0 >= 0x80 }) {
      guard let converted = toALabels(name) else { return nil }
      name = converted
    }
    name = name.lowercased()
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard name.utf8.count <= 253, labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(isHostByte) })
    else { return nil }
    return name
  }

  /// The U-label form of the same name, in lower case and normal form C.
  /// - Returns: nil for what has no A-label form.
  package static func unicode(_ text: String) -> String? {
    guard let name = ascii(text) else { return nil }
    var output: UnsafeMutablePointer<CChar>?
    guard idn2_to_unicode_8z8z(name, &output, 0) == Int32(IDN2_OK.rawValue), let output else { return name }
    defer { idn2_free(output) }
    return String(cString: output)
  }

  /// Letters, digits, hyphen, and the underscore that some real mail hosts have.
  package static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func toALabels(_ name: String) -> String? {
    var output: UnsafeMutablePointer<CChar>?
    let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
    guard idn2_to_ascii_8z(name, &output, flags) == Int32(IDN2_OK.rawValue), let output else { return nil }
    defer { idn2_free(output) }
    return String(cString: output)
  }
}
