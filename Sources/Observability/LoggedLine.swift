internal import Foundation

/// A line of the log, read back: text or JSON, with or without something that a collector put in front.
package struct LoggedLine: Sendable {
  /// What happened, for example `delivered`.
  package let message: String
  /// Values by key, each as `escaped(_:)` writes it, whichever format the line had.
  private let fields: [String: String]

  package subscript(key: LogKey) -> String? { fields[key.rawValue] }

  /// - Returns: nil when it is no line of ours.
  package init?(_ line: some StringProtocol) {
    if let start = line.range(of: #"{"time":""#) {
      self.init(json: String(line[start.lowerBound...]))
    } else {
      self.init(text: String(line))
    }
  }

  private init?(json: String) {
    guard let value = try? JSONSerialization.jsonObject(with: Data(json.utf8)), let object = value as? [String: Any],
      let message = object["message"] as? String
    else { return nil }
    self.message = message
    fields = object.compactMapValues { value in
      if let text = value as? String { return escaped(text) }
      return (value as? NSNumber).map { "\($0)" }
    }
  }

  /// `2026-11-20T22:30:38.123Z INFO delivered id=… recipient=…`
  private init?(text: String) {
    guard let start = text.firstMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ /#)?.range.upperBound
    else { return nil }
    var rest = text[start...]
    var words: [Substring] = []
    while let word = Self.word(&rest) { words.append(word) }
    message = words.prefix { !$0.contains("=") }.joined(separator: " ")
    var fields: [String: String] = [:]
    for word in words.dropFirst(message.isEmpty ? 0 : 1) {
      guard let equals = word.firstIndex(of: "=") else { continue }
      fields[String(word[..<equals])] = Self.unquoted(word[word.index(after: equals)...])
    }
    self.fields = fields
  }

  /// Takes what is before the next space that no quotation marks enclose.
  private static func word(_ rest: inout Substring) -> Substring? {
    rest = rest.drop { $0 == " " }
    guard !rest.isEmpty else { return nil }
    var (isQuoted, wasBackslash) = (false, false)
    let end =
      rest.firstIndex { character in
        defer { wasBackslash = character == "\\" && !wasBackslash }
        if character == "\"", !wasBackslash { isQuoted.toggle() }
        return character == " " && !isQuoted
      } ?? rest.endIndex
    defer { rest = rest[end...] }
    return rest[..<end]
  }

  private static func unquoted(_ value: Substring) -> String {
    guard value.count >= 2, value.first == "\"", value.last == "\"" else { return String(value) }
    return String(value.dropFirst().dropLast()).replacing("\\\"", with: "\"")
  }
}
