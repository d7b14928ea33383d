import MailFormat
import MailModel
import Notices
import Testing

/// Whatever remote servers, clients and headers say: a report is seven-bit, has short lines and three parts.
@Suite struct ReportFuzzTests {
  private static let pieces: [[UInt8]] = [
    Array("\r\n".utf8), [0x0D], [0x0A], [0], [0x1B], [0xFF], [0xC3], Array("é".utf8), Array("\u{202E}".utf8),
    Array("--=_postrider_".utf8), Array("Action: delivered".utf8), Array("=\r\n".utf8), Array(" ".utf8),
    Array("\t".utf8),
    Array("Message-ID: <a@b>\r\n".utf8), Array("Subject: x\r\n y\r\n".utf8), Array("+41;\\x{41}".utf8), Array(";".utf8),
    [UInt8](repeating: 0x78, count: 1200), Array("🙂".utf8), Array("\r\n\r\n".utf8), Array(">".utf8),
  ]

  @Test func propertiesHold() throws {
    for seed in 1...UInt64(400) {
      var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
      func random(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int((state >> 16) % UInt64(bound))
      }
      func bytes() -> [UInt8] { (0..<random(8)).flatMap { _ in Self.pieces[random(Self.pieces.count)] } }
      func text() -> String { String(decoding: bytes(), as: UTF8.self) }
      let recipient = Recipient(
        address: MailAddress(localPart: text(), domain: text()), originalRecipient: random(2) == 0 ? text() : nil)
      let reply = Reply(code: 550, enhanced: nil, lines: (0..<random(4)).map { _ in bytes() })
      let attempt = Attempt(
        result: .refused(reply, .recipient), remote: RemoteHost(name: text(), address: text(), port: 25))
      let id = QueueID(high: seed, low: 1)
      let notice = makeNotice(
        .failed,
        about: OriginalMessage(
          id: id, reversePath: MailAddress(localPart: "a", domain: "b.example"), envelopeID: text(), arrival: 0,
          contents: .header(bytes())),
        recipients: [ToldRecipient(recipient, after: attempt, lastAttempt: 0)], nodeName: text(), id: id, now: 0)
      check(try #require(notice).content, boundary: "--=_postrider_\(id)", seed: seed)
    }
  }

  private func check(_ content: [UInt8], boundary: String, seed: UInt64) {
    #expect(content.allSatisfy { $0 < 0x80 && $0 != 0 && $0 != 0x1B }, "seed \(seed)")
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    for index in content.indices where content[index] == 0x0A {
      #expect(index > 0 && content[index - 1] == 0x0D, "an LF without CR, seed \(seed)")
      lines.append(content[start..<max(start, index - 1)])
      start = index + 1
    }
    #expect(start == content.count, "no CRLF at the end, seed \(seed)")
    #expect(lines.allSatisfy { $0.count <= 998 && !$0.contains(0x0D) }, "seed \(seed)")
    #expect(lines.filter { $0.elementsEqual(boundary.utf8) }.count == 3, "seed \(seed)")
    #expect(lines.filter { $0.elementsEqual((boundary + "--").utf8) }.count == 1, "seed \(seed)")
  }
}
