internal import Glibc
internal import Synchronization

/// Ports of this machine: which are free, and who has the others.
package enum LoopbackPort {
  /// Below the range from which the kernel takes the ports of outgoing connections, so that none of those takes ours.
  private static let candidates = 20_000..<32_000
  private static let handedOut = Mutex<Set<Int>>([])

  /// A port that nobody uses on loopback, for TCP and UDP; never the same twice in one process.
  package static func free() -> Int {
    while true {
      let port = Int.random(in: candidates)
      guard handedOut.withLock({ $0.insert(port).inserted }) else { continue }
      if isFree(port, at: "127.0.0.1"), isFree(port, at: "127.0.0.1", udp: true), isFree(port, at: "0.0.0.0") {
        return port
      }
    }
  }

  /// Whether a server could listen there.
  /// - Parameter address: an IPv4 or IPv6 address.
  package static func isFree(_ port: Int, at address: String, udp: Bool = false) -> Bool {
    bindError(port, at: address, udp: udp) != EADDRINUSE
  }

  /// Whether this machine has the address.
  package static func hasAddress(_ address: String) -> Bool { bindError(0, at: address, udp: false) == 0 }

  private static func bindError(_ port: Int, at address: String, udp: Bool) -> Int32 {
    let isIPv6 = address.contains(":")
    let kind = Int32(udp ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue)
    let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var yes: Int32 = 1
    // As servers do: connections in TIME_WAIT are no reason to refuse.
    if !udp { setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) }
    if isIPv6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<Int32>.size)) }
    return bindSocket(descriptor, address, port, isIPv6: isIPv6) == 0 ? 0 : errno
  }

  private static func bindSocket(_ descriptor: Int32, _ address: String, _ port: Int, isIPv6: Bool) -> Int32 {
    if isIPv6 {
      var socketAddress = sockaddr_in6()
      socketAddress.sin6_family = sa_family_t(AF_INET6)
      socketAddress.sin6_port = in_port_t(truncatingIfNeeded: port).bigEndian
      inet_pton(AF_INET6, address, &socketAddress.sin6_addr)
      return withBytes(of: &socketAddress) { bind(descriptor, $0, $1) }
    }
    var socketAddress = sockaddr_in()
    socketAddress.sin_family = sa_family_t(AF_INET)
    socketAddress.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    inet_pton(AF_INET, address, &socketAddress.sin_addr)
    return withBytes(of: &socketAddress) { bind(descriptor, $0, $1) }
  }

  /// Whether somebody accepts a connection there.
  package static func accepts(_ port: Int, at address: String = "127.0.0.1") -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var socketAddress = sockaddr_in()
    socketAddress.sin_family = sa_family_t(AF_INET)
    socketAddress.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    inet_pton(AF_INET, address, &socketAddress.sin_addr)
    return withBytes(of: &socketAddress) { connect(descriptor, $0, $1) } == 0
  }
}

private func withBytes<Address>(
  of address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
  withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
  }
}
