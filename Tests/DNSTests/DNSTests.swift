import DNS
import Foundation
import MailModel
import MailTesting
import Routing
import Testing

/// The resolver against a real name server (nsd) on a loopback port.
@Suite(.serialized) struct DNSTests {
  static let zones = [
    "example.test": """
    @ IN MX 10 mx1
    @ IN MX 20 mx2
    mx1 IN A 127.0.0.1
    mx1 IN A 127.0.0.2
    mx1 IN AAAA ::1
    mx2 IN A 127.0.0.3
    null IN MX 0 .
    bare IN A 127.0.0.4
    alias IN CNAME alias2
    alias2 IN CNAME example.test.
    loop IN CNAME loop2
    loop2 IN CNAME loop
    dangling IN CNAME nothing
    text IN TXT "v=spf1 " "-all"
    text IN TXT "second"
    empty IN TXT "only text"
    xn--bcher-kva IN MX 5 mx2
    odd IN MX 5 we\\.ird
    """,
    "broken.test": "",
  ]

  static func server() async throws -> NameServer {
    var zones = zones
    zones[""] = "ns IN A 127.0.0.1"
    return try await NameServer(zones: zones)
  }

  @Test func answers() async throws {
    let server = try await Self.server()
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .seconds(120)))
    defer { resolver.shutdown() }
    func mx(_ name: String) async -> DNSAnswer<Set<MXRecord>> {
      await resolver.mailExchangers(of: name).map { Set($0) }
    }
    let both: Set = [
      MXRecord(preference: 10, exchange: "mx1.example.test"), MXRecord(preference: 20, exchange: "mx2.example.test"),
    ]
    #expect(await mx("example.test") == .found(both, secure: false))
    #expect(await mx("EXAMPLE.test.") == .found(both, secure: false))
    #expect(await mx("alias.example.test") == .found(both, secure: false))
    #expect(await mx("null.example.test") == .found([MXRecord(preference: 0, exchange: "")], secure: false))
    #expect(await mx("bare.example.test") == .noData)
    #expect(await mx("nothing.example.test") == .noSuchDomain)
    #expect(await mx("dangling.example.test") == .noSuchDomain)
    #expect(await mx("unknown.invalid") == .noSuchDomain)
    #expect(
      await mx("bücher.example.test") == .found([MXRecord(preference: 5, exchange: "mx2.example.test")], secure: false))
    #expect(
      await mx("odd.example.test")
        == .found([MXRecord(preference: 5, exchange: "we\\046ird.example.test")], secure: false))
    #expect(await mx("not a name") == .noSuchDomain)
    #expect(await mx("a..b") == .noSuchDomain)
    #expect(isFailure(await mx("broken.test")))
    #expect(isFailure(await mx("loop.example.test")))

    let addresses = await resolver.addresses(of: "mx1.example.test").map { Set($0.map(\.description)) }
    #expect(addresses == .found(["127.0.0.1", "127.0.0.2", "::1"], secure: false))
    #expect(await resolver.addresses(of: "empty.example.test") == .noData)
    #expect(await resolver.addresses(of: "nothing.example.test") == .noSuchDomain)
    #expect(isFailure(await resolver.addresses(of: "x.broken.test")))
    let texts = await resolver.texts(of: "text.example.test").map {
      Set($0.map { String(decoding: $0, as: UTF8.self) })
    }
    #expect(texts == .found(["v=spf1 -all", "second"], secure: false))
    try await server.stop()
  }

  @Test func aDeadNameServerTimesOut() async throws {
    let server = try await Self.server()
    await server.freeze()
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .milliseconds(300)))
    let started = ContinuousClock.now
    #expect(await resolver.mailExchangers(of: "example.test") == .failed("no answer from the name servers in time"))
    #expect(started.duration(to: .now) >= .milliseconds(300))
    await server.thaw()
    resolver.shutdown()
    try await server.stop()
  }

  @Test func cancellingAndShutdownEndLookUps() async throws {
    let server = try await Self.server()
    await server.freeze()
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .seconds(600)))
    let cancelled = Task { await resolver.mailExchangers(of: "example.test") }
    cancelled.cancel()
    #expect(await cancelled.value == .failed("cancelled"))
    let waiting = Task { await resolver.addresses(of: "mx1.example.test") }
    resolver.shutdown()
    #expect(await waiting.value == .failed("the resolver is shut down"))
    #expect(await resolver.mailExchangers(of: "example.test") == .failed("the resolver is shut down"))
    await server.thaw()
    try await server.stop()
  }

  @Test func manyAtOnceAreBoundedAndAllAnswered() async throws {
    let server = try await Self.server()
    let resolver = try DNSResolver(
      DNSConfiguration(servers: [server.address], timeout: .seconds(60), outstandingMax: 4))
    let answered = await withTaskGroup(of: Bool.self) { group in
      for index in 0..<300 {
        group.addTask { await resolver.mailExchangers(of: "n\(index).example.test") == .noSuchDomain }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(answered == 300)
    resolver.shutdown()

    let tiny = try DNSResolver(
      DNSConfiguration(servers: ["127.0.0.1@1"], timeout: .seconds(5), outstandingMax: 1, waitingMax: 0))
    async let first = tiny.mailExchangers(of: "a.test")
    async let second = tiny.mailExchangers(of: "b.test")
    let answers = await [first, second]
    #expect(answers.contains(.failed("too many look-ups at once")))
    #expect(answers.contains(.failed("no answer from the name servers in time")))
    tiny.shutdown()
    try await server.stop()
  }

  /// A trust anchor for a zone that is not signed: nothing in it may be believed.
  @Test func bogusIsAFailure() async throws {
    let server = try await Self.server()
    let file = try TemporaryFile(
      "example.test. IN DS 12345 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n")
    let resolver = try DNSResolver(
      DNSConfiguration(servers: [server.address], timeout: .seconds(120), trustAnchorFile: file.path))
    guard case .failed(let why) = await resolver.mailExchangers(of: "example.test") else {
      Issue.record("believed")
      return
    }
    #expect(why.hasPrefix("DNSSEC validation failed"))
    resolver.shutdown()
    try await server.stop()
  }

  @Test func serversAreChecked() throws {
    for bad in ["localhost", "1.2.3.4:0", "1.2.3.4:x", "1.2.3.4:99999", "[::1", "", "::1@"] {
      #expect(throws: DNSFault.self) { _ = try DNSResolver(DNSConfiguration(servers: [bad])) }
    }
    for good in ["127.0.0.1", "127.0.0.1:5353", "127.0.0.1@5353", "::1", "[::1]:5353", "[::1]", "::1@53"] {
      try DNSResolver(DNSConfiguration(servers: [good])).shutdown()
    }
    try DNSResolver(DNSConfiguration()).shutdown()
    try DNSResolver(DNSConfiguration(resolvConfFile: "/nonexistent")).shutdown()
    #expect(throws: DNSFault.self) { _ = try DNSResolver(DNSConfiguration(trustAnchorFile: "/nonexistent")) }
  }

  /// The router on real answers: the path that the worker takes.
  @Test func routes() async throws {
    let server = try await Self.server()
    let resolver = try DNSResolver(DNSConfiguration(servers: [server.address], timeout: .seconds(120)))
    let router = Router(
      resolver: resolver,
      configuration: RoutingConfiguration(port: 2525, allowedNetworks: [CIDR("127.0.0.0/8")].compactMap(\.self)))
    guard case .route(let route) = await router.route(to: "alias.example.test") else {
      Issue.record("no route")
      return
    }
    #expect(route.hosts.map(\.name) == ["mx1.example.test", "mx2.example.test"])
    // ::1 is not in the allowed block.
    #expect(Set(route.hosts[0].addresses.map(\.description)) == ["127.0.0.1", "127.0.0.2"])
    #expect(route.hosts.allSatisfy { $0.port == 2525 })
    #expect(await router.route(to: "null.example.test") == .failure(.nullMX))
    #expect(await router.route(to: "nothing.example.test") == .failure(.noSuchDomain))
    #expect(await router.route(to: "empty.example.test") == .failure(.noAddress))
    #expect(await router.route(to: "odd.example.test") == .failure(.noAddress))
    guard case .failure(.dns) = await router.route(to: "broken.test") else {
      Issue.record("SERVFAIL must be temporary")
      return
    }
    resolver.shutdown()
    try await server.stop()
  }

  private func isFailure<Value>(_ answer: DNSAnswer<Value>) -> Bool {
    if case .failed = answer { true } else { false }
  }
}

/// A file that goes with its owner.
private final class TemporaryFile {
  let path = NSTemporaryDirectory() + "postrider-dns-\(UInt64.random(in: 0...UInt64.max))"
  init(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
