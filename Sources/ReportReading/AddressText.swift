/// Addresses in texts that others wrote.
enum AddressText {
  /// `rfc822; bob@example.com`, `utf-8; …` (RFC 6533 §3), or only the address.
  static func typed(_ text: String) -> String? {
    let address: String
    if let semicolon = text.firstIndex(of: ";") {
      address = text[text.index(after: semicolon)...].trimmed
    } else {
      address = text.trimmed
    }
    return plain(decodedUnicode(address))
  }

  /// An address without brackets, quotes around all of it and comments; nil when there is none.
  static func plain(_ text: String) -> String? {
    var text = text.trimmed
    if let close = text.firstIndex(of: ">"), let open = text[..<close].lastIndex(of: "<") {
      text = String(text[text.index(after: open)..<close])
    } else if text.first != "\"" {
      text = String(text.prefix { $0 != " " && $0 != "\t" && $0 != "(" })
    }
    if text.lowercased().hasPrefix("mailto:") || text.lowercased().hasPrefix("smtp:") {
      text = String(text[text.index(after: text.firstIndex(of: ":") ?? text.startIndex)...])
    }
    guard let at = text.lastIndex(of: "@"), at != text.startIndex, text.utf8.count <= 400 else { return nil }
    let domain = text[text.index(after: at)...]
    guard !domain.isEmpty, domain.allSatisfy({ $0.isLetter || $0.isNumber || "-._[]:".contains($0) }) else {
      return nil
    }
    while text.last == "." || text.last == ":" { text.removeLast() }
    return text
  }

  /// `\x{E9}` as RFC 6533 §3 writes what is not ASCII.
  private static func decodedUnicode(_ text: String) -> String {
    guard text.contains("\\x{") else { return text }
    var result = ""
    var rest = text[...]
    while let start = rest.range(of: "\\x{") {
      result += rest[..<start.lowerBound]
      let digits = rest[start.upperBound...].prefix { $0.isHexDigit }.prefix(6)
      let end = digits.endIndex
      guard end < rest.endIndex, rest[end] == "}", let value = UInt32(digits, radix: 16),
        let scalar = Unicode.Scalar(value)
      else {
        result += rest[start]
        rest = rest[start.upperBound...]
        continue
      }
      result.unicodeScalars.append(scalar)
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  /// Every address in a line, in order.
  static func all(in line: String) -> [String] {
    let separators: Set<Character> = [" ", "\t", "<", ">", "(", ")", ",", ";", "'", "\"", "[", "]", "‘", "’", "“", "”"]
    return line.split(whereSeparator: separators.contains).filter { $0.contains("@") }.compactMap {
      plain(String($0))
    }
  }
}

extension Substring {
  /// The first place of a short text.
  fileprivate func range(of text: String) -> Range<Substring.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text), let end = index(start, offsetBy: text.count, limitedBy: endIndex) {
        return start..<end
      }
      start = index(after: start)
    }
    return nil
  }
}
