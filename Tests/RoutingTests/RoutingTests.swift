import DNS
import MailModel
import NIOConcurrencyHelpers
import Routing
import Testing

/// Answers out of a table; what is not in it does not exist. (`DNSTests` asks a real name server.)
struct Table: MailResolving {
  var mx: [String: DNSAnswer<[MXRecord]>] = [:]
  var hosts: [String: DNSAnswer<[IPAddress]>] = [:]
  func mailExchangers(of domain: String) async -> DNSAnswer<[MXRecord]> { mx[domain] ?? .noSuchDomain }
  func addresses(of host: String) async -> DNSAnswer<[IPAddress]> { hosts[host] ?? .noSuchDomain }

  init(mx: [String: [(UInt16, String)]] = [:], hosts: [String: [String]] = [:]) {
    self.mx = mx.mapValues { .found($0.map { MXRecord(preference: $0.0, exchange: $0.1) }, secure: false) }
    self.hosts = hosts.mapValues { .found($0.compactMap { IPAddress($0) }, secure: false) }
  }
}

@Suite struct RoutingTests {
  private func router(_ table: Table, _ configure: (inout RoutingConfiguration) -> Void = { _ in }, seed: UInt64 = 1)
    -> Router
  {
    var configuration = RoutingConfiguration(ourNames: ["us.test"])
    configure(&configuration)
    let state = NIOLockedValueBox(seed)
    return Router(resolver: table, configuration: configuration) {
      state.withLockedValue {
        $0 = $0 &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return $0 ^ ($0 >> 29)
      }
    }
  }

  private func names(_ answer: RoutingAnswer) -> [String]? {
    if case .route(let route) = answer { route.hosts.map(\.name) } else { nil }
  }

  private let public4 = "8.8.8.8"

  @Test func preferenceOrderWithChanceAmongEquals() async {
    let table = Table(
      mx: ["d.test": [(20, "c.d.test"), (10, "a.d.test"), (10, "b.d.test"), (10, "A.d.test")]],
      hosts: ["a.d.test": [public4], "b.d.test": [public4], "c.d.test": [public4]])
    var orders: Set<[String]> = []
    for seed in 0..<50 { orders.insert(names(await router(table, seed: UInt64(seed)).route(to: "D.test")) ?? []) }
    #expect(orders == [["a.d.test", "b.d.test", "c.d.test"], ["b.d.test", "a.d.test", "c.d.test"]])
  }

  @Test func withoutMX() async {
    var table = Table(hosts: ["d.test": [public4]])
    table.mx["d.test"] = .noData
    table.mx["empty.test"] = .noData
    table.hosts["empty.test"] = .noData
    table.mx["us.test"] = .noData
    #expect(names(await router(table).route(to: "d.test")) == ["d.test"])
    #expect(await router(table).route(to: "empty.test") == .failure(.noAddress))
    #expect(await router(table).route(to: "gone.test") == .failure(.noSuchDomain))
    #expect(await router(table).route(to: "not a domain") == .failure(.noSuchDomain))
    #expect(await router(table).route(to: "us.test") == .failure(.mailLoop("us.test is this node")))
  }

  @Test func nullMX() async {
    var table = Table(
      mx: ["null.test": [(0, "")], "mixed.test": [(0, ""), (10, "a.test")]], hosts: ["a.test": [public4]])
    table.hosts["null.test"] = .found([], secure: false)
    #expect(await router(table).route(to: "null.test") == .failure(.nullMX))
    #expect(names(await router(table).route(to: "mixed.test")) == ["a.test"])
  }

  @Test func whatIsNotKnownIsTemporary() async {
    var table = Table(mx: ["d.test": [(10, "a.test"), (20, "b.test")]], hosts: [:])
    table.mx["fail.test"] = .failed("SERVFAIL")
    table.hosts["b.test"] = .failed("SERVFAIL")
    #expect(await router(table).route(to: "fail.test") == .failure(.dns("MX of fail.test: SERVFAIL")))
    #expect(await router(table).route(to: "d.test") == .failure(.dns("address of b.test: SERVFAIL")))
    table.hosts["a.test"] = .found([IPAddress(v4: 0x0808_0808)], secure: false)
    #expect(names(await router(table).route(to: "d.test")) == ["a.test"])
  }

  @Test func hostsWithoutAddressAreSkipped() async {
    var table = Table(
      mx: ["d.test": [(10, "gone.test"), (20, "b.test")], "e.test": [(10, "gone.test")]], hosts: ["b.test": [public4]])
    table.hosts["gone.test"] = .noData
    #expect(names(await router(table).route(to: "d.test")) == ["b.test"])
    #expect(await router(table).route(to: "e.test") == .failure(.noAddress))
  }

