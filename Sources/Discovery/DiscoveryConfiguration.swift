package import DNS
package import NIOCore

/// Where discovery listens, and how much it takes.
package struct DiscoveryConfiguration: Sendable {
  package struct Listener: Sendable, Hashable {
    /// An IP address.
    package var address: String
    package var port: Int
    package var isSecure: Bool

    package init(address: String, port: Int, isSecure: Bool) {
      self.address = address
      self.port = port
      self.isSecure = isSecure
    }
  }

  package var listeners: [Listener]
  /// Whose word about their client is taken (`X-Forwarded-For`).
  package var proxies: [CIDR] = []
  package var connectionsMax = 1000
  package var connectionsPerClientMax = 20
  /// Of one client in a minute.
  package var requestsMax = 120
  /// Octets of a body.
  package var requestSizeMax = 16 << 10
  /// For a handshake and the request after it, and again for each answer with the wait for the next request.
  package var requestTimeout = TimeAmount.seconds(10)
  package var shutdownTimeout = TimeAmount.seconds(30)

  package init(listeners: [Listener]) { self.listeners = listeners }
}

/// Why discovery could not begin.
package struct DiscoveryFailure: Error, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }
}
