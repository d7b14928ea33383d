/// A repeatable source of randomness (SplitMix64): a failing run is found again by its seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Makes hostile inputs out of sensible ones.
struct Mutator {
  /// Pieces that parsers stumble over.
  static let spices: [[UInt8]] =
    [
      "\r", "\n", "\r\n", "\r\n.\r\n", "\n.\n", "\r.\r", "\r\n.\n", "\n.\r\n", "..", "\0", "\\", "\"", "<", ">", "@",
      ":",
      ",", "=", "+", ";", "[", "]", " ", "\t", "+FF", "ä", "\u{85}", "\u{202E}", "SIZE=", "BDAT 3 LAST\r\n", "DATA\r\n",
      "RSET\r\n", "99999999999999999999", "-1",
    ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xED, 0xA0, 0x80]]

  let corpus: [[UInt8]]
  var generator: SeededGenerator

  init(_ corpus: [String], seed: UInt64) {
    self.corpus = corpus.map { Array($0.utf8) }
    generator = SeededGenerator(seed: seed)
  }

  mutating func next() -> [UInt8] {
    var bytes = corpus.randomElement(using: &generator) ?? []
    for _ in 0..<Int.random(in: 0...4, using: &generator) { mutate(&bytes) }
    return bytes
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    let at = Int.random(in: 0...bytes.count, using: &generator)
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: bytes.insert(contentsOf: Self.spices.randomElement(using: &generator) ?? [], at: at)
    case 1 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &generator)
    case 2 where at < bytes.count: bytes.remove(at: at)
    case 3 where at < bytes.count: bytes.removeSubrange(at..<min(at + 5, bytes.count))
    case 4: bytes.insert(contentsOf: (corpus.randomElement(using: &generator) ?? []).prefix(40), at: at)
    case 5 where at < bytes.count: bytes.insert(contentsOf: bytes[at..<min(at + 20, bytes.count)], at: at)
    default: break
    }
  }

  /// Where to cut `bytes`: in random pieces.
  mutating func pieces(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Int.random(in: 1...max(1, min(rest.count, 7)), using: &generator)
      pieces.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}
