/// The body of a field like `Content-Type` (RFC 2045 §5.1), read as far as it can be read.
struct ParameterField {
  struct Parameter {
    /// In lower case.
    let name: String
    let value: [UInt8]
  }

  /// What stands before the first semicolon, in lower case, without white space and comments.
  private(set) var value = ""
  private(set) var parameters: [Parameter] = []
  /// Nothing but what the grammar allows: readers agree about it.
  private(set) var isWellFormed = true
  /// A quoted string or a comment does not end: nobody knows what belongs to it.
  private(set) var isOpen = false

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  /// - Parameter body: behind the colon, with its folds.
  init(_ body: ArraySlice<UInt8>) {
    bytes = body
    position = body.startIndex
    value = String(decoding: takeText(until: ";").filter { !Self.isBlank($0) }, as: UTF8.self).lowercased()
    while take(";") { takeParameter() }
  }

  /// Every value given under one of these names.
  func values(_ names: String...) -> [[UInt8]] { parameters.filter { names.contains($0.name) }.map(\.value) }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Up to one of these characters or the end; comments are left out, and so is the white space around the text.
  private mutating func takeText(until ends: Unicode.Scalar...) -> ArraySlice<UInt8> {
    var text: [UInt8] = []
    while let byte = next, !ends.contains(where: { UInt8(ascii: $0) == byte }) {
      if byte == UInt8(ascii: "(") {
        skipComment()
      } else {
        text.append(byte)
        position += 1
      }
    }
    return text[...].trimmed
  }

  private mutating func takeParameter() {
    let name = takeText(until: "=", ";")
    // Many programs end the field in a semicolon.
    if name.isEmpty, next == nil { return }
    guard !name.isEmpty, name.allSatisfy(Self.isTokenByte), take("=") else {
      isWellFormed = false
      // Others read on behind the next semicolon.
      _ = takeText(until: ";")
      return
    }
    skipBlanksAndComments()
    let value: ArraySlice<UInt8>
    if take("\"") {
      value = takeQuoted()
      if !takeText(until: ";").isEmpty { isWellFormed = false }
    } else {
      value = takeText(until: ";")
      if value.isEmpty || !value.allSatisfy(Self.isTokenByte) { isWellFormed = false }
    }
    parameters.append(Parameter(name: String(decoding: name, as: UTF8.self).lowercased(), value: Array(value)))
  }

  /// Behind the first quote; to behind the last.
  private mutating func takeQuoted() -> ArraySlice<UInt8> {
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      if byte == UInt8(ascii: "\"") { return text[...] }
      if byte == UInt8(ascii: "\\"), let quoted = next {
        text.append(quoted)
        position += 1
      } else if byte != 0x0D && byte != 0x0A {
        text.append(byte)
      }
    }
    (isWellFormed, isOpen) = (false, true)
    return text[...]
  }

  private mutating func skipBlanksAndComments() {
    while let byte = next {
      if Self.isBlank(byte) {
        position += 1
      } else if byte == UInt8(ascii: "(") {
        skipComment()
      } else {
        return
      }
    }
  }

  /// Comments may lie within each other (RFC 5322 §3.2.2).
  private mutating func skipComment() {
    var depth = 0
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\\"): if position < bytes.endIndex { position += 1 }
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 0 { return }
      default: break
      }
    }
    (isWellFormed, isOpen) = (false, true)
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }

  /// RFC 2045 §5.1.
  static func isTokenByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && !"()<>@,;:\\\"/[]?=".utf8.contains(byte)
  }
}

extension ArraySlice<UInt8> {
  /// Without white space at either end.
  var trimmed: ArraySlice<UInt8> {
    guard let first = firstIndex(where: { !ParameterField.isBlank($0) }),
      let last = lastIndex(where: { !ParameterField.isBlank($0) })
    else { return [] }
    return self[first...last]
  }
}
