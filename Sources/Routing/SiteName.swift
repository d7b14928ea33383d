/// Which routes are one and the same to whoever minds how much we send.
package struct SiteNames: Sendable {
  /// Hosts below these names belong together, whatever their own names are: `*.mail.protection.outlook.com`.
  private let families: [String]

  /// - Parameter families: names that begin with `*.`.
  package init(families: [String] = []) { self.families = families.map { $0.lowercased() } }

  /// One name for a route's hosts together, whatever their order: all domains whose mail goes to the same hosts share
  /// it. The family if all hosts are of one; otherwise the hosts' names. Printable ASCII, at most 200 characters.
  package func name(of route: Route) -> String {
    let hosts = Set(route.hosts.map { host in Self.printable(host.name) + (host.port == 25 ? "" : ":\(host.port)") })
    if let family = families.first(where: { family in
      route.hosts.allSatisfy { $0.name.lowercased().hasSuffix(family.dropFirst()) }
    }) {
      return family
    }
    let sorted = hosts.sorted()
    let name = sorted.joined(separator: ",")
    guard name.utf8.count > 200, let first = sorted.first else { return name }
    return "\(first.prefix(160)),+\(sorted.count - 1)#\(Self.digest(name))"
  }

  private static func printable(_ name: String) -> String {
    String(decoding: name.lowercased().utf8.map { (0x21...0x7E).contains($0) && $0 != 0x2C ? $0 : 0x3F }, as: UTF8.self)
  }

  /// FNV-1a: it only has to tell long names apart, the same in every process.
  private static func digest(_ text: String) -> String {
    let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 36)
  }
}
