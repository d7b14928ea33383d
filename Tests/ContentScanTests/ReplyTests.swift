@testable import ContentScan
import Foundation
import Testing

@Suite struct ReplyTests {
  @Test(arguments: [
    ("stream: OK\0", MalwareVerdict.clean), ("stream: Eicar-Test-Signature FOUND\0", .infected("Eicar-Test-Signature")),
    ("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", .infected("Heuristics.Limits.Exceeded.MaxFileSize")),
    ("stream: {A} FOUND FOUND\0", .infected("{A} FOUND")), ("stream: a\r\nb(c) FOUND\0", .infected("a??b?c?")),
  ])
  func clamdSays(_ text: String, _ expected: MalwareVerdict) throws {
    #expect(try ClamdReply.parse(Array(text.utf8)) == expected)
  }

  @Test(arguments: [
    "", "stream: OK", "OK\0", "stream: \0", "stream:  FOUND", "stream: FOUND\0", " FOUND\0", "stream: ok\0",
    "stream: OK \0", "\0stream: OK\0", "UNKNOWN COMMAND\0", "HTTP/1.1 200 OK\0",
  ])
  func whatIsNoAnswerIsNotClean(_ text: String) {
    #expect(throws: ScannerFailure.self) { try ClamdReply.parse(Array(text.utf8)) }
  }

  @Test func clamdRefuses() {
    #expect(throws: ScannerFailure.tooLarge) {
      try ClamdReply.parse(Array("INSTREAM size limit exceeded. ERROR\0".utf8))
    }
    #expect(throws: ScannerFailure.refused("stream: Can't allocate memory ERROR")) {
      try ClamdReply.parse(Array("stream: Can't allocate memory ERROR\0".utf8))
    }
    #expect(throws: ScannerFailure.unreachable("it closed the connection without an answer")) {
      try ClamdReply.parse([])
    }
  }

  @Test func versions() throws {
    let official = try ClamdReply.version(Array("ClamAV 1.4.3/27500/Mon Jan  5 09:00:00 2026\0".utf8))
    #expect(official.program == "ClamAV 1.4.3" && official.signatures == "27500")
    #expect(official.signatureDate == "Mon Jan  5 09:00:00 2026")
    #expect(try ClamdReply.version(Array("ClamAV 1.4.3\0".utf8)).signatures == nil)
    #expect(throws: ScannerFailure.self) { try ClamdReply.version(Array("ClamAV 1.4.3".utf8)) }
  }

  @Test func rspamdSays() throws {
    let text = """
      {"is_skipped": false, "score": 7.25, "required_score": 15.0, "action": "add header",
       "symbols": {"A": {"name": "A", "score": 0.1}, "B(x)": {"score": 7.0}, "C": {"score": 0.15, "options": ["x"]}},
       "messages": {}, "message-id": "x", "time_real": 0.1}
      """
    #expect(
      try RspamdReply.parse(Array(text.utf8))
        == SpamVerdict(score: 7.25, requiredScore: 15, action: .addHeader, symbols: ["B?x?", "C", "A"]))
  }

  /// As for GTUBE, and below its own limit.
  @Test func whatOneRuleDecides() throws {
    for text in [
      #"{"is_skipped": true, "score": 15.0, "required_score": 15.0, "action": "reject", "symbols": {"GTUBE": {"score": 0}}}"#,
      #"{"is_skipped": false, "score": 1.0, "required_score": 15.0, "action": "reject"}"#,
    ] {
      #expect(try RspamdReply.parse(Array(text.utf8)).isForced)
    }
    let scored = #"{"is_skipped": false, "score": 15.0, "required_score": 15.0, "action": "reject"}"#
    #expect(try !RspamdReply.parse(Array(scored.utf8)).isForced)
  }

  @Test(arguments: [
    "", "{}", "[]", "null", "not json", #"{"score": 1}"#, #"{"action": "no action"}"#,
    #"{"score": "1", "action": "reject"}"#,
    #"{"score": 1e999, "action": "no action"}"#, #"{"score": 1, "action": "let it pass"}"#,
    #"{"score": 1, "action": "no action""#, #"{"score": 0}"#,
    #"{"error": "cannot parse"}"#, #"{"score": 0, "action": "no action", "error": "something"}"#,
  ])
  func whatIsNoAnswerIsNoHam(_ text: String) {
    #expect(throws: ScannerFailure.self) { try RspamdReply.parse(Array(text.utf8)) }
  }

  /// Whatever comes, the parsers end with an answer or a failure; only one octet sequence means clean.
  @Test(arguments: 0..<8) func fuzz(_ seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let clamd = ["stream: OK\0", "stream: Eicar FOUND\0", "stream: x ERROR\0"].map { Array($0.utf8) }
    let rspamd = Array(
      #"{"score": 1.5, "required_score": 15, "action": "no action", "symbols": {"A": {"score": 1.5}}}"#.utf8)
    for _ in 0..<3000 {
      let bytes = mutated(clamd.randomElement(using: &random) ?? [], using: &random)
      do {
        let verdict = try ClamdReply.parse(bytes)
        // What follows the end is not read.
        if verdict == .clean { #expect(bytes.starts(with: clamd[0]), "seed \(seed): \(bytes)") }
        if case .infected(let name) = verdict {
          #expect(name.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "seed \(seed): \(bytes)")
        }
      } catch {}
      let json = mutated(rspamd, using: &random)
      do {
        let verdict = try RspamdReply.parse(json)
        #expect(verdict.score.isFinite, "seed \(seed): \(json)")
        #expect(
          verdict.symbols.allSatisfy { $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }, "seed \(seed): \(json)")
      } catch {}
    }
  }

  private func mutated(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let at = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1 where at < bytes.count: bytes.remove(at: at)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
      default: bytes = Array(bytes.prefix(at))
      }
    }
    return bytes
  }
}

/// SplitMix64: the same seed, the same inputs.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
