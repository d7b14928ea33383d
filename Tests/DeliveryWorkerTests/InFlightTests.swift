import Testing

@testable import DeliveryWorker

/// How the claim loops of several databases share a worker's places.
@Suite struct InFlightTests {
  /// Claims all that it may.
  private func claimAll(_ places: InFlight, _ share: Int) -> Int {
    let room = places.reserve(share)
    places.claimed(room, of: room, reserved: room, share)
    return room
  }

  @Test func theOnlyOneHasThemAll() {
    let places = InFlight(limit: 100)
    #expect(claimAll(places, 0) == 100)
    #expect(places.reserve(0) == 0)
    places.remove(30, 0)
    #expect(places.reserve(0) == 30)
  }

  @Test func oneThatIsIdleKeepsALittle() {
    let places = InFlight(limit: 160, shares: 2)
    #expect(claimAll(places, 0) == 150)
    #expect(claimAll(places, 1) == 10)
  }

  /// Who comes later gets its half as places become free; nobody is ever above the limit.
  @Test func thoseThatWantMoreShareEqually() async {
    let places = InFlight(limit: 160, shares: 2)
    _ = claimAll(places, 0)
    _ = claimAll(places, 1)
    for _ in 0..<200 {
      places.remove(1, places.count(0) > 0 ? 0 : 1)
      // The greedy one is always quicker.
      _ = claimAll(places, 0)
      _ = claimAll(places, 1)
      #expect(places.count(0) + places.count(1) <= 160)
    }
    #expect(places.count(0) == 80)
    #expect(places.count(1) == 80)
  }

  @Test func aClaimThatBringsLessGivesTheRestBack() {
    let places = InFlight(limit: 160, shares: 2)
    let reserved = places.reserve(0)
    #expect(places.reserve(1) == 160 - reserved)
    places.claimed(3, of: reserved, reserved: reserved, 0)
    #expect(places.count(0) == 3)
  }
}
