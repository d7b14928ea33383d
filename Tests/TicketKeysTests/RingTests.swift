import TLS
import Testing

@testable import TicketKeys

@Suite("Ticket keys in time") struct RingTests {
  private func begun(at now: Int64) throws -> TicketKeyRing {
    try #require(TicketKeyRing().renewed(at: now, rotation: 100))
  }

  @Test func aNewRingHasTheNextKeyToo() throws {
    let ring = try begun(at: 1000)
    #expect(ring.entries.map(\.begins) == [1000, 1100])
    #expect(ring.entries[0].key != ring.entries[1].key)
    #expect(ring.sealing(at: 1000, rotation: 100) == ring.entries[0])
    #expect(ring.sealing(at: 1099, rotation: 100) == ring.entries[0])
    #expect(ring.sealing(at: 1100, rotation: 100) == ring.entries[1])
    #expect(ring.sealing(at: 1200, rotation: 100) == nil, "nobody renewed it")
    #expect(ring.renewed(at: 1099, rotation: 100) == nil, "nothing is missing")
  }

  @Test func aKeyOpensForOneMoreRotation() throws {
    let ring = try begun(at: 1000)
    #expect(ring.opening(at: 1199, rotation: 100) == ring.entries)
    #expect(ring.opening(at: 1200, rotation: 100) == [ring.entries[1]])
    #expect(ring.opening(at: 1300, rotation: 100).isEmpty)
  }

  @Test func renewalGoesOnAtTheSameBeat() throws {
    let first = try begun(at: 1000)
    let second = try #require(first.renewed(at: 1137, rotation: 100))
    #expect(second.entries.map(\.begins) == [1000, 1100, 1200])
    #expect(Array(second.entries.prefix(2)) == first.entries)
    let third = try #require(second.renewed(at: 1201, rotation: 100))
    #expect(third.entries.map(\.begins) == [1100, 1200, 1300], "the oldest is forgotten")
  }

  @Test func aPauseOfEveryoneBeginsAnew() throws {
    let ring = try #require(try begun(at: 1000).renewed(at: 5000, rotation: 100))
    #expect(ring.entries.map(\.begins) == [5000, 5100])
    // Between the two keys' ends, tickets of the last one are still opened.
    let late = try #require(try begun(at: 1000).renewed(at: 1250, rotation: 100))
    #expect(late.entries.map(\.begins) == [1100, 1250, 1350])
  }

  @Test func keysOfAWrongClockAreForgotten() throws {
    let ring = try #require(try begun(at: 9000).renewed(at: 1000, rotation: 100))
    #expect(ring.entries.map(\.begins) == [1000, 1100])
  }

  @Test func itsFormIsStrict() throws {
    let bytes = try begun(at: 1_795_250_000_000).bytes
    #expect(TicketKeyRing(bytes: bytes)?.bytes == bytes)
    #expect(TicketKeyRing(bytes: [1])?.entries.isEmpty == true)
    for length in 0..<bytes.count where length != 1 && length != 1 + bytes.count / 2 {
      #expect(TicketKeyRing(bytes: Array(bytes.prefix(length))) == nil, "cut to \(length)")
    }
    #expect(TicketKeyRing(bytes: [2] + bytes.dropFirst()) == nil, "another version")
    let half = bytes.dropFirst().prefix(bytes.count / 2)
    #expect(TicketKeyRing(bytes: [1] + half + half) == nil, "out of order")
    #expect(TicketKeyRing(bytes: [1] + [UInt8](repeating: 255, count: 88)) == nil, "beyond all time")
    #expect(TicketKeyRing(bytes: [1] + [UInt8](repeating: 0, count: 88 * 17)) == nil, "too many")
  }
}
