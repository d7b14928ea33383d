/// A reply, or an element of one.
package enum RedisValue: Sendable, Equatable {
  case bytes([UInt8])
  /// A short answer like `OK`.
  case status(String)
  case integer(Int64)
  case array([RedisValue])
  case null
  /// Only inside an array: `send` throws the error of a whole reply.
  case refusal(RedisRefusal)

  /// The text of bytes or of a status; damaged UTF-8 is repaired.
  package var text: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  package var integer: Int64? {
    if case .integer(let value) = self { value } else { nil }
  }

  package var elements: [RedisValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }
}

/// One argument of a command: any bytes.
package struct RedisArgument: Sendable, ExpressibleByStringInterpolation {
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }
  package init(_ text: String) { bytes = Array(text.utf8) }
  package init(_ number: some BinaryInteger) { self.init(String(number)) }
  package init(stringLiteral text: String) { self.init(text) }
}
