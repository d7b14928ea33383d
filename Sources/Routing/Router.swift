package import DNS
internal import MailModel

/// Finds the hosts that take a domain's mail (RFC 5321 §5.1).
///
/// A domain whose mailboxes are here goes there. Otherwise an override comes first, then an address literal, then MX, then the domain's own address. What the DNS
/// proves (no such domain, null MX, no address) is permanent; what it fails to tell is temporary.
package final class Router: Sendable {
  private let resolver: any MailResolving
  private let configuration: RoutingConfiguration
  private let policy: AddressPolicy
  private let ourNames: Set<String>
  private let overrides: [String: RouteOverride]
  private let random: @Sendable () -> UInt64

  /// - Parameter random: where the choice among equals comes from.
  package init(
    resolver: any MailResolving, configuration: RoutingConfiguration,
    random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 0...UInt64.max) }
  ) {
    self.resolver = resolver
    self.configuration = configuration
    self.random = random
    policy = AddressPolicy(allowed: configuration.allowedNetworks)
    ourNames = Set(configuration.ourNames.compactMap(DomainName.ascii))
    overrides = Dictionary(
      configuration.overrides.map { (Self.overrideKey($0.domain), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether a domain's mailboxes are here, by what is recorded now: what `route` goes by is some seconds old.
  package func confirmsMailboxes(of domain: String) async -> Bool {
    guard let mailboxes = configuration.mailboxes, let name = DomainName.ascii(domain) else { return false }
    return await mailboxes.confirms(name)
  }

  /// Whether a domain's mailboxes are here, as `route` goes by it; nil: nobody could say.
  package func hostsMailboxes(of domain: String) async -> Bool? {
    guard let mailboxes = configuration.mailboxes, let name = DomainName.ascii(domain) else { return false }
    return await mailboxes.isHosted(name)
  }

  /// - Parameter domain: a host name, perhaps with U-labels, or an address literal in brackets.
  package func route(to domain: String) async -> RoutingAnswer {
    if let mailboxes = configuration.mailboxes {
      guard let isHosted = await hostsMailboxes(of: domain) else {
        return .unknown("it is not known whether the mailboxes of \(domain) are here")
      }
      if isHosted { return await route(to: mailboxes) }
    }
    if let override = override(for: domain) { return await route(over: override) }
    if domain.hasPrefix("[") { return literal(domain) }
    guard let name = DomainName.ascii(domain) else { return .failure(.noSuchDomain) }
    switch await resolver.mailExchangers(of: name) {
    case .failed(let why): return .failure(.dns("MX of \(name): \(why)"))
    case .noSuchDomain: return .failure(.noSuchDomain)
    case .noData: return await implicitMX(name)
    case .found(let records, _): return await route(records, of: name)
    }
  }

  // MARK: Overrides

  private static func overrideKey(_ domain: String) -> String {
    if domain.hasPrefix("*.") { return "*." + (DomainName.ascii(String(domain.dropFirst(2))) ?? "") }
    return DomainName.ascii(domain) ?? domain.lowercased()
  }

  /// The exact name first, then the nearest parent's `*.`, then `*`.
  private func override(for domain: String) -> RouteOverride? {
    if overrides.isEmpty { return nil }
    let name = DomainName.ascii(domain) ?? domain.lowercased()
    if let exact = overrides[name] { return exact }
    var rest = name[...]
    while let dot = rest.firstIndex(of: ".") {
      rest = rest[rest.index(after: dot)...]
      if let parent = overrides["*.\(rest)"] { return parent }
    }
    return overrides["*"]
  }

  private func route(over override: RouteOverride) async -> RoutingAnswer {
    await route(toChosen: override.host, "smarthost") { name, addresses in
      RouteHost(
        name: name, addresses: addresses, port: override.port, tls: override.tls, implicitTLS: override.implicitTLS,
        login: override.login)
    }
  }

  private func route(to mailboxes: MailboxHost) async -> RoutingAnswer {
    await route(toChosen: mailboxes.host, "mailbox server") { name, addresses in
      RouteHost(name: name, addresses: addresses, port: mailboxes.port, tls: mailboxes.tls, transfer: .lmtp)
    }
  }

  /// The operator chose this host, so its address is not subject to the address policy.
  private func route(
    toChosen host: String, _ what: String, make: (String, [IPAddress]) -> RouteHost
  ) async -> RoutingAnswer {
    let name = DomainName.ascii(host) ?? host
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    if let address = IPAddress(bare) { return .route(Route(hosts: [make(name, [address])])) }
    switch await resolver.addresses(of: host) {
    case .found(let addresses, _): return .route(Route(hosts: [make(name, ordered(addresses))]))
    case .failed(let why): return .failure(.dns("address of \(host): \(why)"))
    // The recipient's domain is not at fault when the operator's host is misspelt: temporary.
    case .noData, .noSuchDomain: return .failure(.dns("the \(what) \(host) has no address"))
    }
  }

  // MARK: Without MX

  /// RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
  private func literal(_ domain: String) -> RoutingAnswer {
    guard domain.hasSuffix("]") else { return .failure(.noSuchDomain) }
    let inner = domain.dropFirst().dropLast()
    let tagged = inner.lowercased().hasPrefix("ipv6:")
    guard let address = IPAddress(String(tagged ? inner.dropFirst(5) : inner)),
      (address.family == .v6) == tagged
    else { return .failure(.noSuchDomain) }
    if let why = policy.check(address) { return .failure(.forbiddenAddress(why)) }
    return .route(
      Route(hosts: [
        RouteHost(name: domain, addresses: [address], port: configuration.port, tls: configuration.tls)
      ]))
  }

  /// RFC 5321 §5.1: a domain without MX is its own mail host.
  private func implicitMX(_ name: String) async -> RoutingAnswer {
    if ourNames.contains(name) { return .failure(.mailLoop("\(name) is this node")) }
    return await route(through: [name], of: name)
  }

  // MARK: MX

  private func route(_ records: [MXRecord], of domain: String) async -> RoutingAnswer {
    let named = records.filter { !$0.exchange.isEmpty }
    // RFC 7505 §3: the root as the only exchange; next to others it is a mistake and is passed over.
    guard !named.isEmpty else { return .failure(.nullMX) }
    let exchanges = named.map { (preference: $0.preference, name: DomainName.ascii($0.exchange) ?? $0.exchange) }
    var usable = exchanges
    // RFC 5321 §5.1: what is not nearer to the destination than we are would send the message back to us.
    if let own = exchanges.filter({ ourNames.contains($0.name) }).map(\.preference).min() {
      usable.removeAll { $0.preference >= own }
      if usable.isEmpty { return .failure(.mailLoop("the nearest MX of \(domain) is this node")) }
    }
    var generator = InjectedGenerator(next64: random)
    let ordered = Dictionary(grouping: usable, by: \.preference).sorted { $0.key < $1.key }
      .flatMap { $0.value.shuffled(using: &generator).map(\.name) }
    var seen: Set<String> = []
    return await route(through: ordered.filter { seen.insert($0).inserted }, of: domain)
  }

  /// Looks all hosts up at once and keeps, in their order, those with an address that may be dialled.
  private func route(through names: [String], of domain: String) async -> RoutingAnswer {
    let names = Array(names.prefix(configuration.hostsMax))
    let answers = await lookUp(names)
    var hosts: [RouteHost] = []
    var (trouble, forbidden): (String?, String?)
    for (name, answer) in zip(names, answers) {
      switch answer {
      case .found(let addresses, _):
        let refusals = addresses.map { ($0, policy.check($0)) }
        let usable = refusals.filter { $0.1 == nil }.map(\.0)
        forbidden = forbidden ?? refusals.compactMap(\.1).first.map { "\(name): \($0)" }
        guard !usable.isEmpty else { continue }
        hosts.append(
          RouteHost(name: name, addresses: ordered(usable), port: configuration.port, tls: configuration.tls))
      case .failed(let why): trouble = trouble ?? "address of \(name): \(why)"
      case .noData, .noSuchDomain: continue
      }
    }
    if !hosts.isEmpty { return .route(Route(hosts: hosts)) }
    if let trouble { return .failure(.dns(trouble)) }
    if let forbidden { return .failure(.forbiddenAddress(forbidden)) }
    return .failure(.noAddress)
  }

  private func lookUp(_ names: [String]) async -> [DNSAnswer<[IPAddress]>] {
    if names.count == 1 { return [await resolver.addresses(of: names[0])] }
    let resolver = resolver
    return await withTaskGroup(of: (Int, DNSAnswer<[IPAddress]>).self) { group in
      for (index, name) in names.enumerated() { group.addTask { (index, await resolver.addresses(of: name)) } }
      var answers = [DNSAnswer<[IPAddress]>](repeating: .noData, count: names.count)
      for await (index, answer) in group { answers[index] = answer }
      return answers
    }
  }

  /// Shuffled within each family, as a round-robin name server would, then IPv6 and IPv4 in turn: a bound on the
  /// number of tries never hides one family behind the other.
  private func ordered(_ addresses: [IPAddress]) -> [IPAddress] {
    var generator = InjectedGenerator(next64: random)
    let six = addresses.filter { $0.family == .v6 }.shuffled(using: &generator)
    let four = addresses.filter { $0.family == .v4 }.shuffled(using: &generator)
    let turns = (0..<max(six.count, four.count)).flatMap { index in
      [six, four].compactMap { index < $0.count ? $0[index] : nil }
    }
    return Array(turns.prefix(configuration.addressesPerHostMax))
  }
}

/// Lets a test decide what is random.
private struct InjectedGenerator: RandomNumberGenerator {
  let next64: @Sendable () -> UInt64
  mutating func next() -> UInt64 { next64() }
}
