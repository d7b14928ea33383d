/// Text from outside, made fit for the lines of a message.
package enum MailText {
  /// Printable ASCII on one line: control characters become blanks, other characters RFC 6533's `\x{HEX}`.
  static func ascii(_ text: String, limit: Int = 2000) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
      switch scalar.value {
      case 0x20..<0x7F: result.unicodeScalars.append(scalar)
      case 0..<0xA0: if result.last != " " { result += " " }
      default: result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return result
  }

  /// One line that keeps its letters; control characters and characters that reorder or hide text become `?`.
  package static func singleLine(_ text: String, limit: Int = 2000) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A header field with CRLF, folded at blanks (RFC 5322 §2.2.3) to 76 columns where blanks allow it. A word that
  /// could break the limit of 998 is cut.
  static func folded(_ field: String) -> String {
    lines(field, width: 76, wordMax: 700).joined(separator: "\r\n ") + "\r\n"
  }

  /// Words put together into lines of at most `width` bytes; a longer word has a line of its own, and is divided after
  /// `wordMax` bytes.
  package static func lines(_ text: String, width: Int, wordMax: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ").flatMap({ pieces($0, wordMax) }) {
      if !line.isEmpty, line.utf8.count + 1 + word.utf8.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + [line]
  }

  private static func pieces(_ word: Substring, _ most: Int) -> [String] {
    if word.utf8.count <= most { return [String(word)] }
    var (result, piece) = ([String](), "")
    for scalar in word.unicodeScalars {
      if piece.utf8.count + UTF8.width(scalar) > most {
        result.append(piece)
        piece = ""
      }
      piece.unicodeScalars.append(scalar)
    }
    return result + [piece]
  }
}

/// RFC 2045 §6.7. CRLF is a line end; any other control character is encoded.
enum QuotedPrintable {
  private static let digits = Array("0123456789ABCDEF".utf8)

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + bytes.count / 8)
    var column = 0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      let atLineEnd = isLineEnd(bytes, index + 1)
      if isLineEnd(bytes, index), index < bytes.count {
        result += [0x0D, 0x0A]
        column = 0
        index += 2
        continue
      }
      let isPlain = (0x21...0x7E).contains(byte) && byte != 0x3D || ((byte == 0x20 || byte == 0x09) && !atLineEnd)
      let width = isPlain ? 1 : 3
      if column + width > 75 {
        result += [0x3D, 0x0D, 0x0A]
        column = 0
      }
      result += isPlain ? [byte] : [0x3D, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      column += width
      index += 1
    }
    return result
  }

  /// A CRLF starts here, or nothing does.
  private static func isLineEnd(_ bytes: [UInt8], _ index: Int) -> Bool {
    index >= bytes.count || (bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A)
  }
}
