package import DNS

/// A smarthost for a domain, in the operator's words.
package struct RouteOverride: Sendable, Hashable {
  /// `example.com`, `*.example.com` (every name below it) or `*`.
  package let domain: String
  /// A host name (its A and AAAA records are used, no MX) or an address.
  package let host: String
  package let port: Int
  package let tls: TLSRequirement
  package let implicitTLS: Bool
  package let login: RouteLogin?

  package init(
    domain: String, host: String, port: Int, tls: TLSRequirement = .opportunistic, implicitTLS: Bool = false,
    login: RouteLogin? = nil
  ) {
    self.domain = domain
    self.host = host
    self.port = port
    self.tls = tls
    self.implicitTLS = implicitTLS
    self.login = login
  }
}

/// The server that keeps the mailboxes of hosted domains, and takes their mail over LMTP.
package struct MailboxHost: Sendable {
  /// A host name or an address.
  package let host: String
  package let port: Int
  package let tls: TLSRequirement
  /// Whether a domain's mail goes there. Given in A-labels and lower case. nil: nobody could say.
  package let isHosted: @Sendable (String) async -> Bool?
  /// The same, asked anew. false also where nobody could say.
  package let confirms: @Sendable (String) async -> Bool

  package init(
    host: String, port: Int, tls: TLSRequirement, isHosted: @escaping @Sendable (_ domain: String) async -> Bool?,
    confirms: @escaping @Sendable (_ domain: String) async -> Bool
  ) {
    self.host = host
    self.port = port
    self.tls = tls
    self.isHosted = isHosted
    self.confirms = confirms
  }
}

/// How domains become hosts.
package struct RoutingConfiguration: Sendable {
  /// The port of MX hosts: 25, except in a demo.
  package var port: Int
  package var tls: TLSRequirement
  /// Blocks that may be dialled although `AddressPolicy` refuses them.
  package var allowedNetworks: [CIDR]
  /// This node's names: an MX that is one of them is ourselves.
  package var ourNames: [String]
  package var overrides: [RouteOverride]
  /// MX hosts looked up and tried for one domain; a hostile domain may list hundreds.
  package var hostsMax: Int
  package var addressesPerHostMax: Int
  /// Where mail for domains that are hosted here goes; nil: none are.
  package var mailboxes: MailboxHost?

  package init(
    port: Int = 25, tls: TLSRequirement = .opportunistic, allowedNetworks: [CIDR] = [], ourNames: [String] = [],
    overrides: [RouteOverride] = [], hostsMax: Int = 12, addressesPerHostMax: Int = 8
  ) {
    self.port = port
    self.tls = tls
    self.allowedNetworks = allowedNetworks
    self.ourNames = ourNames
    self.overrides = overrides
    self.hostsMax = max(1, hostsMax)
    self.addressesPerHostMax = max(1, addressesPerHostMax)
  }
}
