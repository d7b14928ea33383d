/// A header field that is written word by word and folded in time: no line is longer than 78 columns (RFC 5322 §2.1.1),
/// unless a single word is.
struct FoldedField {
  private static let columnsMax = 78
  private(set) var bytes: [UInt8]
  private var column: Int

  init(name: StaticString) {
    bytes = name.withUTF8Buffer { Array($0) } + [0x3A]
    column = bytes.count
  }

  /// A word where white space may stand before it.
  /// - Parameter isApart: it must, or should.
  mutating func append(_ word: some Collection<UInt8>, isApart: Bool) {
    let count = word.count
    if column + count + (isApart ? 1 : 0) > Self.columnsMax {
      fold()
    } else if isApart {
      bytes.append(0x20)
      column += 1
    }
    bytes += word
    column += count
  }

  /// Text that may be folded anywhere, directly after the last word.
  mutating func append(divisible text: [UInt8]) {
    var rest = text[...]
    while !rest.isEmpty {
      if column >= Self.columnsMax { fold() }
      let part = rest.prefix(Self.columnsMax - column)
      bytes += part
      column += part.count
      rest = rest.dropFirst(part.count)
    }
  }

  mutating func end() { bytes += [0x0D, 0x0A] }

  private mutating func fold() {
    bytes += [0x0D, 0x0A, 0x20]
    column = 1
  }
}
