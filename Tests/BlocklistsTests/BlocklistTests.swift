import Blocklists
import CoreMetrics
import DNS
import Logging
import MailTesting
import NodeMetrics
import Testing

/// Lists as a real name server (nsd) serves them.
@Suite(.timeLimit(.minutes(5))) struct BlocklistTests {
  static let listing = """
    2.0.0.127 IN A 127.0.0.2
    2.0.0.127 IN TXT "a test entry"
    9.2.0.192 IN A 127.0.0.4
    9.2.0.192 IN A 127.0.0.11
    9.2.0.192 IN TXT "see https://bl.test/" "?ip=192.0.2.9"
    8.2.0.192 IN A 127.0.0.4
    1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 IN A 127.0.0.2
    """
  static let zones = [
    "bl.test": listing, "all.test": "* IN A 127.0.0.2", "refusing.test": "* IN A 127.255.255.254",
    "sold.test": "* IN A 198.51.100.7", "empty.test": "www IN A 192.0.2.1", "broken.test": "",
  ]

  private func withLookup(
    _ body: (BlocklistLookup, NameServer) async throws -> Void
  ) async throws {
    let server = try await NameServer(zones: Self.zones)
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .seconds(120)))
    defer { resolver.shutdown() }
    try await body(BlocklistLookup(resolver), server)
    try await server.stop()
  }

  private func list(_ zone: String) throws -> Blocklist { try #require(Blocklist(zone)) }
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test func namesAreThoseOfTheStandard() throws {
    let list = try list("bl.test")
    #expect(try list.name(of: address("192.0.2.99")) == "99.2.0.192.bl.test")
    #expect(
      try list.name(of: address("2001:db8:1:2:3:4:567:89ab"))
        == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test")
    #expect(try address("::ffff:192.0.2.1").unmapped == address("192.0.2.1"))
    #expect(try address("2001:db8::1").unmapped == address("2001:db8::1"))
    let named = try self.list("key.bl.test=bl")
    #expect(named.zone == "key.bl.test" && named.description == "bl")
    #expect(Blocklist("not a zone") == nil && Blocklist("bl.test=") == nil && Blocklist("") == nil)
  }

  @Test func whatIsListedAndWhatIsNot() async throws {
    try await withLookup { lookup, _ in
      let list = try list("bl.test")
      let expected: [(String, BlocklistLookup.Answer)] = [
        ("192.0.2.9", .listed("see https://bl.test/?ip=192.0.2.9")), ("192.0.2.8", .listed("")),
        ("192.0.2.7", .notListed), ("2001:db8::1", .listed("")), ("2001:db8::2", .notListed),
      ]
      for (text, answer) in expected {
        let address = try address(text)
        #expect(await lookup.answer(of: list, about: address) == answer, "\(text)")
      }
    }
  }

  /// A list that has been given up, sold, or that refuses us, would otherwise turn everybody away.
  @Test(arguments: [
    ("all.test", "it lists 127.0.0.1, so it lists everything"),
    ("refusing.test", "it refuses to answer us (127.255.255.254)"),
    ("sold.test", "it answers outside of 127.0.0.0/8"),
  ])
  func aListThatAnswersWronglyListsNobody(zone: String, why: String) async throws {
    try await withLookup { lookup, _ in
      let (list, address) = (try list(zone), try address("192.0.2.9"))
      #expect(await lookup.answer(of: list, about: address) == .unknown(why))
      #expect(await lookup.fault(of: list) == why)
    }
  }

  @Test func healthIsTold() async throws {
    try await withLookup { lookup, _ in
      let (good, empty, broken) = (try list("bl.test"), try list("empty.test"), try list("broken.test"))
      #expect(await lookup.fault(of: good) == nil)
      #expect(await lookup.fault(of: empty)?.hasPrefix("it does not list 127.0.0.2") == true)
      #expect(await lookup.fault(of: broken) != nil)
    }
  }

  @Test func aSilentListListsNobody() async throws {
    let server = try await NameServer(zones: Self.zones)
    await server.freeze()
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .milliseconds(300)))
    let clients = ClientBlocklists(
      lists: [try list("bl.test")], exempt: [], lookup: BlocklistLookup(resolver), logger: quiet)
    #expect(await clients.listing(of: "192.0.2.9") == nil)
    resolver.shutdown()
    await server.thaw()
    try await server.stop()
  }

  @Test func clientsAreLookedUpInAllListsAndTheFirstCounts() async throws {
    try await withLookup { lookup, _ in
      let clients = ClientBlocklists(
        lists: [try list("all.test"), try list("empty.test"), try list("bl.test=ours"), try list("bl.test")],
        exempt: [try #require(CIDR("192.0.2.8/32"))], lookup: lookup, logger: quiet)
      let listing = await clients.listing(of: "192.0.2.9")
      #expect(listing?.list == "ours" && listing?.words == "see https://bl.test/?ip=192.0.2.9")
      #expect(await clients.listing(of: "::ffff:192.0.2.9")?.address == "192.0.2.9")
      #expect(await clients.listing(of: "192.0.2.8") == nil)
      #expect(await clients.listing(of: "192.0.2.7") == nil)
      #expect(await clients.listing(of: "unknown") == nil)
    }
  }

  /// Listed, no longer listed, a list that breaks: each is seen, and what is not known does not change what was.
  @Test func ourOwnAddressesAreWatched() async throws {
    let server = try await NameServer(zones: Self.zones)
    let registry = PrometheusRegistry()
    // Nothing is kept for longer than a moment: the answers are to change.
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .seconds(2)))
    let service = OwnListings(
      lists: [try list("bl.test")], addresses: [try address("192.0.2.9"), try address("192.0.2.7")],
      interval: .milliseconds(100), lookup: BlocklistLookup(resolver), logger: quiet, metrics: ListingMetrics(registry))
    let running = Task { try await service.run() }
    func shows(_ line: String) async throws {
      try await eventually("\(line) in \(registry.rendered())") { registry.rendered().contains("\n\(line)\n") }
    }
    let metric = { (value: Int) in "postrider_blocklist_listed{list=\"bl.test\",address=\"192.0.2.9\"} \(value)" }
    try await shows(metric(1))
    try await shows("postrider_blocklist_listed{list=\"bl.test\",address=\"192.0.2.7\"} 0")
    running.cancel()
    _ = try? await running.value
    #expect(!registry.rendered().contains("list=\"bl.test\""))
    resolver.shutdown()
    try await server.stop()
  }

  private var quiet: Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }
}
