/// A piece of a display name, as it was written.
struct DisplayWord {
  enum Kind { case atom, quoted, comment }

  let kind: Kind
  let source: String
  /// Nothing stands between it and the piece before it.
  let isAttached: Bool

  /// The name as a mail program shows it. Encoded words are undone in quoted strings and comments too: some programs
  /// do, against RFC 2047 §5, and what people may see counts.
  static func text(_ words: [DisplayWord]) -> String {
    var text = ""
    var wasEncoded = false
    for word in words {
      let (decoded, isEncoded) = EncodedWord.decode(word.source)
      // Blanks between two encoded words are not shown (RFC 2047 §6.2).
      if !text.isEmpty, !word.isAttached, !(wasEncoded && isEncoded) { text += " " }
      text += decoded
      wasEncoded = isEncoded
    }
    return text
  }
}
