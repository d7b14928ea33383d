import MailFormat
import Testing

@Suite struct StructureFuzzTests {
  private static let pieces = [
    "\r\n", "--b\r\n", "--b--\r\n", "--c\r\n", "--c--\r\n", "--", "-", "text", "\r\n\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Type: multipart/mixed; boundary=c\r\n\r\n", "Content-Type: multipart/mixed; boundary=\"d e\"\r\n\r\n",
    "--d e\r\n", "--d e--  \r\n", "Content-Type: message/rfc822\r\n\r\n", "Content-Transfer-Encoding: 8bit\r\n",
    "Content-Transfer-Encoding: base64\r\n", " folded\r\n", "\u{E9}", "--bb\r\n", "X: y\r\n",
    "Content-Type: multipart/mixed; boundary=c; boundary=b\r\n\r\n", "--b \t\r\n", "(", "\"",
    String(repeating: "x", count: 200) + "\r\n",
  ].map { Array($0.utf8) }

  /// How the octets came makes no difference, and what has been repaired needs no repair.
  @Test func theResultDoesNotDependOnCuts() {
    var limits = StructureLimits()
    (limits.partsMax, limits.depthMax, limits.partHeaderSizeMax) = (8, 3, 150)
    var (refused, repaired) = (0, 0)
    for seed in 1...UInt64(4000) {
      var generator = SeededGenerator(seed: seed)
      let count = Int.random(in: 0...30, using: &generator)
      var body = (0..<count).flatMap { _ in Self.pieces.randomElement(using: &generator) ?? [] }
      if seed % 7 == 0, !body.isEmpty { body[Int.random(in: 0..<body.count, using: &generator)] = 0 }
      if seed % 2 == 0 { body = Array("--b\r\n".utf8) + body }
      body += [0x0D, 0x0A]
      for mode in [CheckMode.strict, .repair] {
        let whole = structure("multipart/mixed; boundary=b", body, mode, limits: limits)
        let cuts = (0..<Int.random(in: 1...12, using: &generator))
          .map { _ in Int.random(in: 0...body.count, using: &generator) }.sorted()
        #expect(
          structure("multipart/mixed; boundary=b", body, mode, cuts: cuts, limits: limits) == whole, "seed \(seed)")
        let single = structure(
          "multipart/mixed; boundary=b", body, mode, cuts: Array(0...body.count), limits: limits)
        #expect(single == whole, "seed \(seed)")
        if whole.hasPrefix("550 ") {
          refused += 1
        } else if !whole.isEmpty {
          repaired += 1
          #expect(mode == .repair, "seed \(seed)")
          let again = structure("multipart/mixed; boundary=b", body + Array(whole.utf8), .repair, limits: limits)
          #expect(again.isEmpty, "seed \(seed)")
        }
      }
    }
    #expect(refused > 100 && repaired > 100)
  }

  /// Whatever a header holds, a judged one is ASCII, has nothing twice, and is judged the same again.
  @Test func judgedHeadersNeedNoJudgement() {
    let texts = [
      "Subject: ", "To: ", "From: ", "X-A : ", "Content-Type: ", "MIME-Version: 1.0", "\u{E9}", " ", "\r\n", "\r\n ",
      "<a@b>", "\"", "(", ")", ",", "x", "text/plain", "; boundary=", "=?utf-8?q?=C3=A9?=", "\r\n", ":", "multipart/x",
    ]
    let pieces: [[UInt8]] = texts.map { Array($0.utf8) } + [[0xE9], [0xFF, 0xFE]]
    var passed = 0
    for seed in 1...UInt64(6000) {
      var generator = SeededGenerator(seed: seed)
      var header: [UInt8] = []
      for _ in 0..<Int.random(in: 1...20, using: &generator) {
        header += pieces.randomElement(using: &generator) ?? []
      }
      header += [0x0D, 0x0A, 0x0D, 0x0A]
      let once = judged(header, .repair)
      guard !once.hasPrefix("55") else { continue }
      passed += 1
      let end = Array(once.utf8)
      var finder = HeaderSectionFinder()
      let head = end[..<(finder.consume(end) ?? end.count)]
      #expect(head.allSatisfy { $0 < 0x80 }, "seed \(seed)")
      #expect(judged(Array(head), .repair) == String(decoding: head, as: UTF8.self), "seed \(seed)")
    }
    #expect(passed > 500)
  }
}
