import DNS
import Testing

@Suite struct WireTests {
  private func mx(_ bytes: [UInt8]) -> MXRecord? { bytes.withUnsafeBytes { DNSWire.mx($0) } }
  private func text(_ bytes: [UInt8]) -> [UInt8]? { bytes.withUnsafeBytes { DNSWire.text($0) } }

  @Test func mailExchangers() {
    #expect(mx([0, 10, 2, 109, 120, 0]) == MXRecord(preference: 10, exchange: "mx"))
    #expect(mx([1, 0, 0]) == MXRecord(preference: 256, exchange: ""))
    #expect(mx([0, 10, 1, 97, 3, 98, 46, 99, 0]) == MXRecord(preference: 10, exchange: "a.b\\046c"))
    let refused: [[UInt8]] = [
      [], [0], [0, 10], [0, 10, 2, 109, 120], [0, 10, 2, 109], [0, 10, 0, 0], [0, 10, 0xC0, 0],
      [0, 10, 64] + [UInt8](repeating: 97, count: 64) + [0],
    ]
    for bytes in refused { #expect(mx(bytes) == nil, "\(bytes)") }
    // 255 bytes are a name, 256 are none.
    let long = [[UInt8]](repeating: [1, 97], count: 127).flatMap(\.self)
    #expect(mx([0, 1] + long + [0]) != nil)
    #expect(mx([0, 1] + long + [1, 97, 0]) == nil)
  }

  @Test func texts() {
    #expect(text([1, 97, 0, 2, 98, 99]) == [97, 98, 99])
    #expect(text([]) == nil)
    #expect(text([2, 97]) == nil)
  }

  @Test func names() {
    #expect(DomainName.ascii("Bücher.Example.") == "xn--bcher-kva.example")
    #expect(DomainName.unicode("xn--bcher-kva.Example") == "bücher.example")
    #expect(DomainName.unicode("BÜCHER.example") == "bücher.example")
    #expect(DomainName.unicode("mail.example") == "mail.example" && DomainName.unicode("a b") == nil)
    #expect(DomainName.ascii("faß.de") == "xn--fa-hia.de")
    #expect(DomainName.ascii("例え。テスト") == "xn--r8jz45g.xn--zckzah")
    #expect(DomainName.ascii("_spf.Example") == "_spf.example")
    for bad in [
      "", ".", "a..b", ".a", "a b", "a\u{0}b", "a/b", String(repeating: "a", count: 64), "\u{202e}x.test", "*.a",
    ] {
      #expect(DomainName.ascii(bad) == nil, "\(bad)")
    }
    #expect(
      DomainName.ascii(Array(repeating: String(repeating: "a", count: 60), count: 5).joined(separator: ".")) == nil)
  }

  /// Whatever text comes, the result is a host name or nothing.
  @Test func randomNames() {
    var generator = SeededGenerator(seed: 0x5EED_0005)
    for _ in 0..<3000 {
      var text = ""
      for _ in 0..<Int.random(in: 0...20, using: &generator) {
        let scalar = Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &generator)) ?? "x"
        text.unicodeScalars.append(
          Bool.random(using: &generator) ? scalar : "a.-1üß例".unicodeScalars.randomElement(using: &generator) ?? "x")
      }
      guard let name = DomainName.ascii(text) else { continue }
      #expect(name.utf8.allSatisfy { DomainName.isHostByte($0) || $0 == UInt8(ascii: ".") } && name.utf8.count <= 253)
    }
  }

  /// Whatever bytes come, the parsers neither trap nor read on.
  @Test func random() {
    var generator = SeededGenerator(seed: 0x5EED_0001)
    for round in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      // Half of them are made of plausible lengths, or nothing would ever be a name.
      if round % 2 == 0 { for index in bytes.indices where bytes[index] > 63 { bytes[index] %= 12 } }
      if let record = mx(bytes) { #expect(record.exchange.utf8.count <= 4 * 255) }
      if let strings = text(bytes) { #expect(strings.count < bytes.count) }
      bytes.withUnsafeBytes {
        #expect((DNSWire.address($0, family: .v4) != nil) == (bytes.count == 4))
        #expect((DNSWire.address($0, family: .v6) != nil) == (bytes.count == 16))
      }
    }
  }
}

/// SplitMix64: the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
