import Observability
import Testing

@Suite struct EscapingTests {
  @Test(arguments: [
    ("plain text 123", "plain text 123"),
    ("grüße 世界 🙂", "grüße 世界 🙂"),
    ("a\r\nb", "a\\x0d\\x0ab"),
    ("\u{1B}[31mred", "\\x1b[31mred"),
    ("\u{9B}31m", "\\u{9b}31m"),
    ("del\u{7F}", "del\\x7f"),
    ("evil\u{202E}txt", "evil\\u{202e}txt"),
    ("\u{2066}x\u{2069}\u{200F}", "\\u{2066}x\\u{2069}\\u{200f}"),
    ("a\u{2028}b", "a\\u{2028}b"),
    ("back\\slash", "back\\\\slash"),
    ("", ""),
  ])
  func replacesWhatCouldSteerATerminal(text: String, expected: String) {
    #expect(escaped(text) == expected)
  }

  @Test func cutsLongText() {
    #expect(escaped(String(repeating: "x", count: 20), limit: 4) == "xxxx…(+16)")
    #expect(escaped("äöü", limit: 2) == "äö…(+2)")
    #expect(escaped("äöü", limit: 3) == "äöü")
  }

  @Test func brokenBytesAreReplaced() {
    #expect(escaped(bytes: [0x41, 0xFF, 0x0A, 0x42]) == "A\u{FFFD}\\x0aB")
  }

  @Test func noCharacterBelowBlankSurvives() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let text = String(decoding: (0..<50).map { _ in UInt8.random(in: 0...255, using: &generator) }, as: UTF8.self)
      #expect(escaped(text).unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
    }
  }
}
