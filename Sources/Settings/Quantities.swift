/// Durations as people write them: `500ms`, `30s`, `5m`, `4h`, `5d`, `1h30m`.
package enum DurationText {
  private static let units: [(name: String, milliseconds: Int)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// - Returns: nil when the text is no duration, or one beyond a thousand years.
  package static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var total = 0
    var rest = text[...]
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      let word = rest.prefix { !("0"..."9").contains($0) }
      rest = rest.dropFirst(word.count)
      guard let number = Int(digits), number < 1_000_000_000_000,
        let unit = units.first(where: { $0.name == word })
      else { return nil }
      let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
      guard !overflow, product <= 31_536_000_000_000 - total else { return nil }
      total += product
    }
    return .milliseconds(total)
  }

  /// The shortest text that `parse` reads back; whole milliseconds.
  package static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    var rest = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    if rest == 0 { return "0s" }
    var result = ""
    for unit in units where rest >= unit.milliseconds {
      result += "\(rest / unit.milliseconds)\(unit.name)"
      rest %= unit.milliseconds
    }
    return result
  }
}

/// Sizes as people write them, in steps of 1024: `262144`, `256KB`, `50MB`, `2GB`.
package enum ByteSize {
  private static let units: [(name: String, bytes: Int)] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)]

  /// - Returns: nil when the text is no size.
  package static func parse(_ text: String) -> Int? {
    for unit in units where text.hasSuffix(unit.name) {
      guard let number = plainNumber(text.dropLast(2)) else { return nil }
      let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
      return overflow ? nil : bytes
    }
    return plainNumber(text)
  }

  /// The shortest exact text.
  package static func text(_ bytes: Int) -> String {
    for unit in units where bytes >= unit.bytes && bytes % unit.bytes == 0 {
      return "\(bytes / unit.bytes)\(unit.name)"
    }
    return String(bytes)
  }
}
