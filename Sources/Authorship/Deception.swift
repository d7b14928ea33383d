/// What a text must not do: look as if the mail came from somebody else.
enum Deception {
  /// All pieces of the text that a reader may take for addresses.
  static func addresses(in text: String) -> [String] {
    let pieces = text.unicodeScalars.filter { !isInvisible($0) }.map(plain).split {
      $0.properties.isWhitespace || separators.contains($0)
    }
    return pieces.compactMap { piece in
      // At its ends it belongs to a nickname, or to nothing.
      guard let first = piece.firstIndex(where: { $0 != "@" }), let last = piece.lastIndex(where: { $0 != "@" }),
        piece[first...last].contains("@")
      else { return nil }
      return String(String.UnicodeScalarView(piece[first...last]))
    }
  }

  private static let separators = Set("<>()[]{}\"'`,;:|«»‹›“”‘’„".unicodeScalars)

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

  /// Nobody sees it, or it melts into the character before it.
  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    guard scalar.value >= 0x80 else { return false }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return true
    default: return scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  /// Whether a display name has characters that reorder or hide others (Unicode's technical report 36 §2.9), or an
  /// encoded word that some programs decode and others do not.
  static func isDeceptive(_ name: String) -> Bool {
    hidesOrReorders(name) || name.contains("=?")
  }

  private static func hidesOrReorders(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      switch scalar.value {
      case 0...0x08, 0x0A...0x1F, 0x7F...0x9F: true  // controls
      case 0x202A...0x202E, 0x2066...0x2069: true  // reordering
      case 0x00AD, 0x200B, 0x2060...0x2064, 0xFEFF, 0xE0000...0xE007F: true  // not seen
      default: false
      }
    }
  }

  /// Whether a local part, without the quotes that are not needed, is more than letters, digits and the signs of an atom
  /// (RFC 5322 §3.2.3), or looks like something else.
  static func isDeceptive(localPart: String) -> Bool {
    localPart.contains("=?") || hidesOrReorders(localPart)
      || localPart.unicodeScalars.contains { scalar in
        specials.contains(scalar) || scalar.properties.isWhitespace || plain(scalar) != scalar
          || (scalar.value >= 0x80 && scalar.properties.isDefaultIgnorableCodePoint)
      }
  }

  private static let specials = Set("()<>[]:;@\\,\"".unicodeScalars)
}
