/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address alone.
package struct CIDR: Sendable, Hashable {
  package let address: IPAddress
  package let prefixLength: Int

  /// nil unless the length fits the family. Bits behind the prefix do not matter.
  package init?(_ address: IPAddress, prefixLength: Int) {
    guard (0...(address.family == .v4 ? 32 : 128)).contains(prefixLength) else { return nil }
    self.address = address
    self.prefixLength = prefixLength
  }

  package func contains(_ other: IPAddress) -> Bool {
    guard other.family == address.family else { return false }
    guard address.family == .v6 else { return Self.match(other.low << 32, address.low << 32, prefixLength) }
    return Self.match(other.high, address.high, min(prefixLength, 64))
      && Self.match(other.low, address.low, max(prefixLength - 64, 0))
  }

  /// Whether the first `bits` bits are equal. Swift's `<<` by 64 gives 0, so `bits == 0` matches everything.
  private static func match(_ left: UInt64, _ right: UInt64, _ bits: Int) -> Bool {
    (left ^ right) & (UInt64.max << (64 - bits)) == 0
  }
}

extension CIDR: CustomStringConvertible, LosslessStringConvertible {
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(String(parts[0])) else { return nil }
    let whole = address.family == .v4 ? 32 : 128
    guard parts.count == 1 || parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
      let length = parts.count == 1 ? whole : Int(parts[1])
    else { return nil }
    self.init(address, prefixLength: length)
  }

  package var description: String { "\(address)/\(prefixLength)" }
}
