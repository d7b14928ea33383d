/// The original, or its header section, as the third part of a report.
///
/// A header in plain ASCII travels as it is (text/rfc822-headers, RFC 6522 §4). UTF-8 becomes message/global-headers
/// (RFC 6533 §4), in quoted-printable unless the whole report is in UTF-8, so that it needs neither 8BITMIME nor
/// SMTPUTF8; what is neither, or has lines that no message may have, is text/rfc822-headers in quoted-printable.
///
/// A whole message cannot be encoded (RFC 2046 §5.2.1) and travels as it came: as message/rfc822, or as message/global
/// (RFC 6532 §3.7) if its header is in UTF-8.
struct ReturnedPart {
  /// Ends with CRLF.
  let bytes: [UInt8]
  let contentType: String
  let description: String
  let encoding: String
  /// `<id>` of the original when it is one plain word.
  let messageID: String?

  var isEightBit: Bool { encoding == "8bit" }

  /// More than this of a header is cut at a line end: a report is no way to multiply large headers.
  static let sizeBytesMax = 64 * 1024

  init(_ original: ReturnedContents, _ form: ReportForm) {
    switch original {
    case .header(let header): self.init(header: header, form)
    case .whole(let message):
      if !message.isEmpty, Self.hasGoodLines(message, besides: []) {
        self.init(whole: message)
      } else {
        self.init(header: message, form)
      }
    }
  }

  private init(whole message: [UInt8]) {
    let header = Self.bounded(message)
    let isASCII = message.allSatisfy { $0 < 0x80 }
    let isGlobal = !header.allSatisfy { $0 < 0x80 } && String(validating: header, as: UTF8.self) != nil
    messageID = Self.messageID(in: header)
    bytes = message.suffix(2).elementsEqual([0x0D, 0x0A]) ? message : message + [0x0D, 0x0A]
    (contentType, encoding) = (isGlobal ? "message/global" : "message/rfc822", isASCII ? "7bit" : "8bit")
    description = "The message"
  }

  private init(header: [UInt8], _ form: ReportForm) {
    let section = Self.bounded(header)
    description = "Header of the message"
    messageID = Self.messageID(in: section)
    let isASCII = section.allSatisfy { $0 < 0x80 }
    let hasGoodLines = Self.hasGoodLines(section)
    if isASCII, hasGoodLines {
      (bytes, contentType, encoding) = (section, "text/rfc822-headers", "7bit")
      return
    }
    let isUTF8 = !isASCII && String(validating: section, as: UTF8.self) != nil
    let type = isUTF8 ? "message/global-headers" : "text/rfc822-headers"
    if isUTF8, hasGoodLines, form == .international {
      (bytes, contentType, encoding) = (section, type, "8bit")
    } else {
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

  /// CRLF only, no NUL and none of the control characters `besides`, at most 998 bytes between.
  private static func hasGoodLines(
    _ bytes: [UInt8], besides control: Set<UInt8> = Set(1..<0x20).subtracting([0x09]).union([0x7F])
  ) -> Bool {
    var length = 0
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case 0x0D:
        guard index + 1 < bytes.count, bytes[index + 1] == 0x0A else { return false }
      case 0x0A:
        guard index > 0, bytes[index - 1] == 0x0D else { return false }
        length = 0
      case 0: return false
      case 1..<0x20 where control.contains(byte): return false
      case 0x7F where control.contains(byte): return false
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