  @Test func loopsToOurselves() async {
    let table = Table(
      mx: [
        "backup.test": [(10, "main.test"), (20, "US.test"), (20, "twin.test"), (30, "far.test")],
        "ours.test": [(10, "us.test"), (20, "far.test")],
      ], hosts: ["main.test": [public4], "us.test": [public4], "twin.test": [public4], "far.test": [public4]])
    #expect(names(await router(table).route(to: "backup.test")) == ["main.test"])
    #expect(
      await router(table).route(to: "ours.test") == .failure(.mailLoop("the nearest MX of ours.test is this node")))
  }

  @Test func refusedAddresses() async {
    let table = Table(
      mx: ["d.test": [(10, "a.test"), (20, "b.test")], "e.test": [(10, "a.test")]],
      hosts: ["a.test": ["10.0.0.1", "::ffff:10.0.0.1"], "b.test": ["192.168.1.1", public4]])
    guard case .route(let route) = await router(table).route(to: "d.test") else {
      Issue.record("no route")
      return
    }
    #expect(route.hosts.map { $0.addresses.map(\.description) } == [[public4]])
    #expect(await router(table).route(to: "e.test") == .failure(.forbiddenAddress("a.test: 10.0.0.1 is private")))
    let allowed = router(table) { $0.allowedNetworks = [CIDR("10.0.0.0/8")].compactMap(\.self) }
    #expect(names(await allowed.route(to: "d.test")) == ["a.test", "b.test"].filter { $0 != "" })
  }

  @Test func literals() async {
    let router = router(Table())
    #expect(names(await router.route(to: "[8.8.8.8]")) == ["[8.8.8.8]"])
    #expect(names(await router.route(to: "[IPv6:2a00:1450::1]")) == ["[IPv6:2a00:1450::1]"])
    #expect(await router.route(to: "[127.0.0.1]") == .failure(.forbiddenAddress("127.0.0.1 is a loopback address")))
    for bad in ["[8.8.8.8", "[2a00:1450::1]", "[IPv6:8.8.8.8]", "[x]", "[]", "[8.8.8]"] {
      #expect(await router.route(to: bad) == .failure(.noSuchDomain), "\(bad)")
    }
  }

  @Test func overrides() async {
    let login = RouteLogin(user: "u", password: "p")
    let table = Table(mx: ["d.test": [(10, "a.test")]], hosts: ["a.test": [public4], "smart.test": ["10.0.0.9"]])
    let some = router(table) {
      $0.overrides = [
        RouteOverride(domain: "X.test", host: "smart.test", port: 587, login: login),
        RouteOverride(domain: "*.x.test", host: "10.1.1.1", port: 26, tls: .none),
        RouteOverride(domain: "lost.test", host: "nowhere.test", port: 25),
      ]
    }
    guard case .route(let route) = await some.route(to: "x.test") else {
      Issue.record("no route")
      return
    }
    // A login makes TLS verified; the operator's own choice of address is not questioned.
    #expect(
      route.hosts == [
        RouteHost(name: "smart.test", addresses: [IPAddress(v4: 0x0A00_0009)], port: 587, tls: .verified, login: login)
      ])
    #expect(names(await some.route(to: "deep.in.x.test")) == ["10.1.1.1"])
    #expect(names(await some.route(to: "d.test")) == ["a.test"])
    #expect(await some.route(to: "lost.test") == .failure(.dns("the smarthost nowhere.test has no address")))
    let all = router(table) { $0.overrides = [RouteOverride(domain: "*", host: "[10.1.1.1]", port: 26)] }
    #expect(names(await all.route(to: "d.test")) == ["[10.1.1.1]"])
    #expect(names(await all.route(to: "[127.0.0.1]")) == ["[10.1.1.1]"])
  }

  @Test func hostedDomainsGoToTheirMailboxes() async {
    let table = Table(
      mx: ["d.test": [(10, "a.test")], "here.test": [(10, "a.test")]],
      hosts: ["a.test": [public4], "mailboxes.test": ["10.0.0.9"]])
    func router(_ host: String) -> Router {
      self.router(table) {
        $0.overrides = [RouteOverride(domain: "here.test", host: "a.test", port: 26)]
        $0.mailboxes = MailboxHost(
          host: host, port: 24, tls: .verified,
          isHosted: { ["here.test": true, "xn--hr-bja.test": true, "unknown.test": nil][$0, default: false] },
          confirms: { $0 == "xn--hr-bja.test" })
      }
    }
    let mailboxes = Route(hosts: [
      RouteHost(
        name: "mailboxes.test", addresses: [IPAddress(v4: 0x0A00_0009)], port: 24, tls: .verified, transfer: .lmtp)
    ])
    let here = router("mailboxes.test")
    for name in ["here.test", "HERE.test", "hér.test"] { #expect(await here.route(to: name) == .route(mailboxes)) }
    #expect(names(await here.route(to: "d.test")) == ["a.test"])
    #expect(await here.confirmsMailboxes(of: "HÉR.test"))
    #expect(await !here.confirmsMailboxes(of: "here.test"))
    #expect(await !self.router(table).confirmsMailboxes(of: "here.test"))
    guard case .unknown = await here.route(to: "unknown.test") else {
      Issue.record("a domain that nobody can tell anything about")
      return
    }
    #expect(
      await router("gone.test").route(to: "here.test")
        == .failure(.dns("the mailbox server gone.test has no address")))
    #expect(await here.route(to: "[127.0.0.1]") != .route(mailboxes))
  }

  @Test func manyHostsAndAddressesAreBounded() async {
    let count = 300
    let table = Table(
      mx: ["d.test": (0..<count).map { (UInt16($0), "h\($0).test") }],
      hosts: Dictionary(
        uniqueKeysWithValues: (0..<count).map { host in
          ("h\(host).test", (1..<200).map { "8.8.\(host % 250).\($0)" } + (1..<200).map { "2a00::\($0)" })
        }))
    guard case .route(let route) = await router(table).route(to: "d.test") else {
      Issue.record("no route")
      return
    }
    #expect(route.hosts.count == 12)
    // A bound never hides one family behind the other.
    #expect(
      route.hosts.allSatisfy { host in
        host.addresses.count == 8 && host.addresses.filter { $0.family == .v4 }.count == 4
      })
  }
}
