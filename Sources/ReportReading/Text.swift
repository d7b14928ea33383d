import SMTPWire

/// Octets as text, without an opinion about who wrote them.
enum Text {
  /// UTF-8 where it is; otherwise each octet is a character (ISO 8859-1), so that nothing is lost.
  static func decode(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    for byte in bytes { text.unicodeScalars.append(Unicode.Scalar(byte)) }
    return text
  }

  /// At most `countMax` lines of at most `lengthMax` octets.
  static func lines(_ bytes: [UInt8], countMax: Int = 1500, lengthMax: Int = 1000) -> [String] {
    var reader = LineReader(bytes[...])
    var lines: [String] = []
    while lines.count < countMax, let line = reader.next() { lines.append(decode(line.prefix(lengthMax))) }
    return lines
  }
}

extension StringProtocol {
  /// Without spaces and tabs at both ends.
  var trimmed: String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\n" }
    var text = self[...]
    while let first = text.first, isBlank(first) { text.removeFirst() }
    while let last = text.last, isBlank(last) { text.removeLast() }
    return String(text)
  }
}

/// Content transfer encodings (RFC 2045 §6), read leniently.
enum TransferEncoding {
  static func base64(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var (bits, count): (UInt32, Int) = (0, 0)
    for byte in bytes {
      guard let value = Base64.value(byte) else {
        if byte == UInt8(ascii: "=") { break }
        continue
      }
      bits = (bits << 6 | value) & 0xFFFFFF
      count += 6
      if count >= 8 {
        count -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return result
  }

  static func quotedPrintable(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      guard byte == UInt8(ascii: "=") else {
        result.append(byte)
        continue
      }
      if let length = softBreak(bytes[index...]) {
        index += length
      } else if index + 1 < bytes.endIndex, let high = hexadecimal(bytes[index]),
        let low = hexadecimal(bytes[index + 1])
      {
        result.append(high << 4 | low)
        index += 2
      } else {
        result.append(byte)
      }
    }
    return result
  }

  /// The octets of a line end, with white space before it; nil when there is something else.
  private static func softBreak(_ bytes: ArraySlice<UInt8>) -> Int? {
    var count = 0
    for byte in bytes.prefix(80) {
      count += 1
      switch byte {
      case 0x20, 0x09, 0x0D: continue
      case 0x0A: return count
      default: return nil
      }
    }
    return nil
  }

  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
