internal import Foundation
internal import MailFormat

/// The subject of a message, as its sender would recognise it.
enum OriginalSubject {
  /// Longer ones are cut.
  private static let charactersMax = 80

  /// - Parameter bytes: the message, or its header section.
  /// - Returns: nil when there is none, or none that can be read with certainty.
  static func read(_ bytes: [UInt8]) -> String? {
    var scanner = HeaderScanner(bytes, lineBytesMax: .max)
    while let field = try? scanner.next() {
      guard isName(bytes[field.name], "subject") else { continue }
      guard let text = String(validating: bytes[field.body], as: UTF8.self), let decoded = decoded(text) else {
        return nil
      }
      let line = MailText.singleLine(decoded.split { $0.isWhitespace }.joined(separator: " "))
      if line.isEmpty { return nil }
      return line.count <= charactersMax ? line : line.prefix(charactersMax - 1) + "…"
    }
    return nil
  }

  /// Undoes encoded words (RFC 2047) in UTF-8, ISO-8859-1 and ASCII; nil when there are others.
  private static func decoded(_ text: String) -> String? {
    var result = ""
    var wasEncoded = false
    for word in text.split(whereSeparator: \.isWhitespace) {
      guard word.hasPrefix("=?"), word.hasSuffix("?="), word.utf8.count <= 1000 else {
        result += (result.isEmpty ? "" : " ") + word
        wasEncoded = false
        continue
      }
      guard let piece = encodedWord(word) else { return nil }
      // White space between encoded words is not part of the text (§6.2).
      result += (result.isEmpty || wasEncoded ? "" : " ") + piece
      wasEncoded = true
    }
    return result
  }

  private static func encodedWord(_ word: Substring) -> String? {
    let parts = word.dropFirst(2).dropLast(2).split(separator: "?", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    let bytes: [UInt8]?
    switch parts[1].lowercased() {
    case "b": bytes = Data(base64Encoded: String(parts[2])).map { [UInt8]($0) }
    case "q": bytes = quoted(parts[2])
    default: bytes = nil
    }
    guard let bytes else { return nil }
    switch parts[0].lowercased().prefix(while: { $0 != "*" }) {
    case "utf-8", "us-ascii": return String(validating: bytes, as: UTF8.self)
    case "iso-8859-1": return String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
    default: return nil
    }
  }

  private static func quoted(_ text: Substring) -> [UInt8]? {
    var result: [UInt8] = []
    var bytes = text.utf8.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case 0x5F: result.append(0x20)
      case 0x3D:
        guard let high = bytes.next(), let low = bytes.next(),
          let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
        else { return nil }
        result.append(value)
      default: result.append(byte)
      }
    }
    return result
  }
}
