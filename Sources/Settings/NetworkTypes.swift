internal import Foundation

/// An address and port to listen on.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// An IPv4 or IPv6 address, without brackets.
  package let host: String
  /// 0 lets the system choose.
  package let port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Reads `192.0.2.1:25` or `[2001:db8::1]:25`.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = portNumber(text[text.index(after: colon)...], from: 0) else {
      return nil
    }
    var host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if isBracketed { host = host.dropFirst().dropLast() }
    guard isBracketed ? isIPv6(host) : isIPv4(host) else { return nil }
    self.init(host: String(host), port: port)
  }
}

extension SettingType where Value == ListenAddress {
  static var listen: Self {
    Self("address:port, for example 0.0.0.0:2587 or [::]:2587", show: \.description, read: { ListenAddress($0) })
  }
}

extension SettingType where Value == String {
  /// A network (RFC 4632): `10.0.0.0/8`, `fd00::/8`; a lone address is a network of one.
  static var network: Self {
    Self(
      "a network like 10.0.0.0/8 or fd00::/8", show: { $0 },
      read: { text in
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first, parts.count <= 2, isIPv4(address) || isIPv6(address) else { return nil }
        guard parts.count == 2 else { return text }
        return plainNumber(parts[1]).flatMap { $0 <= (isIPv4(address) ? 32 : 128) ? text : nil }
      })
  }

  /// `192.0.2.53`, `192.0.2.53:5353`, `192.0.2.53@5353`, `2001:db8::53@5353`, `[2001:db8::53]:5353`.
  static var nameServer: Self {
    Self(
      "an address with or without a port, for example 192.0.2.53 or 127.0.0.1:5353", show: { $0 },
      read: { text in
        if isIPv4(text) || isIPv6(text) || ListenAddress(text).map({ $0.port > 0 }) == true { return text }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, isIPv4(parts[0]) || isIPv6(parts[0]), portNumber(parts[1], from: 1) != nil else {
          return nil
        }
        return text
      })
  }
}

func portNumber(_ text: some StringProtocol, from lowest: Int) -> Int? {
  plainNumber(text).flatMap { (lowest...65535).contains($0) ? $0 : nil }
}

func isIPv4(_ text: some StringProtocol) -> Bool {
  var address = in_addr()
  return !text.utf8.contains(0) && inet_pton(AF_INET, String(text), &address) == 1
}

func isIPv6(_ text: some StringProtocol) -> Bool {
  var address = in6_addr()
  return !text.utf8.contains(0) && inet_pton(AF_INET6, String(text), &address) == 1
}

/// - Parameter address: IPv4 or IPv6.
func isLoopback(_ address: String) -> Bool {
  octets(of: address).map { $0.count == 4 ? $0[0] == 127 : $0 == Array(repeating: 0, count: 15) + [1] } ?? false
}

/// RFC 1918, and of IPv6 fc00::/7 (RFC 4193).
func isPrivate(_ address: String) -> Bool {
  guard let octets = octets(of: address) else { return false }
  guard octets.count == 4 else { return octets[0] & 0xFE == 0xFC }
  return octets[0] == 10 || octets[0] == 172 && octets[1] & 0xF0 == 16 || octets[0] == 192 && octets[1] == 168
}

private func octets(of address: String) -> [UInt8]? {
  var (four, six) = (in_addr(), in6_addr())
  if inet_pton(AF_INET, address, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
  return inet_pton(AF_INET6, address, &six) == 1 ? withUnsafeBytes(of: six) { Array($0) } : nil
}

/// This machine's name, as far as it knows it.
func machineName() -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  let result = gethostname(&buffer, buffer.count - 1)
  let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return result == 0 && isHostName(name) ? name : "localhost"
}
