/// XML that is written: elements with text, nothing that could be mistaken for markup.
struct XMLWriter {
  private(set) var text: String
  private var depth = 0

  /// - Parameter declaration: what follows the XML declaration, such as a document type.
  init(declaration: String = "") {
    text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + declaration
  }

  /// An element with elements in it.
  mutating func element(
    _ name: String, attributes: [(String, String)] = [], _ body: (inout XMLWriter) -> Void
  ) {
    line("<\(name)\(Self.written(attributes))>")
    depth += 1
    body(&self)
    depth -= 1
    line("</\(name)>")
  }

  /// An element with text in it.
  mutating func element(_ name: String, _ value: String) {
    line("<\(name)>\(Self.escaped(value))</\(name)>")
  }

  mutating func empty(_ name: String) { line("<\(name)/>") }

  private mutating func line(_ markup: String) {
    text += String(repeating: "  ", count: depth) + markup + "\n"
  }

  private static func written(_ attributes: [(String, String)]) -> String {
    attributes.map { " \($0)=\"\(escaped($1))\"" }.joined()
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(isXMLCharacter(scalar) ? scalar : "\u{FFFD}")
      }
    }
    return result
  }
}

/// What a document may hold (XML 1.0 §2.2).
func isXMLCharacter(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
  default: false
  }
}
