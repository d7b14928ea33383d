package import DNS

/// Which addresses may be dialled.
///
/// Whoever owns a domain decides what its MX points to. Without this check a message to
/// `x@evil.example` would make the node speak to its own database, its neighbours or the cloud's metadata service.
package struct AddressPolicy: Sendable {
  package let allowed: [CIDR]

  /// - Parameter allowed: blocks that may be dialled although a rule below refuses them.
  package init(allowed: [CIDR] = []) {
    self.allowed = allowed
  }

  /// - Returns: nil when the address may be dialled, otherwise the reason for refusing it.
  package func check(_ address: IPAddress) -> String? {
    if allowed.contains(where: { $0.contains(address) }) { return nil }
    if let rule = Self.rules.first(where: { $0.block.contains(address) }) {
      return "\(address) is \(rule.name)"
    }
    // An IPv6 address that stands for an IPv4 one is judged as both.
    if let inner = Self.embedded(in: address) {
      if let why = check(inner) { return "\(address) stands for an address that is refused: \(why)" }
      // A mapped address is never legitimate in the DNS (RFC 4291 §2.5.5.2 is an API convention).
      if Self.mapped.contains(where: { $0.contains(address) }), !allowed.contains(where: { $0.contains(inner) }) {
        return "\(address) is an IPv4 address mapped to IPv6"
      }
    }
    return nil
  }

  /// The IPv4 address inside a mapped, compatible, NAT64, 6to4 or Teredo address.
  private static func embedded(in address: IPAddress) -> IPAddress? {
    guard address.family == .v6 else { return nil }
    let last = IPAddress(v4: UInt32(truncatingIfNeeded: address.low))
    if mapped.contains(where: { $0.contains(address) }) || nat64.contains(where: { $0.contains(address) }) {
      return last
    }
    if sixToFour.contains(address) { return IPAddress(v4: UInt32(truncatingIfNeeded: address.high >> 16)) }
    // RFC 4380 §4: the client's address is stored inverted.
    if teredo.contains(address) { return IPAddress(v4: ~UInt32(truncatingIfNeeded: address.low)) }
    return nil
  }

  // The texts below are constants; a misspelt one would drop a rule, so a test has an address of each.
  private static func block(_ text: String) -> CIDR? { CIDR(text) }
  private static let mapped = ["::ffff:0:0/96", "::ffff:0:0:0/96", "::/96"].compactMap(block)
  private static let nat64 = ["64:ff9b::/96", "64:ff9b:1::/48"].compactMap(block)
  private static let sixToFour = CIDR(IPAddress(v6High: 0x2002 << 48, low: 0), prefixLength: 16) ?? unreachable
  private static let teredo = CIDR(IPAddress(v6High: 0x2001_0000 << 32, low: 0), prefixLength: 32) ?? unreachable
  private static let unreachable = whole
  private static var whole: CIDR {
    guard let block = CIDR(IPAddress(v6High: 0, low: 0), prefixLength: 0) else {
      preconditionFailure("0 fits every family")
    }
    return block
  }

  /// The special-purpose registries (RFC 6890 and its successors), most telling name first.
  static let rules: [(block: CIDR, name: String)] = [
    ("169.254.169.254/32", "the cloud's metadata service"), ("fd00:ec2::254/128", "the cloud's metadata service"),
    ("100.100.100.200/32", "the cloud's metadata service"), ("168.63.129.16/32", "the cloud's metadata service"),
    ("0.0.0.0/8", "unspecified"), ("::/128", "unspecified"),
    ("127.0.0.0/8", "a loopback address"), ("::1/128", "a loopback address"),
    ("10.0.0.0/8", "private"), ("172.16.0.0/12", "private"), ("192.168.0.0/16", "private"), ("fc00::/7", "private"),
    ("fec0::/10", "private (site-local)"),
    ("100.64.0.0/10", "shared address space (RFC 6598)"),
    ("169.254.0.0/16", "link-local"), ("fe80::/10", "link-local"),
    ("224.0.0.0/4", "multicast"), ("ff00::/8", "multicast"),
    ("255.255.255.255/32", "broadcast"), ("240.0.0.0/4", "reserved"),
    ("192.0.0.0/24", "reserved for protocols"), ("192.88.99.0/24", "reserved"),
    ("192.0.2.0/24", "for documentation"), ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"), ("2001:db8::/32", "for documentation"), ("3fff::/20", "for documentation"),
    ("198.18.0.0/15", "for benchmarks"), ("2001:2::/48", "for benchmarks"),
    ("100::/64", "discard-only"), ("5f00::/16", "reserved for segment routing"), ("2001:10::/28", "an identifier"),
    ("2001:20::/28", "an identifier"),
  ].compactMap { text, name in CIDR(text).map { ($0, name) } }
}
