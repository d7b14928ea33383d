/// An element that was read.
struct XMLElement: Sendable, Hashable {
  /// Without its prefix.
  var name: String
  /// Empty: none.
  var namespace: String
  var children: [XMLElement] = []
  /// The text directly in it, joined.
  var text = ""

  func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}

/// Why something is no document that is read here.
enum XMLFault: Error, Hashable {
  /// Not well-formed, or beyond what is read.
  case malformed(at: Int)
  /// A document type, and with it entities: never read.
  case documentType
  case tooDeep
  case tooMany
}
