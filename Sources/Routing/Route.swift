package import DNS
package import MailModel

/// What TLS a hop must have.
package enum TLSRequirement: Sendable, Hashable {
  /// STARTTLS is not used even when offered.
  case none
  /// Used when offered; a handshake that fails is tried once more in clear; any certificate will do.
  case opportunistic
  /// No mail without TLS; any certificate will do.
  case required
  /// No mail without TLS and a certificate that is valid for the host's name.
  case verified
}

/// A login at a smarthost. It is used over verified TLS only.
package struct RouteLogin: Sendable, Hashable {
  package let user: String
  package let password: String

  package init(user: String, password: String) {
    self.user = user
    self.password = password
  }
}

/// One host to try, with the addresses that may be dialled.
package struct RouteHost: Sendable, Hashable {
  /// The MX host's name (what its certificate has to show), or the literal.
  package let name: String
  package let addresses: [IPAddress]
  package let port: Int
  package let tls: TLSRequirement
  /// TLS from the first byte (RFC 8314 §3.3, port 465) instead of STARTTLS.
  package let implicitTLS: Bool
  package let login: RouteLogin?
  package let transfer: TransferProtocol

  package init(
    name: String, addresses: [IPAddress], port: Int, tls: TLSRequirement = .opportunistic, implicitTLS: Bool = false,
    login: RouteLogin? = nil, transfer: TransferProtocol = .smtp
  ) {
    self.transfer = transfer
    self.name = name
    self.addresses = addresses
    self.port = port
    self.tls = login != nil || implicitTLS && tls != .required ? .verified : tls
    self.implicitTLS = implicitTLS
    self.login = login
  }
}

/// Where a domain's mail goes: hosts in the order to try. Never empty, and no host is without an address.
package struct Route: Sendable, Hashable {
  package let hosts: [RouteHost]

  package init(hosts: [RouteHost]) {
    self.hosts = hosts
  }
}

/// What the router says.
package enum RoutingAnswer: Sendable, Hashable {
  case route(Route)
  /// `LocalFailure` tells permanent (`noSuchDomain`, `nullMX`, `noAddress` …) from temporary (`dns`).
  case failure(LocalFailure)
  /// Nobody can say just now, for a reason of this node's own: no attempt was made.
  case unknown(String)
}
