import Settings
import Testing

@Suite struct SettingsFuzzTests {
  private static let pieces = [
    "smtp", "delivery", "routes", "hostname", "listen", "retry", "first", ":", ": ", "\n", "\n  ", "- ", "[", "]", "{",
    "}", ",", "\"", "'", "5m", "50MB", "0.0.0.0:25", "a.example", "~", "&a ", "*a", "!!str ", "|\n", "#", "\t", "\u{0}",
    "é", "99999999999999999999", "=", "%", "<<: ", "? ", "---\n", "...\n", "delivery.routes", "log: {format: json}\n",
  ]

  /// Whatever stands in a file or a flag: settings or problems, never a crash; and problems are single lines.
  @Test func anythingIsAnswered() {
    for seed in 1...UInt64(3000) {
      var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
      func random(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int((state >> 16) % UInt64(bound))
      }
      let text = (0..<random(25)).map { _ in Self.pieces[random(Self.pieces.count)] }.joined()
      do {
        if seed % 3 == 0 {
          _ = try Settings.load(file: nil, environment: [:], overrides: [text, "delivery.routes=" + text])
        } else {
          _ = try Settings.load(yaml: text, file: "f")
        }
      } catch {
        #expect(!error.problems.isEmpty && !error.problems.contains { $0.contains("\n") }, "seed \(seed)")
      }
    }
  }
}
