import ProxyProtocol
import Testing

/// SplitMix64: a failing run is found again by its seed.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite struct ProxyHeaderFuzzTests {
  private static let corpus: [[UInt8]] =
    [
      "PROXY TCP4 192.0.2.1 192.0.2.2 51234 465\r\nEHLO x\r\n", "PROXY TCP6 2001:db8::1 ::2 1 2\r\n",
      "PROXY UNKNOWN\r\n", "EHLO client.example\r\n",
    ].map { Array($0.utf8) } + [
      binary(0x21, 0x11, version4 + [4, 0, 1, 0]), binary(0x20, 0, []),
      binary(0x21, 0x21, version6 + version6 + [0, 1, 2, 3]),
      binary(0x21, 0x31, Array(repeating: 47, count: 216)),
    ]

  private enum Verdict: Equatable {
    case header(ProxyHeader)
    case fault
    case incomplete
  }

  private func verdict(_ bytes: [UInt8]) -> Verdict {
    do {
      return try parse(bytes).map { .header($0) } ?? .incomplete
    } catch {
      return .fault
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    let at = Int.random(in: 0...bytes.count, using: &generator)
    switch Int.random(in: 0..<4, using: &generator) {
    case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &generator)
    case 1 where at < bytes.count: bytes.remove(at: at)
    case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: at)
    default: bytes.insert(contentsOf: (Self.corpus.randomElement(using: &generator) ?? []).prefix(30), at: at)
    }
  }

  /// Nothing crashes; nothing beyond the limits is waited for; and it makes no difference how the bytes come in
  /// pieces: what was refused stays refused, what was taken is the same header.
  @Test(arguments: 0..<8 as Range<UInt64>) func mutants(_ seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    for _ in 0..<4_000 {
      var bytes = Self.corpus.randomElement(using: &generator) ?? []
      for _ in 0..<Int.random(in: 0...5, using: &generator) { mutate(&bytes, &generator) }
      let whole = verdict(bytes)
      if case .header(let header) = whole {
        #expect(header.length <= bytes.count && header.length <= ProxyHeader.binaryLengthMax)
        #expect(verdict(Array(bytes.prefix(header.length))) == whole)
      }
      for _ in 0..<4 {
        let part = verdict(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))))
        #expect(part == .incomplete || part == whole, "\(bytes)")
      }
      if whole == .incomplete { #expect(bytes.count < ProxyHeader.binaryLengthMax) }
    }
  }
}
