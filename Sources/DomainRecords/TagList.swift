/// `tag=value; tag=value`, as DKIM's and DMARC's records have it (RFC 6376 §3.2).
struct TagList {
  /// In order; names as they are, values without blanks around them.
  let tags: [(name: String, value: String)]

  /// The longest keys in use take a quarter of it.
  private static let sizeMax = 4096

  /// - Returns: nil for what is no such list: a piece without `=`, a name twice, or far too long.
  init?(_ text: String) {
    guard text.utf8.count <= Self.sizeMax else { return nil }
    var tags: [(name: String, value: String)] = []
    let pieces = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
    for (number, piece) in pieces.enumerated() {
      // One semicolon at the end is allowed.
      if piece.isEmpty, number == pieces.count - 1, number > 0 { break }
      guard let equals = piece.firstIndex(of: "=") else { return nil }
      let name = String(Self.trimmed(piece[..<equals]))
      guard !name.isEmpty, !tags.contains(where: { $0.name == name }) else { return nil }
      tags.append((name, String(Self.trimmed(piece[piece.index(after: equals)...]))))
    }
    self.tags = tags
  }

  subscript(name: String) -> String? { tags.first { $0.name == name }?.value }

  private static func trimmed(_ text: Substring) -> Substring {
    let blanks: Set<Character> = [" ", "\t", "\r\n", "\n", "\r"]
    var text = text
    while let first = text.first, blanks.contains(first) { text.removeFirst() }
    while let last = text.last, blanks.contains(last) { text.removeLast() }
    return text
  }
}
