internal import Blocklists
internal import DNS
internal import Settings

/// Which block lists name us, and whether those that clients are looked up in are of any use.
struct BlocklistChecks {
  let settings: Settings

  func run() async -> [Finding] {
    let own = settings.blocklists.own.compactMap { Blocklist($0) }
    let others = settings.blocklists.clients.compactMap { Blocklist($0) }.filter { !own.contains($0) }
    guard !own.isEmpty || !others.isEmpty else { return [] }
    let node = Node(settings, role: "doctor")
    guard let resolver = try? node.resolver() else { return [] }
    defer { resolver.shutdown() }
    let lookup = BlocklistLookup(resolver)
    var findings: [Finding] = []
    for list in own + others {
      if let fault = await lookup.fault(of: list) {
        findings.append(unusable(list, fault))
      } else if own.contains(list) {
        findings.append(await listings(list, node.sendingAddresses, lookup))
      } else {
        findings.append(.ok(name(list), "answers as a list must"))
      }
    }
    return findings
  }

  private func name(_ list: Blocklist) -> String { "block list \(list)" }

  private func unusable(_ list: Blocklist, _ fault: String) -> Finding {
    .warning(
      name(list), "is of no use: \(fault)",
      advice: "see whether the list still exists and serves dns.servers; public resolvers are often refused")
  }

  private func listings(_ list: Blocklist, _ addresses: [IPAddress], _ lookup: BlocklistLookup) async -> Finding {
    guard !addresses.isEmpty else {
      return .warning(
        name(list), "no address that we send from is known", advice: "set blocklists.own_addresses")
    }
    var listed: [String] = []
    for address in addresses {
      switch await lookup.answer(of: list, about: address) {
      case .listed(let words): listed.append(words.isEmpty ? "\(address)" : "\(address) (\(words))")
      case .unknown(let why): return unusable(list, why)
      case .notListed: break
      }
    }
    guard listed.isEmpty else {
      return .warning(
        name(list), "names \(listed.joined(separator: ", ")): others refuse our mail",
        advice: "find out what was sent (`postrider queue`, the mail log), stop it, then ask the list for removal")
    }
    return .ok(name(list), "does not name \(addresses.map(\.description).joined(separator: ", "))")
  }
}
