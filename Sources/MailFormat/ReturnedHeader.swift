/// The original's header section as the third part of a report.
///
/// Plain ASCII travels as it is (text/rfc822-headers, RFC 3462 §2). UTF-8 becomes message/global-headers
/// (RFC 6533 §4) in quoted-printable, so that the report needs neither 8BITMIME nor SMTPUTF8; what is neither, or has
/// lines that no message may have, is text/rfc822-headers in quoted-printable.
struct ReturnedHeader {
  /// Ends with CRLF.
  let bytes: [UInt8]
  let contentType: String
  let encoding: String
  /// `<id>` of the original when it is one plain word.
  let messageID: String?

  /// More than this is cut at a line end: a report is no way to multiply large headers.
  static let sizeBytesMax = 64 * 1024

  init(_ header: [UInt8]) {
    let section = Self.bounded(header)
    messageID = Self.messageID(in: section)
    let isASCII = section.allSatisfy { $0 < 0x80 }
    if isASCII, Self.hasGoodLines(section) {
      (bytes, contentType, encoding) = (section, "text/rfc822-headers", "7bit")
    } else {
      let isUTF8 = String(validating: section, as: UTF8.self) != nil
      let type = isUTF8 && !isASCII ? "message/global-headers" : "text/rfc822-headers"
      (bytes, contentType, encoding) = (QuotedPrintable.encode(section), type, "quoted-printable")
    }
  }

  /// Without the blank line and what follows it, with a CRLF at the end unless it is empty.
  private static func bounded(_ header: [UInt8]) -> [UInt8] {
    var finder = HeaderSectionFinder()
    let end = finder.consume(header).map { $0 - 2 } ?? header.count
    var section = Array(header[..<end])
    if section.count > sizeBytesMax {
      section = Array(section[..<sizeBytesMax])
      if let lineEnd = section.lastIndex(of: 0x0A) { section = Array(section[...lineEnd]) }
    }
    if !section.isEmpty, !section.suffix(2).elementsEqual([0x0D, 0x0A]) { section += [0x0D, 0x0A] }
    return section
  }

  /// CRLF only, no other control character than HTAB, at most 998 bytes between.
  private static func hasGoodLines(_ bytes: [UInt8]) -> Bool {
    var length = 0
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case 0x0D:
        guard index + 1 < bytes.count, bytes[index + 1] == 0x0A else { return false }
      case 0x0A:
        guard index > 0, bytes[index - 1] == 0x0D else { return false }
        length = 0
      case 0..<0x09, 0x0B..<0x20, 0x7F: return false
      default:
        length += 1
        if length > 998 { return false }
      }
    }
    return true
  }

  private static func messageID(in section: [UInt8]) -> String? {
    var scanner = HeaderScanner(section, lineBytesMax: .max)
    while let field = try? scanner.next() {
      guard isName(section[field.name], "message-id") else { continue }
      let words = section[field.body].split { [0x20, 0x09, 0x0D, 0x0A].contains($0) }
      guard words.count == 1, let word = words.first, word.first == 0x3C, word.last == 0x3E, word.count <= 500,
        word.allSatisfy({ (0x21..<0x7F).contains($0) })
      else { return nil }
      return String(decoding: word, as: UTF8.self)
    }
    return nil
  }
}
