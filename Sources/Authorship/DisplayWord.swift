/// A piece of a display name, as it was written.
enum DisplayWord {
  case atom(String)
  case quoted(String)
  case comment(String)

  var isComment: Bool {
    if case .comment = self { return true }
    return false
  }

  /// The name as a mail program shows it. Encoded words are undone in quoted strings and comments too: some programs
  /// do, against RFC 2047 §5, and what people may see counts.
  static func text(_ words: [DisplayWord]) -> String {
    var text = ""
    var wasEncoded = false
    for word in words {
      let source =
        switch word {
        case .atom(let source), .quoted(let source), .comment(let source): source
        }
      let (decoded, isEncoded) = EncodedWord.decode(source)
      // Blanks between two encoded words are not shown (RFC 2047 §6.2).
      if !text.isEmpty, !(wasEncoded && isEncoded) { text += " " }
      text += decoded
      wasEncoded = isEncoded
    }
    return text
  }
}

/// What a display name must not do: look as if the mail came from somebody else.
enum DisplayName {
  /// All pieces of the text that a reader may take for addresses.
  static func addresses(in text: String) -> [Substring] {
    let plain = String(String.UnicodeScalarView(text.unicodeScalars.map(plain)))
    let pieces = plain.split { $0.isWhitespace || "<>()[]{}\"'`,;:|«»‹›“”‘’„".contains($0) }
    return pieces.compactMap { piece in
      // At its ends it belongs to a nickname, or to nothing.
      let trimmed = piece.drop { $0 == "@" }
      let name = trimmed.prefix(upTo: trimmed.lastIndex { $0 != "@" }.map(trimmed.index(after:)) ?? trimmed.startIndex)
      return name.contains("@") ? name : nil
    }
  }

  /// Characters that look like those of an address (their compatibility forms in Unicode).
  private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0xFF01...0xFF5E: Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
    case 0xFE6B: "@"
    case 0xFE52, 0x2024, 0x3002, 0xFF61: "."
    case 0x3000: " "
    default: scalar
    }
  }

  /// Whether it has characters that reorder or hide others (Unicode's technical report 36 §2.9).
  static func isDeceptive(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      switch scalar.value {
      case 0...0x08, 0x0A...0x1F, 0x7F...0x9F: true  // controls
      case 0x202A...0x202E, 0x2066...0x2069: true  // reordering
      case 0x00AD, 0x200B, 0x2060...0x2064, 0xFEFF, 0xE0000...0xE007F: true  // not seen
      default: false
      }
    }
  }
}
