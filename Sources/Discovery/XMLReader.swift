/// Reads a small XML document from somebody whom nobody knows.
///
/// Strict and poor on purpose: UTF-8 only, no document type and so no entities but the five that XML itself has, no
/// processing instruction, bounded depth and number of elements and attributes. Whatever is not well-formed is refused as a
/// whole. It takes time and memory in proportion to the document, whose size its caller bounds.
struct XMLReader {
  private static let depthMax = 16
  private static let elementsMax = 256
  private static let attributesMax = 32

  private let octets: [UInt8]
  private var place = 0
  private var elements = 0

  /// - Throws: `XMLFault`.
  static func read(_ octets: [UInt8]) throws(XMLFault) -> XMLElement {
    var reader = try XMLReader(octets)
    return try reader.document()
  }

  private init(_ octets: [UInt8]) throws(XMLFault) {
    var octets = octets
    if octets.starts(with: [0xEF, 0xBB, 0xBF]) { octets.removeFirst(3) }
    guard let text = String(validating: octets, as: UTF8.self), text.unicodeScalars.allSatisfy(isXMLCharacter) else {
      throw .malformed(at: 0)
    }
    self.octets = octets
  }

  private mutating func document() throws(XMLFault) -> XMLElement {
    if skip("<?xml") { try declaration() }
    try between()
    let root = try element([:], depth: 1)
    try between()
    guard place == octets.count else { throw fault }
    return root
  }

  /// The rest of `<?xml … ?>`: whatever it says, it is read as UTF-8, or not at all.
  private mutating func declaration() throws(XMLFault) {
    guard let first = peek, isSpace(first) else { throw fault }
    let attributes = try self.attributes()
    guard skip("?>"), attributes["version"]?.hasPrefix("1.") == true,
      ["utf-8", "us-ascii"].contains(attributes["encoding"]?.lowercased() ?? "utf-8")
    else { throw fault }
  }

  /// Space and comments outside of the root.
  private mutating func between() throws(XMLFault) {
    while true {
      skipSpace()
      if starts(with: "<!--") {
        try comment()
      } else if starts(with: "<!") {
        throw .documentType
      } else {
        return
      }
    }
  }

  private mutating func comment() throws(XMLFault) {
    place += 4
    try skipPast("--")
    guard skip(">") else { throw fault }
  }

  // MARK: Elements

  /// - Parameter outer: the namespaces in force by prefix; "" is the default one.
  private mutating func element(_ outer: [String: String], depth: Int) throws(XMLFault) -> XMLElement {
    guard depth <= Self.depthMax else { throw .tooDeep }
    elements += 1
    guard elements <= Self.elementsMax else { throw .tooMany }
    guard skip("<") else { throw fault }
    let qualified = try name()
    let attributes = try self.attributes()
    let namespaces = outer.merging(Self.declared(attributes)) { $1 }
    var element = try Self.named(qualified, namespaces, fault)
    if skip("/>") { return element }
    guard skip(">") else { throw fault }
    try content(of: &element, namespaces, depth)
    guard skip("</"), try name() == qualified else { throw fault }
    skipSpace()
    guard skip(">") else { throw fault }
    return element
  }

  /// Up to the end tag, which is left.
  private mutating func content(of element: inout XMLElement, _ namespaces: [String: String], _ depth: Int)
    throws(XMLFault)
  {
    while let next = peek {
      if next != UInt8(ascii: "<") {
        element.text += try text(until: UInt8(ascii: "<"))
      } else if starts(with: "</") {
        return
      } else if starts(with: "<!--") {
        try comment()
      } else if skip("<![CDATA[") {
        let start = place
        try skipPast("]]>")
        element.text += string(start..<(place - 3))
      } else if starts(with: "<!") {
        throw .documentType
      } else {
        element.children.append(try self.element(namespaces, depth: depth + 1))
      }
    }
    throw fault
  }

