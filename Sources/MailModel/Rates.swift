/// So many of something in a minute, an hour, a day: `100/minute, 1000/hour`. A span that is not named has no limit.
package struct Rates: Sendable, Hashable {
  package enum Span: String, CaseIterable, Sendable {
    case minute, hour, day

    package var seconds: Int {
      switch self {
      case .minute: 60
      case .hour: 3600
      case .day: 86_400
      }
    }
  }

  package static let countMax = 1_000_000_000

  private var counts: [Int?] = Array(repeating: nil, count: Span.allCases.count)

  /// Without any limit.
  package init() {}

  /// Reads rates separated by commas, each span once at most; `unlimited` or nothing for none.
  /// - Returns: nil for anything else, and where a longer span allows less than a shorter one does: the shorter one's
  ///   limit could never be reached.
  package init?(_ text: String) {
    let items = text.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
    if items == [""] || items == ["unlimited"] { return }
    for item in items {
      let parts = item.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, let span = Span(rawValue: String(parts[1])), self[span] == nil,
        parts[0].utf8.count <= 10, parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let count = Int(parts[0]), (1...Self.countMax).contains(count)
      else { return nil }
      self[span] = count
    }
    let given = Span.allCases.compactMap { self[$0] }
    guard given == given.sorted() else { return nil }
  }

  package subscript(span: Span) -> Int? {
    get { counts[span.index] }
    set { counts[span.index] = newValue }
  }

  package var isUnlimited: Bool { counts.allSatisfy { $0 == nil } }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }
}

extension Rates.Span {
  fileprivate var index: Int {
    switch self {
    case .minute: 0
    case .hour: 1
    case .day: 2
    }
  }
}

extension Rates: CustomStringConvertible {
  /// As the initialiser reads it.
  package var description: String {
    isUnlimited
      ? "unlimited"
      : Span.allCases.compactMap { span in self[span].map { "\($0)/\(span)" } }.joined(separator: ", ")
  }
}
