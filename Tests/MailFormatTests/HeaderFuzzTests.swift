import MailFormat
import MailModel
import Testing

/// A small generator whose runs can be repeated: the seed stands in the failure message.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

@Suite struct HeaderFuzzTests {
  private static let pieces = [
    "\r\n", "\r", "\n", " ", "\t", ":", "Bcc: a@b", "bCC", "Return-Path: <>", "Received: x", "Date: y",
    "Message-ID: <z>", "Subject: t", "x", "\0", "\u{E9}", "\r\n\r\n", "\r\n\t", "A: b\r\n", "Resent-Bcc : q\r\n ",
  ].map { Array($0.utf8) }

  /// Whatever comes in, either a complete 55x reply comes out, or a header with these properties.
  @Test func propertiesHold() throws {
    let limits = HeaderLimits(sizeBytesMax: 300, receivedCountMax: 3, lineBytesMax: 60)
    for seed in 1...UInt64(6000) {
      var generator = SeededGenerator(seed: seed)
      let count = Int.random(in: 0...24, using: &generator)
      var header = (0..<count).flatMap { _ in Self.pieces.randomElement(using: &generator) ?? [] }
      if seed % 3 == 0 { header += [0x0D, 0x0A, 0x0D, 0x0A] }
      do {
        let received = facts()
        let result = try rewriteSubmissionHeader(header, received: received, messageIDDomain: "d", limits: limits)
        check(Array(result.dropFirst(received.field.utf8.count)), seed: seed)
      } catch {
        #expect([550, 552, 554].contains(error.reply.code) && error.reply.enhanced?.kind == 5, "seed \(seed)")
      }
    }
  }

  private func check(_ result: [UInt8], seed: UInt64) {
    var finder = HeaderSectionFinder()
    guard let end = finder.consume(result) else {
      Issue.record("no blank line, seed \(seed)")
      return
    }
    let lines = String(decoding: result[..<end], as: UTF8.self).components(of: "\r\n")
    let names = lines.filter { !$0.hasPrefix(" ") && !$0.hasPrefix("\t") && !$0.isEmpty }.map {
      $0.prefix { $0 != ":" }.filter { $0 != " " && $0 != "\t" }.lowercased()
    }
    #expect(!names.contains("bcc") && !names.contains("resent-bcc") && !names.contains("return-path"), "seed \(seed)")
    #expect(names.contains("date") && names.contains("message-id"), "seed \(seed)")
    #expect(names.filter { $0 == "received" }.count <= 3, "seed \(seed)")
    // A second pass finds nothing left to do but its own Received.
    let again = try? rewriteSubmissionHeader(Array(result[..<end]), received: facts(), messageIDDomain: "d")
    #expect(again?.dropFirst(facts().field.utf8.count).elementsEqual(result[..<end]) == true, "seed \(seed)")
  }
}

extension String {
  func components(of separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