  private static func named(_ qualified: String, _ namespaces: [String: String], _ fault: XMLFault) throws(XMLFault)
    -> XMLElement
  {
    let parts = qualified.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { throw fault }
    guard parts.count == 2 else { return XMLElement(name: parts[0], namespace: namespaces[""] ?? "") }
    guard let namespace = namespaces[parts[0]] else { throw fault }
    return XMLElement(name: parts[1], namespace: namespace)
  }

  private static func declared(_ attributes: [String: String]) -> [String: String] {
    var declared: [String: String] = [:]
    for (name, value) in attributes {
      if name == "xmlns" { declared[""] = value }
      if name.hasPrefix("xmlns:") { declared[String(name.dropFirst(6))] = value }
    }
    return declared
  }

  private mutating func attributes() throws(XMLFault) -> [String: String] {
    var attributes: [String: String] = [:]
    while true {
      let hadSpace = peek.map(isSpace) ?? false
      skipSpace()
      guard let next = peek, isNameStart(next) else { return attributes }
      guard hadSpace, attributes.count < Self.attributesMax else { throw fault }
      let name = try self.name()
      skipSpace()
      guard skip("=") else { throw fault }
      skipSpace()
      guard let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw fault }
      place += 1
      let value = try text(until: quote)
      guard peek == quote, attributes.updateValue(value, forKey: name) == nil else { throw fault }
      place += 1
    }
  }

  // MARK: Text

  /// Up to the given octet, which is left; references are what they stand for.
  private mutating func text(until end: UInt8) throws(XMLFault) -> String {
    var text = ""
    var start = place
    while let next = peek, next != end {
      // In an attribute it would be markup; in content it is the end.
      guard next != UInt8(ascii: "<"), !starts(with: "]]>") else { throw fault }
      if next == UInt8(ascii: "&") {
        text += string(start..<place)
        text += try reference()
        start = place
      } else {
        place += 1
      }
    }
    return text + string(start..<place)
  }

  private mutating func reference() throws(XMLFault) -> String {
    for (name, value) in [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'")]
    where skip(name) {
      return value
    }
    let isHexadecimal = skip("&#x")
    guard isHexadecimal || skip("&#") else { throw fault }
    let start = place
    while let next = peek, next != UInt8(ascii: ";"), place - start < 8 { place += 1 }
    let digits = string(start..<place)
    guard digits.utf8.allSatisfy({ isDigit($0) || isHexadecimal }), digits.first != "+", digits.first != "-",
      let value = UInt32(digits, radix: isHexadecimal ? 16 : 10), let scalar = Unicode.Scalar(value),
      isXMLCharacter(scalar), skip(";")
    else { throw fault }
    return String(Character(scalar))
  }

  /// ASCII names: no schema that is read here has others.
  private mutating func name() throws(XMLFault) -> String {
    let start = place
    guard let first = peek, isNameStart(first) else { throw fault }
    while let next = peek, isNameStart(next) || isDigit(next) || [0x2D, 0x2E, 0x3A].contains(next) { place += 1 }
    return string(start..<place)
  }

  // MARK: Octets

  private var fault: XMLFault { .malformed(at: place) }
  private var peek: UInt8? { place < octets.count ? octets[place] : nil }

  private func starts(with text: String) -> Bool { octets[place...].starts(with: text.utf8) }

  private mutating func skip(_ text: String) -> Bool {
    guard starts(with: text) else { return false }
    place += text.utf8.count
    return true
  }

  private mutating func skipPast(_ text: String) throws(XMLFault) {
    while place < octets.count { if skip(text) { return } else { place += 1 } }
    throw fault
  }

  private mutating func skipSpace() {
    while let next = peek, isSpace(next) { place += 1 }
  }

  private func string(_ range: Range<Int>) -> String { String(decoding: octets[range], as: UTF8.self) }
}

private func isSpace(_ octet: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(octet) }
private func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }

private func isNameStart(_ octet: UInt8) -> Bool {
  (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet) || octet == 0x5F
}
