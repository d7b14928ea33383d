import SMTPWire
import Testing

@Suite struct DotStuffingTests {
  private func encode(_ message: [UInt8], blocks: [Int]) -> [UInt8] {
    var stuffing = ClientDotStuffing()
    var output: [UInt8] = []
    var rest = message[...]
    var sizes = blocks[...]
    while !rest.isEmpty {
      let block = Array(rest.prefix(max(1, sizes.popFirst() ?? .max)))
      rest = rest.dropFirst(block.count)
      block.withUnsafeBytes { bytes in
        if stuffing.passes(bytes) { output += block } else { stuffing.encode(bytes) { output += $0 } }
      }
    }
    return output + stuffing.end
  }

  /// What a receiver makes of it (RFC 5321 §4.5.2): nil unless the only CRLF.CRLF is the end.
  private func decode(_ wire: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    var position = 0
    while position < wire.count {
      guard let end = wire[position...].firstIndex(of: 10) else { return nil }
      var line = Array(wire[position...end])
      if line == Array(".\r\n".utf8) { return end == wire.count - 1 ? result : nil }
      if line.first == UInt8(ascii: ".") { line.removeFirst() }
      result += line
      position = end + 1
    }
    return nil
  }

  @Test func examples() {
    let cases: [(String, String)] = [
      ("", ".\r\n"), ("a\r\n", "a\r\n.\r\n"), ("a", "a\r\n.\r\n"), (".", "..\r\n.\r\n"), (".\r\n", "..\r\n.\r\n"),
      ("a\r\n..b\r\n", "a\r\n...b\r\n.\r\n"), ("a.b\r\n.", "a.b\r\n..\r\n.\r\n"), ("a\r", "a\r\r\n.\r\n"),
      ("\r\n", "\r\n.\r\n"),
    ]
    for (message, wire) in cases {
      for size in 1...4 {
        let blocks = [Int](repeating: size, count: 20)
        #expect(String(decoding: encode(Array(message.utf8), blocks: blocks), as: UTF8.self) == wire)
      }
    }
  }

  @Test func random() {
    var generator = SeededGenerator(seed: 0x5EED_0004)
    let pieces: [[UInt8]] = [[13, 10], [46], [13, 10, 46], [13, 10, 46, 13, 10], [97], [98, 99], [0, 255]]
    for _ in 0..<5000 {
      let message = (0..<Int.random(in: 0...30, using: &generator)).flatMap { _ in
        pieces.randomElement(using: &generator) ?? []
      }
      let blocks = (0..<30).map { _ in Int.random(in: 1...9, using: &generator) }
      let whole = message.suffix(2) == [13, 10] || message.isEmpty ? message : message + [13, 10]
      let wire = encode(message, blocks: blocks)
      #expect(wire == encode(message, blocks: []))
      #expect(decode(wire) == whole)
    }
  }
}
