/// How a report is written down.
enum ReportForm: Sendable {
  /// ASCII throughout (RFC 3464).
  case sevenBit
  /// UTF-8 throughout (RFC 6533); only for whoever can take SMTPUTF8.
  case international

  var reportType: String { self == .sevenBit ? "delivery-status" : "global-delivery-status" }
  var statusType: String { "message/\(reportType)" }
  var textEncoding: String { self == .sevenBit ? "quoted-printable" : "8bit" }

  /// Text from outside on one line.
  func text(_ text: String) -> String { self == .sevenBit ? MailText.ascii(text) : MailText.singleLine(text) }

  /// The body of an unstructured field; as encoded words (RFC 2047) where it must be ASCII and is not.
  func unstructured(_ text: String) -> String {
    let line = MailText.singleLine(text)
    return self == .international || line.utf8.allSatisfy { $0 < 0x80 } ? line : EncodedWords.encode(line)
  }
}

/// RFC 2047 with UTF-8 and the Q encoding, which leaves most of a European text readable.
enum EncodedWords {
  static func encode(_ text: String) -> String {
    var words: [String] = []
    var word = ""
    for scalar in text.unicodeScalars {
      let code = String(scalar).utf8.map(quoted).joined()
      // With `Subject: =?utf-8?q?` and `?=` a line of 76 (§2); a character is never divided (§5).
      if word.utf8.count + code.utf8.count > 55 {
        words.append(word)
        word = ""
      }
      word += code
    }
    return (words + [word]).map { "=?utf-8?q?\($0)?=" }.joined(separator: " ")
  }

  static func quoted(_ byte: UInt8) -> String {
    if byte == 0x20 { return "_" }
    let isPlain =
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || [0x21, 0x2A, 0x2B, 0x2D, 0x2F].contains(byte)
    if isPlain { return String(UnicodeScalar(byte)) }
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "=0" + digits : "=" + digits
  }
}
