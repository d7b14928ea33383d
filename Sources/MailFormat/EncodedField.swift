/// Brings a header field's body into ASCII by encoded words (RFC 2047), where that leaves its meaning as it is.
enum EncodedField {
  /// Fields whose grammar has no place for encoded words.
  private static let rigid: [StaticString] = [
    "message-id", "in-reply-to", "references", "date", "received", "return-path", "mime-version", "content-type",
    "content-transfer-encoding", "content-disposition", "content-id", "dkim-signature", "authentication-results",
    "arc-seal", "arc-message-signature", "arc-authentication-results", "resent-date", "resent-message-id",
    "list-unsubscribe", "list-unsubscribe-post", "auto-submitted",
  ]
  private static let withAddresses: [StaticString] = [
    "from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-to", "resent-cc",
    "disposition-notification-to", "return-receipt-to", "list-id",
  ]

  /// - Returns: the body with its folds, without the last CRLF; nil when it cannot be told how it is meant.
  static func encode(_ name: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>) -> [UInt8]? {
    let text = body.filter { $0 != 0x0D && $0 != 0x0A }
    if rigid.contains(where: { isName(name, $0) }) { return nil }
    let words: [String]?
    if withAddresses.contains(where: { isName(name, $0) }) {
      var phrases = AddressPhrases(text)
      words = phrases.encoded()
    } else {
      words = encoded(text.split(whereSeparator: isBlank).map { Array($0) })
    }
    return words.map { Array((" " + folded($0, after: name.count + 2)).utf8) }
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Neighbours that need it are encoded together: the blanks between two encoded words are not shown (§6.2).
  fileprivate static func encoded(_ words: [[UInt8]]) -> [String] {
    var (result, run) = ([String](), [[UInt8]]())
    for word in words + [[]] {
      if word.contains(where: { $0 >= 0x80 }) {
        run.append(word)
        continue
      }
      if !run.isEmpty { result += EncodedWords.words(of: Array(run.joined(separator: [0x20]))) }
      run = []
      if !word.isEmpty { result.append(String(decoding: word, as: UTF8.self)) }
    }
    return result
  }

  private static func folded(_ words: [String], after start: Int) -> String {
    var (text, column) = ("", start)
    for word in words {
      if !text.isEmpty, column + 1 + word.utf8.count > 76 {
        text += "\r\n " + word
        column = 1 + word.utf8.count
      } else {
        text += (text.isEmpty ? "" : " ") + word
        column += 1 + word.utf8.count
      }
    }
    return text
  }
}

extension EncodedWords {
  /// Octets that are UTF-8, or of nobody knows which charset (RFC 1428 §3).
  static func words(of bytes: [UInt8]) -> [String] {
    if let text = String(validating: bytes, as: UTF8.self) {
      return encode(text).split(separator: " ").map(String.init)
    }
    return stride(from: 0, to: bytes.count, by: 15).map { start in
      "=?unknown-8bit?q?\(bytes[start..<min(start + 15, bytes.count)].map(quoted).joined())?="
    }
  }
}

/// The names in a list of addresses (RFC 5322 §3.4), each before its `<`; nothing else there may be other than ASCII.
private struct AddressPhrases {
  private let text: [UInt8]
  private var position = 0
  private var words: [String] = []

  init(_ text: [UInt8]) { self.text = text }

  mutating func encoded() -> [String]? {
    var start = 0
    while position < text.count {
      switch text[position] {
      case UInt8(ascii: "\""), UInt8(ascii: "("):
        guard skipDelimited() else { return nil }
      case UInt8(ascii: "<"):
        guard takePhrase(text[start..<position]) else { return nil }
        start = position
        guard let end = text[position...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
        position = end + 1
      case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"):
        position += 1
        guard takePlain(text[start..<position]) else { return nil }
        start = position
      default: position += 1
      }
    }
    return takePlain(text[start...]) ? words : nil
  }

  /// A quoted string or a comment, to behind its end.
  private mutating func skipDelimited() -> Bool {
    let end = text[position] == UInt8(ascii: "(") ? UInt8(ascii: ")") : UInt8(ascii: "\"")
    position += 1
    while position < text.count {
      let byte = text[position]
      position += byte == UInt8(ascii: "\\") ? 2 : 1
      if byte == end { return true }
      if byte == UInt8(ascii: "("), end == UInt8(ascii: ")") { return false }
    }
    return false
  }

  private mutating func takePlain(_ part: ArraySlice<UInt8>) -> Bool {
    guard part.allSatisfy({ $0 < 0x80 }) else { return false }
    words += part.split(whereSeparator: EncodedField.isBlank).map { String(decoding: $0, as: UTF8.self) }
    return true
  }

  private mutating func takePhrase(_ phrase: ArraySlice<UInt8>) -> Bool {
    guard phrase.contains(where: { $0 >= 0x80 }) else { return takePlain(phrase) }
    // In a comment, or glued to an encoded word, it cannot be told what readers would make of it.
    guard !phrase.contains(UInt8(ascii: "(")), !phrase.contains(UInt8(ascii: "?")) else { return false }
    words += EncodedWords.words(of: Self.unquoted(phrase))
    return true
  }

  /// The phrase as people see it.
  private static func unquoted(_ phrase: ArraySlice<UInt8>) -> [UInt8] {
    var (result, isQuoted, isEscaped) = ([UInt8](), false, false)
    for byte in phrase.trimmed {
      if !isEscaped, byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if !isEscaped, isQuoted, byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else {
        isEscaped = false
        result.append(byte)
      }
    }
    return result
  }
}
