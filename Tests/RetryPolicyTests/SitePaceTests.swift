import RetryPolicy
import Testing

@Suite struct SitePaceTests {
  private let policy = SlowdownPolicy(
    pause: .seconds(60), blocklistPause: .seconds(600), pauseMax: .seconds(3600), recovery: .seconds(1000),
    normalMin: 60)
  private let start = ContinuousClock.now

  private func pace(seen: Double = 600, isListed: Bool = false) -> SitePace {
    SitePace(incident: 1, category: "rate_limit", isListed: isListed, seen: seen, policy: policy, now: start)
  }

  @Test func aPauseThenHalfThenBackInAStraightLine() {
    let pace = pace()
    #expect(pace.rate(at: start) == 0)
    #expect(pace.rate(at: start + .seconds(59)) == 0)
    #expect(pace.rate(at: start + .seconds(60)) == 300)
    #expect(pace.rate(at: start + .seconds(160)) == 360)
    #expect(pace.rate(at: start + .seconds(559)) ?? 0 < 600)
    #expect(pace.rate(at: start + .seconds(560)) == nil, "as before")
    #expect(pace.timeLeft(at: start) == .seconds(560))
    #expect(self.pace(isListed: true).rate(at: start + .seconds(599)) == 0)
    #expect(self.pace(seen: 0).rate(at: start + .seconds(60)) == 30, "little is known: the usual")
  }

  @Test func eachFurtherTroubleHalvesAndDoublesThePause() {
    var pace = pace()
    pace.slowDown(isListed: false, policy: policy, now: start + .seconds(30))
    #expect(pace == self.pace(), "an answer to what was sent before")
    let second = start + .seconds(160)
    pace.slowDown(isListed: false, policy: policy, now: second)
    #expect(pace.rate(at: second + .seconds(119)) == 0)
    #expect(pace.rate(at: second + .seconds(120)) == 180)
    #expect(pace.troubles == 2)
    let third = second + .seconds(120)
    pace.slowDown(isListed: false, policy: policy, now: third)
    #expect(pace.rate(at: third + .seconds(240)) == 90)
  }

  /// For any history: never faster than normal, never slower than the slowest, never falling while nothing happens.
  @Test func propertiesHold() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      var pace = pace(seen: .random(in: 0...100_000, using: &generator), isListed: .random(using: &generator))
      var now = start
      for _ in 0..<20 {
        now += .seconds(Int.random(in: 0...2_000, using: &generator))
        guard pace.rate(at: now) != nil else { break }
        pace.slowDown(isListed: .random(using: &generator), policy: policy, now: now)
        #expect(pace.rate >= SitePace.slowest && pace.rate <= pace.normal)
        #expect(now.duration(to: pace.resumesAt) <= policy.pauseMax)
        let end = now + pace.timeLeft(at: now) + .milliseconds(1)
        #expect(pace.rate(at: end) == nil)
        let early = pace.rate(at: pace.resumesAt) ?? .infinity
        let later = pace.rate(at: pace.resumesAt + .seconds(10)) ?? .infinity
        #expect(early <= later)
      }
    }
  }
}
