import ReportReading
import Testing

/// A small generator whose runs can be repeated: the seed stands in the failure message.
private struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

/// Whatever comes in, something comes out, and it is bounded.
@Suite struct ReportFuzzTests {
  private static let pieces = [
    "\r\n", "\n", "\r", "\r\n\r\n", "--B\r\n", "--B--\r\n", "Content-Type: multipart/mixed; boundary=B\r\n\r\n",
    "Content-Type: message/delivery-status\r\n\r\n", "Content-Transfer-Encoding: base64\r\n", "=\r\n", "=ZZ", "\0",
    "Final-Recipient: rfc822; ", "Final-Recipient: utf-8; \\x{", "Action: failed\r\n", "Status: 5.",
    "Status: 999.9.9\r\n",
    "<@>", "<a@b>:", "  a@b\r\n", "\"", "\\", ";", ":", "550 ", "5.1.1", "\u{FEFF}", "\u{202E}", "(", "=?utf-8?q?",
  ].map { Array($0.utf8) }

  private func check(_ message: [UInt8], _ what: String) {
    let report = readReport(message)
    switch report.content {
    case .delivery(let deliveries):
      #expect((1...1000).contains(deliveries.count), "\(what)")
      #expect(
        deliveries.allSatisfy { $0.diagnostic.count <= 8192 && $0.addresses.allSatisfy { $0.contains("@") } }, "\(what)"
      )
    case .feedback(let feedback):
      #expect(!feedback.type.isEmpty && feedback.type.utf8.count <= 256 && feedback.addresses.count <= 100, "\(what)")
    case .automaticReply, .other: break
    }
  }

  @Test(arguments: GoldenReport.names) func mutationsOfRealReports(name: String) throws {
    let original = try GoldenReport.bytes(name)
    for seed in 1...UInt64(120) {
      var generator = SeededGenerator(seed: seed)
      var message = original
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        guard !message.isEmpty else { break }
        let at = Int.random(in: 0..<message.count, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: message[at] = UInt8.random(in: 0...255, using: &generator)
        case 1: message.insert(contentsOf: Self.pieces.randomElement(using: &generator) ?? [], at: at)
        case 2: message.removeSubrange(at..<min(message.count, at + Int.random(in: 1...200, using: &generator)))
        case 3: message.removeSubrange(at...)
        case 4: message.insert(contentsOf: message[at..<min(message.count, at + 300)], at: 0)
        default: message.swapAt(at, Int.random(in: 0..<message.count, using: &generator))
        }
      }
      check(message, "\(name), seed \(seed)")
    }
  }

  @Test func soupOfPieces() {
    for seed in 1...UInt64(2000) {
      var generator = SeededGenerator(seed: seed)
      let count = Int.random(in: 0...60, using: &generator)
      check((0..<count).flatMap { _ in Self.pieces.randomElement(using: &generator) ?? [] }, "seed \(seed)")
    }
  }

  /// Half a megabyte each, made to be expensive.
  @Test(arguments: [
    "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n", "--B\r\n", "a: b\r\n", " x\r\n", "\r\n", "<a@b>:\r\n",
    "a@b ", "((((((((", "\"\\", "=", "= \t\r\n", "550 5.1.1 ", "\\x{", "5.5.5.5.",
    "Final-Recipient: rfc822;a@b\r\n\r\n",
  ])
  func hostileRepetitionsEnd(piece: String) {
    let piece = Array(piece.utf8)
    let heads = [
      "", "From: mailer-daemon@x\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program\r\n",
      "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n",
      "Content-Type: text/html\r\nFrom: mailer-daemon@x\r\nSubject: undeliverable\r\n\r\n<", "Content-Type: x; y=\"",
    ]
    let clock = ContinuousClock()
    for head in heads {
      let repeated = (0..<((512 << 10) / piece.count)).flatMap { _ in piece }
      let took = clock.measure { check(Array(head.utf8) + repeated, head) }
      // A bound on growth, not on the machine: what is quadratic takes minutes.
      #expect(took < .seconds(240), "\(head.prefix(40))")
    }
  }
}
