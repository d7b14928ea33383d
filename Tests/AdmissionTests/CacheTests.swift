import MailTesting
import NIOConcurrencyHelpers
import Testing

@testable import Admission

@Suite struct CacheTests {
  @Test func aValueEndsWithItsLife() {
    let start = ContinuousClock.now
    var cache = ExpiringCache<String, Int>(lifetime: .seconds(10), countMax: 8)
    cache.insert(1, for: "a", at: start)
    #expect(cache.value(of: "a", at: start + .seconds(9)) == 1)
    #expect(cache.value(of: "a", at: start + .seconds(10)) == nil)
    #expect(cache.value(of: "b", at: start) == nil)
  }

  @Test func itNeverGrowsPastItsBound() {
    let start = ContinuousClock.now
    var cache = ExpiringCache<Int, Int>(lifetime: .seconds(10), countMax: 8)
    for number in 0..<1000 {
      cache.insert(number, for: number, at: start)
      #expect(cache.count <= 8)
      #expect(cache.value(of: number, at: start) == number)
    }
    // What has ended goes first.
    cache.insert(-1, for: -1, at: start + .seconds(11))
    cache.insert(-2, for: -2, at: start + .seconds(11))
    for number in 2000..<2006 { cache.insert(number, for: number, at: start + .seconds(11)) }
    #expect(cache.value(of: -1, at: start + .seconds(12)) == -1)
  }

  @Test func workInFlightIsShared() async throws {
    let flight = SingleFlight<String, Int>()
    let runs = NIOLockedValueBox(0)
    let (gate, open) = AsyncStream.makeStream(of: Void.self)
    async let first = flight.run("a") {
      runs.withLockedValue { $0 += 1 }
      for await _ in gate {}
      return 7
    }
    // The second waits for the first, which waits for the gate.
    try await eventually("the first runs") { runs.withLockedValue { $0 } == 1 }
    async let second = flight.run("a") { 8 }
    try await eventually("the second waits") { flight.followerCount(of: "a") == 1 }
    #expect(await flight.run("b") { 9 } == 9)
    open.finish()
    #expect(await first == 7)
    #expect(await second == 7)
    #expect(await flight.run("a") { 10 } == 10)
  }
}

@Suite struct LoginNameTests {
  @Test(arguments: [
    ("bob@example.com", "bob@example.com"), ("Bob@Example.COM", "Bob@example.com"),
    ("bob+tag@example.com", "bob@example.com"), ("+tag@example.com", "+tag@example.com"),
    ("example.com", "example.com"), ("EXAMPLE.com", "example.com"), ("a@b@example.com", "a@b@example.com"),
    ("bøb@exämple.com", "bøb@exämple.com"),
  ])
  func isMadeComparable(text: String, expected: String) {
    #expect(LoginName(text)?.description == expected)
  }

  @Test(arguments: ["", "@", "@x", "x@", "a b@x", "a\0@x", "a\u{7F}@x", "a\r\n@x", String(repeating: "x", count: 321)])
  func refusesWhatIsNoName(text: String) {
    #expect(LoginName(text) == nil)
  }
}
