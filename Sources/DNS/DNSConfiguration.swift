/// How names are looked up.
package struct DNSConfiguration: Sendable {
  /// Name servers that answer recursively: `address`, `address:port`, `address@port`, `[v6]:port`. Empty: resolv.conf.
  package var servers: [String]
  /// How long one look-up may take, retries and CNAMEs included.
  package var timeout: Duration
  /// DNSSEC trust anchors (a file as `unbound-anchor` writes it); nil: nothing is validated.
  package var trustAnchorFile: String?
  /// Look-ups that libunbound works on at once.
  package var outstandingMax: Int
  /// Look-ups that wait for a place; beyond it they fail at once (temporarily).
  package var waitingMax: Int
  package var resolvConfFile: String

  package init(
    servers: [String] = [], timeout: Duration = .seconds(10), trustAnchorFile: String? = nil, outstandingMax: Int = 256,
    waitingMax: Int = 20_000, resolvConfFile: String = "/etc/resolv.conf"
  ) {
    self.servers = servers
    self.timeout = timeout
    self.trustAnchorFile = trustAnchorFile
    self.outstandingMax = max(1, outstandingMax)
    self.waitingMax = max(0, waitingMax)
    self.resolvConfFile = resolvConfFile
  }
}

/// Why a resolver could not be made.
package struct DNSFault: Error, CustomStringConvertible {
  package let description: String
}

/// A name server's address as libunbound wants it: `address@port`.
func forwarder(_ text: String) throws(DNSFault) -> String {
  func split(_ text: Substring, at separator: Character) -> (String, String)? {
    guard let index = text.lastIndex(of: separator) else { return nil }
    return (String(text[..<index]), String(text[text.index(after: index)...]))
  }
  var (address, port) = (text, "53")
  if let parts = split(text[...], at: "@") {
    (address, port) = parts
  } else if text.hasPrefix("["), let parts = split(text[...], at: "]") {
    address = String(parts.0.dropFirst())
    if !parts.1.isEmpty { port = parts.1.hasPrefix(":") ? String(parts.1.dropFirst()) : "" }
  } else if IPAddress(text) == nil, let parts = split(text[...], at: ":") {
    (address, port) = parts
  }
  guard let parsed = IPAddress(address), let number = UInt16(port), number > 0 else {
    throw DNSFault(description: "not the address of a name server: \(text) (address, address:port or [v6]:port)")
  }
  return "\(parsed)@\(number)"
}
