internal import MailModel

/// Addresses in the status part of a report.
enum StatusAddress {
  /// `rfc822; bob@example.org`; of an address in UTF-8 `utf-8; böb@example.org`, in seven bits
  /// `utf-8; b\x{F6}b@example.org` (RFC 6533 §3).
  static func final(_ address: MailAddress, _ form: ReportForm) -> String {
    let text = "\(address)"
    guard address.needsSMTPUTF8 else { return "rfc822; \(MailText.ascii(text))" }
    return "utf-8; \(form == .international ? MailText.singleLine(text) : utf8AddressXtext(text))"
  }

  /// `ORCPT` as it was given, its xtext decoded where the result is still plain ASCII (RFC 3461 §4.2, RFC 3464 §2.3.1).
  static func original(_ parameter: String, _ form: ReportForm) -> String {
    guard let semicolon = parameter.firstIndex(of: ";") else { return "rfc822; \(MailText.ascii(parameter))" }
    let type = MailText.ascii(String(parameter[..<semicolon]))
    let coded = String(parameter[parameter.index(after: semicolon)...])
    // RFC 6533 §3: a utf-8 address has a 7-bit form of its own, which is not xtext.
    if type.lowercased() != "utf-8", let decoded = xtextDecoded(coded) { return "\(type); \(decoded)" }
    if form == .international { return "\(type); \(MailText.singleLine(utf8AddressDecoded(coded)))" }
    return "\(type); \(coded.utf8.allSatisfy { $0 < 0x80 } ? MailText.ascii(coded) : utf8AddressXtext(coded))"
  }

  /// RFC 3461 §4; nil when it is not xtext or holds more than printable ASCII.
  private static func xtextDecoded(_ text: String) -> String? {
    var result: [UInt8] = []
    var bytes = text.utf8.makeIterator()
    while var byte = bytes.next() {
      if byte == 0x2B {
        guard let high = bytes.next(), let low = bytes.next(),
          let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
        else { return nil }
        byte = value
      }
      guard (0x20..<0x7F).contains(byte) else { return nil }
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// RFC 6533 §3 `utf-8-addr-xtext`: everything but plain visible ASCII as `\x{HEX}`.
  private static func utf8AddressXtext(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(512) {
      let isPlain = (0x21..<0x7F).contains(scalar.value) && ![0x2B, 0x3D, 0x5C].contains(scalar.value)
      result += isPlain ? String(scalar) : "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
    return result
  }

  /// Undoes `\x{HEX}`; what is not exactly that stays.
  private static func utf8AddressDecoded(_ text: String) -> String {
    var result = ""
    var rest = Substring(text)
    while let start = rest.firstRange(of: "\\x{") {
      result += rest[..<start.lowerBound]
      let tail = rest[start.upperBound...]
      guard let end = tail.firstIndex(of: "}"), let value = UInt32(tail[..<end], radix: 16),
        let scalar = UnicodeScalar(value)
      else {
        result += rest[start]
        rest = tail
        continue
      }
      result.unicodeScalars.append(scalar)
      rest = tail[tail.index(after: end)...]
    }
    return result + rest
  }
}
