#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// An IPv4 or IPv6 address as a value: no port, no zone.
package struct IPAddress: Hashable, Sendable {
  package enum Family: Sendable, Hashable { case v4, v6 }

  package let family: Family
  /// The first eight bytes of an IPv6 address; 0 for IPv4.
  package let high: UInt64
  /// The last eight bytes of an IPv6 address, or the four bytes of an IPv4 address.
  package let low: UInt64

  package init(v4 word: UInt32) {
    (family, high, low) = (.v4, 0, UInt64(word))
  }

  package init(v6High high: UInt64, low: UInt64) {
    (family, self.high, self.low) = (.v6, high, low)
  }

  /// Four or sixteen bytes in network order; nil for any other count.
  package init?(bytes: some Collection<UInt8>) {
    func word(_ part: some Sequence<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    switch bytes.count {
    case 4: self.init(v4: UInt32(word(bytes)))
    case 16: self.init(v6High: word(bytes.prefix(8)), low: word(bytes.dropFirst(8)))
    default: return nil
    }
  }

  /// Four or sixteen bytes in network order.
  package var bytes: [UInt8] {
    let word: (UInt64) -> [UInt8] = { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }
    return family == .v4 ? Array(word(low).suffix(4)) : word(high) + word(low)
  }
}

extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
  /// Reads the usual text form: dotted quad without leading zeros or short forms, or RFC 4291 §2.2. No zone, no brackets.
  package init?(_ text: String) {
    guard text.utf8.count < 64, !text.utf8.contains(0) else { return nil }
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      self.init(v4: UInt32(bigEndian: four.s_addr))
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      self.init(bytes: withUnsafeBytes(of: six) { Array($0) })
    } else {
      return nil
    }
  }

  package var description: String {
    var text = [CChar](repeating: 0, count: 64)
    let written = bytes.withUnsafeBytes {
      inet_ntop(family == .v4 ? AF_INET : AF_INET6, $0.baseAddress, &text, socklen_t(text.count))
    }
    guard written != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
