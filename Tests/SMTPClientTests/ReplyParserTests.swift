import MailModel
import SMTPWire
import Testing

@Suite struct ReplyParserTests {
  /// Parses everything; `step` bytes at a time must not make a difference.
  private func parse(_ text: String, step: Int = .max) throws -> [Reply] {
    var parser = ReplyParser()
    var replies: [Reply] = []
    var rest = unescape(text)[...]
    while !rest.isEmpty {
      parser.append(rest.prefix(step))
      rest = rest.dropFirst(step)
      while let reply = try parser.next() { replies.append(reply) }
    }
    return replies
  }

  @Test func replies() throws {
    let text =
      "220 mx\\r\\n250-mx.test\\r\\n250-SIZE 10\\r\\n250 OK\\r\\n550-5.1.1 no\\r\\n550 5.1.1 such user\\r\\n354\\r\\n421\\n"
    let expected = [
      Reply(220, nil, "mx"), Reply(250, nil, "mx.test\nSIZE 10\nOK"),
      Reply(550, EnhancedStatus(5, 1, 1), "no\nsuch user"),
      Reply(354, nil, ""), Reply(421, nil, ""),
    ]
    for step in [1, 2, 3, 7, 1000] { #expect(try parse(text, step: step) == expected) }
  }

  @Test func enhancedCodes() throws {
    let cases: [(String, EnhancedStatus?, String)] = [
      ("250 2.1.5 ok", EnhancedStatus(2, 1, 5), "ok"), ("250 2.1.5", EnhancedStatus(2, 1, 5), ""),
      ("250 5.1.5 ok", nil, "5.1.5 ok"), ("250 2.1 ok", nil, "2.1 ok"), ("250 2.1.5.6 ok", nil, "2.1.5.6 ok"),
      ("250 2.1.5ok", nil, "2.1.5ok"), ("550 5.7.999 x", EnhancedStatus(5, 7, 999), "x"),
      ("354 3.0.0 x", nil, "3.0.0 x"),
    ]
    for (line, enhanced, text) in cases {
      #expect(
        try parse(line + "\\r\\n") == [
          Reply(code: Int(line.prefix(3)) ?? 0, enhanced: enhanced, lines: [Array(text.utf8)])
        ])
    }
    // A line without it keeps its text whole.
    let mixed = try parse("550-5.1.1 a\\r\\n550 5.2.2 b\\r\\n")
    #expect(mixed == [Reply(550, EnhancedStatus(5, 1, 1), "a\n5.2.2 b")])
  }

  @Test func anyBytesAreText() throws {
    #expect(try parse("250 \\xff\\x00\\x1b[31m\\r\\n").first?.lines == [[0xFF, 0, 0x1B] + Array("[31m".utf8)])
  }

  @Test(arguments: [
    ("25\\r\\n", ReplyFault.notAReply), ("\\r\\n", .notAReply), ("HTTP/1.1 200 OK\\r\\n", .notAReply),
    ("150 x\\r\\n", .notAReply),
    ("600 x\\r\\n", .notAReply), ("250x\\r\\n", .notAReply), ("250\\tx\\r\\n", .notAReply),
    ("2 50 x\\r\\n", .notAReply),
    ("٢٥٠ x\\r\\n", .notAReply), ("250-a\\r\\n251 b\\r\\n", .codesDiffer), ("250-a\\r\\n\\r\\n", .notAReply),
  ])
  func refused(_ text: String, _ fault: ReplyFault) {
    #expect(throws: fault) { _ = try parse(text) }
  }

  @Test func limits() throws {
    let longest = "250 " + String(repeating: "x", count: ReplyParser.lineSizeMax - 5)
    #expect(try parse(longest + "\\r\\n").count == 1)
    #expect(throws: ReplyFault.lineTooLong) { _ = try parse(longest + "xx\\r\\n") }
    #expect(throws: ReplyFault.lineTooLong) { _ = try parse(longest + "xxx", step: 100) }
    #expect(throws: ReplyFault.tooManyLines) { _ = try parse(String(repeating: "250-x\\r\\n", count: 513)) }
    let big = "250-" + String(repeating: "x", count: 4000) + "\\r\\n"
    #expect(throws: ReplyFault.tooManyLines) { _ = try parse(String(repeating: big, count: 17)) }
  }

  /// Whatever comes: no trap, no unbounded memory, and the same replies however it is cut.
  @Test func random() {
    var generator = SeededGenerator(seed: 0x5EED_0002)
    let words = ["250", "354", "550", "-", " ", "\r\n", "\n", "\r", "2.1.5", "5.1.1 x", "\u{0}", "abc", "999", "4"]
    for _ in 0..<6000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        if Bool.random(using: &generator) {
          bytes += Array((words.randomElement(using: &generator) ?? "").utf8)
        } else {
          bytes.append(UInt8.random(in: 0...255, using: &generator))
        }
      }
      let whole = outcome(bytes, step: .max)
      #expect(whole == outcome(bytes, step: Int.random(in: 1...5, using: &generator)))
    }
  }

  private struct Outcome: Equatable {
    var replies: [Reply] = []
    var fault: ReplyFault?
  }

  private func outcome(_ bytes: [UInt8], step: Int) -> Outcome {
    var parser = ReplyParser()
    var result = Outcome()
    var rest = bytes[...]
    do throws(ReplyFault) {
      while !rest.isEmpty {
        parser.append(rest.prefix(step))
        rest = rest.dropFirst(step)
        while let reply = try parser.next() { result.replies.append(reply) }
      }
    } catch {
      result.fault = error
    }
    return result
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
