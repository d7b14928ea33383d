// DNS block lists (RFC 5782): whom they name among our clients, and whether they name us.
//
// A list is believed only if it answers as a list must: with 127.0.0.0/8, and not for the test entry that no list may
// have. Whatever cannot be found out counts as not listed. Answers are kept by the resolver for as long as they say.
package import DNS

/// A zone that lists addresses.
package struct Blocklist: Sendable, Hashable, CustomStringConvertible {
  package let zone: String
  /// What clients, the log and metrics are told: a zone's own name may hold a customer's key.
  package let description: String

  /// - Parameter text: `zone` or `zone=name`.
  package init?(_ text: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let zone = DomainName.ascii(String(parts[0])), !zone.isEmpty, parts.last?.isEmpty == false else { return nil }
    self.zone = zone
    description = String(parts[parts.count - 1])
  }

  /// The name whose A records say whether an address is listed (§2.1, §2.4).
  package func name(of address: IPAddress) -> String {
    let bytes = address.bytes.reversed()
    let labels =
      address.family == .v4
      ? bytes.map { String($0) }
      : bytes.flatMap { [String($0 & 15, radix: 16), String($0 >> 4, radix: 16)] }
    return labels.joined(separator: ".") + "." + zone
  }

  /// What every list must have, and what none may have (§5).
  static func testEntries(_ family: IPAddress.Family) -> (present: IPAddress, absent: IPAddress) {
    family == .v4
      ? (IPAddress(v4: 0x7F00_0002), IPAddress(v4: 0x7F00_0001))
      : (IPAddress(v6High: 0, low: 0xFFFF_7F00_0002), IPAddress(v6High: 0, low: 0xFFFF_7F00_0001))
  }
}

extension IPAddress {
  /// An IPv4 address for one that is mapped to IPv6, as a socket for both families shows it.
  package var unmapped: IPAddress {
    family == .v6 && high == 0 && low >> 32 == 0xFFFF ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : self
  }
}
