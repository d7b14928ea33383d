/// What becomes of a submitted message that is malformed.
package enum CheckMode: Sendable, Hashable, CaseIterable {
  /// It is refused, whatever the fault.
  case strict
  /// What has one meaning only is mended, what readers of mail may understand in different ways is refused.
  case repair
  /// It goes as it came, as far as it can go at all.
  case pass
}

/// What is wrong with one entity of a message (RFC 2045 §2.4), as the rest of a sentence that begins with its place.
struct EntityFault: Error, Hashable {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Bounds on the structure of a message. Nobody's mail comes near them; what does is made to exhaust its readers.
package struct StructureLimits: Sendable, Hashable {
  /// How deep multiparts and messages may lie within each other.
  package var depthMax = 30
  /// Parts in the whole message.
  package var partsMax = 1000
  /// The header of one part.
  package var partHeaderSizeMax = 64 << 10

  package init() {}
}
