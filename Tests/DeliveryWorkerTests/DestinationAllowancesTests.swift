import MailQueue
import Testing

@testable import DeliveryWorker

@Suite struct DestinationAllowancesTests {
  private let start = ContinuousClock.now
  private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

  @Test func aFastDestinationGetsTheWholeWorker() {
    var allowances = DestinationAllowances(jobsMax: 1000, connectionsPerDestination: 20)
    var (inFlight, time) = (0, 0)
    for _ in 0..<12 {
      let (rooms, rowsMax) = allowances.rooms(room: 1000 - inFlight, now: at(time))
      let count = min(rowsMax, rooms.rooms["fast"] ?? rooms.other)
      allowances.begin("fast", count, at(time))
      inFlight += count
      // Half of what it has is done within 50 ms.
      time += 50
      let done = inFlight / 2
      _ = allowances.end("fast", done, at(time))
      inFlight -= done
    }
    #expect(inFlight > 450, "half of a full worker")
  }

  @Test func aSlowDestinationKeepsAFew() {
    var allowances = DestinationAllowances(jobsMax: 1000, connectionsPerDestination: 20)
    allowances.begin("slow", 40, at(0))
    #expect(allowances.rooms(room: 960, now: at(10)).rooms.rooms["slow"] == 0)
    #expect(allowances.rooms(room: 960, now: at(10)).rooms.paused.isEmpty, "not known yet")
    #expect(allowances.rooms(room: 960, now: at(2000)).rooms.paused == ["slow"])
    let isWorthAClaim = [1, 9].map { allowances.end("slow", $0, at(2001)) }
    #expect(isWorthAClaim == [false, true], "not for each single one")
  }

  @Test func allSlowDestinationsTogetherLeaveRoom() {
    var allowances = DestinationAllowances(jobsMax: 400, connectionsPerDestination: 20)
    var inFlight = 0
    for number in 0..<40 {
      let (rooms, rowsMax) = allowances.rooms(room: 400 - inFlight, now: at(number * 100))
      let count = min(rooms.other, rowsMax)
      allowances.begin("slow\(number)", count, at(number * 100))
      inFlight += count
    }
    #expect(inFlight <= 300)
    #expect(inFlight >= 200)
    let later = allowances.rooms(room: 400 - inFlight, now: at(10_000)).rooms
    #expect(later.paused.count == later.paused.filter { $0.hasPrefix("slow") }.count && !later.paused.isEmpty)
  }

  /// The fast one is served although nothing else may begin.
  @Test func aFastDestinationGoesOnBesideSlowOnes() {
    var allowances = DestinationAllowances(jobsMax: 400, connectionsPerDestination: 20)
    for number in 0..<8 { allowances.begin("slow\(number)", 35, at(0)) }
    allowances.begin("fast", 40, at(4000))
    _ = allowances.end("fast", 35, at(4050))
    let (rooms, rowsMax) = allowances.rooms(room: 115, now: at(4060))
    #expect(rooms.other == 0)
    #expect(rooms.rooms["fast"] == 65)
    #expect(rowsMax == 115)
  }

  @Test func aRefusedDestinationPausesLongerEachTime() {
    var allowances = DestinationAllowances(jobsMax: 400, connectionsPerDestination: 20)
    var time = 0
    for pause in [1, 2, 4, 8, 16, 32, 32] {
      allowances.began("full", 2, now: at(time))
      _ = allowances.ended("full", 2, isRefused: true, now: at(time))
      #expect(allowances.rooms(room: 400, now: at(time + pause * 1000 - 1)).rooms.paused == ["full"])
      time += pause * 1000
      let rooms = allowances.rooms(room: 400, now: at(time)).rooms
      #expect(rooms.paused.isEmpty && rooms.rooms["full"] == 2)
    }
    allowances.began("full", 2, now: at(time))
    _ = allowances.ended("full", 2, isRefused: false, now: at(time))
    #expect(allowances.rooms(room: 400, now: at(time)).rooms.rooms["full"] == 40)
  }

  @Test func aQuietDestinationIsForgotten() {
    var allowances = DestinationAllowances(jobsMax: 400, connectionsPerDestination: 20)
    allowances.began("once", 1, now: at(0))
    _ = allowances.ended("once", 1, isRefused: false, now: at(10))
    #expect(allowances.rooms(room: 400, now: at(20)).rooms.rooms.keys.contains("once"))
    #expect(allowances.rooms(room: 400, now: at(5000)).rooms.rooms.isEmpty)
  }
}

extension DestinationAllowances {
  /// So many messages with one recipient each.
  fileprivate mutating func begin(_ domain: String, _ count: Int, _ now: ContinuousClock.Instant) {
    for _ in 0..<count { began(domain, 1, now: now) }
  }

  /// - Returns: whether one of them made it worth a claim.
  fileprivate mutating func end(_ domain: String, _ count: Int, _ now: ContinuousClock.Instant) -> Bool {
    (0..<count).map { _ in ended(domain, 1, isRefused: false, now: now) }.contains(true)
  }
}
