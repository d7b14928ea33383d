/// What a header says about how the body under it is to be read (RFC 2045).
struct EntityKind: Hashable, Sendable {
  enum Structure: Hashable, Sendable {
    case single
    case multipart(boundary: [UInt8])
    case message
  }

  var structure = Structure.single
  /// The body may hold octets above 127.
  var allowsEightBit = false
}

/// The MIME fields of one header, each at most once.
struct EntityFields {
  private static let names: [StaticString] = [
    "content-type", "content-transfer-encoding", "content-disposition", "content-id", "content-description",
    "mime-version",
  ]

  private var bodies: [String: ArraySlice<UInt8>] = [:]

  /// - Returns: whether it repeats, word for word, one that was there; false for other fields too.
  /// - Throws: when two say different things, or with `mode` strict when there are two.
  mutating func take(
    _ name: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>, _ mode: CheckMode
  ) throws(EntityFault) -> Bool {
    guard let known = Self.names.first(where: { isName(name, $0) }) else { return false }
    guard let earlier = bodies.updateValue(body, forKey: "\(known)") else { return false }
    guard mode == .repair, earlier.trimmed == body.trimmed else {
      throw EntityFault("a second \(String(decoding: name, as: UTF8.self)) field")
    }
    return true
  }

  var hasVersion: Bool { bodies["mime-version"] != nil }
  var hasType: Bool { bodies["content-type"] != nil }

  /// - Throws: when readers would not agree about it, or with `mode` strict when it is not as it must be.
  func kind(_ mode: CheckMode) throws(EntityFault) -> EntityKind {
    let type = bodies["content-type"].map { ParameterField($0) }
    let encoding = try TransferEncoding(bodies["content-transfer-encoding"], mode)
    var kind = EntityKind(allowsEightBit: encoding.allowsEightBit)
    guard let type else { return kind }
    if mode == .strict, !type.isWellFormed || !isMediaType(type.value) {
      throw EntityFault("Content-Type is malformed")
    }
    if type.value.hasPrefix("multipart/") {
      guard encoding.isIdentity else {
        throw EntityFault("a multipart cannot be encoded as \(encoding.name), only its parts can")
      }
      kind.structure = .multipart(boundary: try boundary(type, mode))
    } else if type.value == "message/rfc822" || type.value == "message/global" {
      if encoding.isIdentity {
        kind.structure = .message
      } else if mode == .strict, type.value == "message/rfc822" {
        throw EntityFault("a message within a message cannot be encoded as \(encoding.name)")
      }
    }
    return kind
  }

  private func isMediaType(_ value: String) -> Bool {
    let halves = value.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return halves.count == 2 && halves.allSatisfy { !$0.isEmpty && $0.allSatisfy(ParameterField.isTokenByte) }
  }

  /// RFC 2046 §5.1.1.
  private func boundary(_ type: ParameterField, _ mode: CheckMode) throws(EntityFault) -> [UInt8] {
    let given = type.values("boundary")
    guard type.values("boundary*", "boundary*0", "boundary*0*").isEmpty, given.count <= 1 else {
      throw EntityFault("Content-Type gives more than one boundary, or one in pieces")
    }
    guard let boundary = given.first, !boundary.isEmpty else {
      throw EntityFault("Content-Type is multipart and gives no boundary")
    }
    guard !type.isOpen else { throw EntityFault("Content-Type has a quoted string or a comment that does not end") }
    guard boundary.count <= 70 else { throw EntityFault("the boundary is longer than 70 characters") }
    let isSafe = boundary.allSatisfy { (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }
    guard isSafe, boundary.last != 0x20, mode != .strict || boundary.allSatisfy(Self.isBoundaryByte) else {
      throw EntityFault("the boundary has characters that it must not have")
    }
    return boundary
  }

  private static func isBoundaryByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || "'()+_,-./:=? ".utf8.contains(byte)
  }
}

/// RFC 2045 §6.
private struct TransferEncoding {
  let name: String
  let isIdentity: Bool
  let allowsEightBit: Bool

  init(_ body: ArraySlice<UInt8>?, _ mode: CheckMode) throws(EntityFault) {
    let field = body.map { ParameterField($0) }
    name = field?.value ?? "7bit"
    isIdentity = ["", "7bit", "8bit", "binary", "7-bit", "8-bit"].contains(name)
    allowsEightBit = name == "8bit"
    guard mode == .strict, let field else { return }
    let isKnown = ["7bit", "8bit", "quoted-printable", "base64"].contains(name) || name.hasPrefix("x-")
    guard isKnown, field.isWellFormed, field.parameters.isEmpty else {
      throw EntityFault("Content-Transfer-Encoding is none that can be used here")
    }
  }
}
