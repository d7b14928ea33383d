internal import DNS
internal import MailModel
package import MailQueue
internal import NIOCore
package import RetryPolicy
package import Routing

/// How a worker treats sites in trouble.
package struct SiteConfiguration: Sendable {
  /// The address that other servers see our mail come from; slowdowns are about it. "" stands for one that is not known.
  package var source = ""
  package var names = SiteNames()
  package var slowdown = SlowdownPolicy()
  package var probes = ProbeWaits()
  /// So many deliveries in a row without a connection to any host, and a site is down.
  package var downAfter = 3

  package init() {}

  /// The first address of this machine that the world can see; "" when there is none: then a translator stands in
  /// between, and whoever stands behind it shares an address.
  package static func publicAddress() -> String {
    let addresses = ((try? System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress }.filter(isPublic)
    return addresses.first { !$0.contains(":") } ?? addresses.first ?? ""
  }

  /// The address that a server has seen us come from, as far as it is known.
  func ourAddress(_ remote: RemoteHost?) -> String? {
    if let own = remote?.ourAddress, Self.isPublic(own) { return own }
    return source.isEmpty ? nil : source
  }

  /// Whether others can see an address of ours.
  static func isPublic(_ text: String) -> Bool {
    IPAddress(text).map { AddressPolicy().check($0) == nil } ?? false
  }
}

/// Why a message of a site in trouble may go all the same.
package enum SitePass: Sendable, Hashable {
  /// It is the one that finds out whether the site can be reached again; claimed under this number.
  case probe(String, counter: Int64)
  /// It is among what a slowed site gets.
  case paced(String)

  var site: String {
    switch self {
    case .probe(let site, _), .paced(let site): site
    }
  }
}
