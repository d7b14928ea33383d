import Cryptography
import DKIM
import MailTesting
import Testing

@Suite struct BodyTests {
  /// RFC 6376 §3.4.5.
  @Test func theExampleOfTheRFC() {
    #expect(hash([Array(" C \r\nD \t E\r\n\r\n\r\n".utf8)]) == SHA256.digest(Array(" C\r\nD E\r\n".utf8)))
  }

  /// RFC 6376 §3.4.4 with its erratum: an empty body has an empty form.
  @Test(arguments: ["", "\r\n", "\r\n\r\n", " \t\r\n \r\n", "  "])
  func nothingStaysNothing(_ body: String) {
    #expect(hash([Array(body.utf8)]) == SHA256.digest([]))
  }

  @Test func howABodyComesMakesNoDifference() {
    for seed in 1...UInt64(3000) {
      var generator = SeededGenerator(seed: seed)
      let body = Self.hostile(pieces: Int.random(in: 0...60, using: &generator), &generator)
      var pieces: [[UInt8]] = []
      var rest = body[...]
      while !rest.isEmpty {
        let part = rest.prefix(Int.random(in: 0...9, using: &generator))
        pieces.append(Array(part))
        rest = rest.dropFirst(part.count)
      }
      let expected = SHA256.digest(Self.relaxedAsDescribed(body))
      #expect(hash([body]) == expected, "seed \(seed)")
      #expect(hash(pieces) == expected, "in pieces, seed \(seed)")
      #expect(hash(body.map { [$0] }) == expected, "octet by octet, seed \(seed)")
    }
  }

  /// More than fits into any buffer: white space and empty lines are counted, not kept.
  @Test func whatMayBeTheEndTakesNoRoom() {
    let filler = [UInt8](repeating: 0x20, count: 1 << 20) + [0x0D, 0x0A]
    let lines = Array(repeatElement([UInt8(0x0D), 0x0A], count: 100_000).joined())
    let text = Array("x\r\n".utf8)
    #expect(hash([text, filler, lines]) == SHA256.digest(text))
    #expect(hash([text, filler, lines, text]) == SHA256.digest(text + [0x0D, 0x0A] + lines + text))
  }

  /// Bodies of octets and their combinations that a hasher could take for something else, as an acceptor lets them in:
  /// without a lone CR or LF, and with a line's end at the end. The verifiers must agree.
  @Test func hostileBodiesVerify() throws {
    var messages: [[UInt8]] = []
    for seed in 1...UInt64(120) {
      var generator = SeededGenerator(seed: seed)
      let body = Self.withoutLoneLineEnds(Self.hostile(pieces: 40, &generator)) + [0x0D, 0x0A]
      messages.append(try Signing.sign(pieces: [body]))
    }
    for (number, found) in try VerifiedSignature.verify(messages, records: Signing.records).enumerated() {
      #expect(found.count == 2 && found.allSatisfy { $0.isGood }, "seed \(number + 1): \(found)")
    }
  }

  private func hash(_ pieces: [[UInt8]]) -> [UInt8] {
    var hasher = BodyHasher()
    for piece in pieces { piece.withUnsafeBytes { hasher.update($0) } }
    return hasher.finish()
  }

  private static let octets: [[UInt8]] = [
    [0x0D], [0x0A], [0x0D, 0x0A], [0x0D, 0x0A], [0x20], [0x09], [0x20, 0x0D, 0x0A], [0x61], [0x2E], [0x00], [0xFF],
    [0xC3, 0xA9], [0x0B], [0x0C], [0x85], [0x0D, 0x0D, 0x0A], [0x0D, 0x0A, 0x0A],
    Array("a line that is in its relaxed form already, and long enough to go to the hash from where it is".utf8),
  ]

  private static func hostile(pieces: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    (0..<pieces).flatMap { _ in octets.randomElement(using: &generator) ?? [] }
  }

  private static func withoutLoneLineEnds(_ body: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    for (index, byte) in body.enumerated() {
      if byte == 0x0D, index + 1 == body.count || body[index + 1] != 0x0A { continue }
      if byte == 0x0A, result.last != 0x0D { continue }
      result.append(byte)
    }
    return result
  }

  /// The words of RFC 6376 §3.4.4, one after the other, on the whole body.
  private static func relaxedAsDescribed(_ body: [UInt8]) -> [UInt8] {
    var lines: [[UInt8]] = [[]]
    var index = 0
    while index < body.count {
      if body[index] == 0x0D, index + 1 < body.count, body[index + 1] == 0x0A {
        lines.append([])
        index += 2
      } else {
        lines[lines.count - 1].append(body[index])
        index += 1
      }
    }
    lines = lines.map { line in
      var reduced: [UInt8] = []
      for byte in line.map({ $0 == 0x09 ? 0x20 : $0 }) where !(byte == 0x20 && reduced.last == 0x20) {
        reduced.append(byte)
      }
      if reduced.last == 0x20 { reduced.removeLast() }
      return reduced
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.flatMap { $0 + [0x0D, 0x0A] }
  }
}
