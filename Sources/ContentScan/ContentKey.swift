import Cryptography
import MailQueue

/// Names what a message says, so that the same content, sent to many, is looked at once.
///
/// Everything counts, octet by octet, but the values of a few fields that differ in every copy and in which no scanner
/// finds anything to unpack: our own `Received`, and `To`, `Date` and `Message-ID` as long as they are short and on one line. Whatever a
/// scanner decodes (the body, every `Content-…` field, `Subject`, `From`, unknown fields) makes another key.
enum ContentKey {
  /// A field with a longer value is hashed whole: nothing large goes by unseen.
  static let omittedMax = 512
  private static let perCopy = ["to", "date", "message-id"].map { Array($0.utf8) }

  /// Reads the whole message; blocks for a spilled one.
  static func make(_ content: MessageContent) throws -> [UInt8] {
    let hasher = SHA256Hasher()
    var header = HeaderFilter(hasher)
    var offset = 0
    while offset < content.size {
      let count = min(ContentPieces.pieceSize, content.size - offset)
      header.take(try content.read(at: offset, count: count))
      offset += count
    }
    header.finish()
    return hasher.finish()
  }

  /// Hashes a message, less what is left out of its header.
  private struct HeaderFilter {
    private let hasher: SHA256Hasher
    /// Of the header: lines of the field that is not complete yet.
    private var field: [UInt8] = []
    /// What follows the last line break in `field`.
    private var lineStart = 0
    private var isInBody = false
    private var isFirst = true
    private var omitted: Set<[UInt8]> = []

    init(_ hasher: SHA256Hasher) { self.hasher = hasher }

    mutating func take(_ bytes: [UInt8]) {
      var rest = bytes[...]
      while !isInBody, let feed = rest.firstIndex(of: 0x0A) {
        let line = rest[...feed]
        rest = rest[(feed + 1)...]
        takeLine(line)
      }
      guard !rest.isEmpty else { return }
      if isInBody { hasher.update(Array(rest)) } else { field += rest }
    }

    /// A line, or its end when the beginning came with the piece before.
    private mutating func takeLine(_ line: ArraySlice<UInt8>) {
      let isWhole = lineStart == field.count
      let first = isWhole ? line.first : field[lineStart]
      if first != 0x20, first != 0x09 { flush(upTo: lineStart) }
      field += line
      if field[lineStart...].elementsEqual([0x0D, 0x0A]) || field[lineStart...].elementsEqual([0x0A]) {
        hasher.update(field)
        field = []
        isInBody = true
      }
      lineStart = field.count
    }

    /// The lines before are a field.
    private mutating func flush(upTo end: Int) {
      guard end > 0 else { return }
      let whole = field[..<end]
      let name = whole.prefix { $0 != 0x3A }.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
      let isOwn = isFirst && name.elementsEqual("received".utf8)
      isFirst = false
      // Once each, on one line: some readers see a text in what follows a blank line of a fold.
      let isShort = whole.count <= ContentKey.omittedMax && whole.firstIndex(of: 0x0A) == whole.endIndex - 1
      let isOmitted = isOwn || (isShort && ContentKey.perCopy.contains(name) && omitted.insert(name).inserted)
      // That it is there, and where, counts all the same.
      if isOmitted { hasher.update(name + [0x3A, 0x0D, 0x0A]) } else { hasher.update(Array(whole)) }
      field.removeSubrange(..<end)
      lineStart -= end
    }

    mutating func finish() {
      guard !isInBody else { return }
      hasher.update(field)
    }
  }
}
