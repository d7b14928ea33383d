/// A value before anybody knows its type.
indirect enum RawValue: Sendable {
  case text(String)
  case list([RawValue])
  case mapping([(key: String, value: RawValue)])
}

/// Why a value is not taken.
struct BadValue: Error {
  /// Where inside the value, for example `[0].port`.
  var place = ""
  /// The offending text; nil when it is not one piece of text.
  var value: String?
  /// What would have been right.
  var why: String
}

/// How values of one kind are read, checked and shown.
struct SettingType<Value: Sendable>: Sendable {
  /// What is allowed, for messages and documentation.
  let allowed: String
  let parse: @Sendable (RawValue) throws(BadValue) -> Value
  let show: @Sendable (Value) -> String
  /// For a secret: what may be printed of it.
  let showSafely: @Sendable (Value) -> String

  /// A type whose values are one piece of text; nil from `read` means that the text is none of them.
  init(
    _ allowed: String, show: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) -> Value?
  ) {
    self.init(allowed: allowed, show: show) { raw throws(BadValue) in
      guard case .text(let text) = raw else { throw BadValue(why: "write \(allowed)") }
      guard let value = read(text) else { throw BadValue(value: text, why: "write \(allowed)") }
      return value
    }
  }

  init(
    allowed: String, show: @escaping @Sendable (Value) -> String,
    showSafely: (@Sendable (Value) -> String)? = nil,
    parse: @escaping @Sendable (RawValue) throws(BadValue) -> Value
  ) {
    self.allowed = allowed
    self.parse = parse
    self.show = show
    self.showSafely = showSafely ?? { redacted(show($0)) }
  }
}

extension SettingType where Value == String {
  static func oneOf(_ words: [String]) -> Self {
    Self(words.joined(separator: "|"), show: { $0 }, read: { words.contains($0) ? $0 : nil })
  }

  /// A domain name of a host (RFC 1123 §2.1); letters, digits, hyphens, dots.
  static var hostName: Self {
    Self("a host name, for example mail.example.org", show: { $0 }, read: { isHostName($0) ? $0 : nil })
  }

  /// All host names below one.
  static var hostFamily: Self {
    Self(
      "a family of host names, for example *.example.org", show: { $0 },
      read: { $0.hasPrefix("*.") && isHostName(String($0.dropFirst(2))) ? $0 : nil })
  }

  static var address: Self {
    Self("an IP address", show: { $0 }, read: { isIPv4($0) || isIPv6($0) ? $0 : nil })
  }

  /// A DNS zone, and what it is called.
  static var blocklist: Self {
    Self(
      "a zone, or zone=name, for example bl.example.org", show: { $0 },
      read: { text in
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.allSatisfy { isHostName(String($0)) } ? text : nil
      })
  }

  static var file: Self {
    Self("the path of a file", show: { $0 }, read: { isPath($0) ? $0 : nil })
  }

  static var directory: Self {
    Self("the path of a directory", show: { $0 }, read: { isPath($0) ? $0 : nil })
  }

  /// A tenant's name, as `postrider tenant add` takes it.
  static var tenantName: Self {
    Self(
      "a tenant's name: 1 to 63 letters, digits, «-», «_», «.»", show: { $0 },
      read: { text in
        let fits = text.utf8.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x5F, 0x2E].contains($0) }
        return (1...63).contains(text.utf8.count) && fits ? text : nil
      })
  }

  /// A URL with one of these schemes, or what `alsoAllowed` takes.
  static func url(
    _ schemes: [String], example: String, alsoAllowed: @escaping @Sendable (String) -> Bool = { _ in false }
  )
    -> Self
  {
    Self(
      "a URL like \(example)", show: { $0 },
      read: { text in
        let isURL = schemes.contains { text.hasPrefix($0 + "://") && text.utf8.count > $0.utf8.count + 3 }
        return (isURL || alsoAllowed(text)) && isPath(text) ? text : nil
      })
  }
}

private func isPath(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }

func isHostName(_ text: String) -> Bool {
  let labels = text.split(separator: ".", omittingEmptySubsequences: false)
  return text.utf8.count <= 253
    && labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }
    }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}

extension SettingType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static func choice(_: Value.Type) -> Self {
    Self(
      Value.allCases.map(\.rawValue).joined(separator: "|"), show: { $0.rawValue }, read: { Value(rawValue: $0) })
  }
}

extension SettingType where Value == Int {
  static func count(_ range: ClosedRange<Int>) -> Self {
    Self(
      "a number from \(range.lowerBound) to \(range.upperBound)", show: { String($0) },
      read: { text in plainNumber(text).flatMap { range.contains($0) ? $0 : nil } })
  }

  static func size(_ range: ClosedRange<Int>) -> Self {
    Self(
      "a size from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))", show: ByteSize.text,
      read: { text in ByteSize.parse(text).flatMap { range.contains($0) ? $0 : nil } })
  }
}

extension SettingType where Value == Double {
  static func number(_ range: ClosedRange<Double>) -> Self {
    let show: @Sendable (Double) -> String = { $0 == $0.rounded() ? String(Int($0)) : String($0) }
    return Self(
      "a number from \(show(range.lowerBound)) to \(show(range.upperBound))", show: show,
      read: { text in
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let value = Double(text) else {
          return nil
        }
        return range.contains(value) ? value : nil
      })
  }
}

extension SettingType where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> Self {
    Self(
      "a duration from \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))",
      show: DurationText.text,
      read: { text in DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil } })
  }
}

/// Digits only: `Int(_:)` would take a sign too.
func plainNumber(_ text: some StringProtocol) -> Int? {
  text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
}

extension SettingType {
  /// Nothing, or a value of the inner type. Empty text means nothing.
  static func optional<Inner>(_ inner: SettingType<Inner>) -> Self where Value == Inner? {
    Self(
      allowed: inner.allowed, show: { $0.map(inner.show) ?? "" },
      parse: { raw throws(BadValue) in
        if case .text("") = raw { return nil }
        return try inner.parse(raw)
      })
  }

  /// A list: in a file a YAML list; in the environment and after `--set` separated by commas.
  static func list<Item>(of item: SettingType<Item>) -> Self where Value == [Item] {
    let allowed = "a list; each item is \(item.allowed)"
    return Self(
      allowed: allowed, show: { $0.map(item.show).joined(separator: ", ") },
      parse: { raw throws(BadValue) in
        var items: [RawValue] = []
        switch raw {
        case .list(let elements): items = elements
        case .text(let text):
          items = text.split(separator: ",").map { .text(trimmed($0)) }.filter {
            if case .text("") = $0 { false } else { true }
          }
        case .mapping: throw BadValue(why: "write \(allowed)")
        }
        var values: [Item] = []
        for element in items { values.append(try item.parse(element)) }
        return values
      })
  }
}

func trimmed(_ text: some StringProtocol) -> String {
  let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
  let tail = text.drop(while: isBlank)
  return String(tail.reversed().drop(while: isBlank).reversed())
}
