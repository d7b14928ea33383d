import SMTPWire
import Testing

@Suite struct DataDecoderTests {
  struct Result: Equatable {
    var content: [UInt8] = []
    var outcomes: [DataDecoder.Outcome] = []
    var left: [UInt8] = []
  }

  static func decode(_ pieces: [ArraySlice<UInt8>], lineLengthMax: Int = 60, sizeMax: Int = 400) -> Result {
    var decoder = DataDecoder(
      limits: .init(lineLengthMax: lineLengthMax, sizeMax: sizeMax), isDotTerminated: true)
    var result = Result()
    for piece in pieces {
      var rest = piece
      while !rest.isEmpty {
        guard result.outcomes.last != .end, result.outcomes.last != .irregularEnd else {
          result.left += rest
          break
        }
        let (consumed, outcome) = rest.withUnsafeBytes { decoder.decode($0) { result.content += $0 } }
        rest = rest.dropFirst(consumed)
        if let outcome { result.outcomes.append(outcome) }
      }
    }
    return result
  }

  static func decode(_ text: String) -> Result { decode([Array(text.utf8)[...]]) }

  @Test(arguments: [
    (".\r\n", ""), ("\r\n.\r\n", "\r\n"), ("a\r\n.\r\n", "a\r\n"), ("..\r\n.\r\n", ".\r\n"), ("..a\r\n.\r\n", ".a\r\n"),
    (".a\r\n.\r\n", "a\r\n"), ("a.\r\n.b.\r\n.\r\n", "a.\r\nb.\r\n"), ("\r\n\r\n..\r\n\r\n.\r\n", "\r\n\r\n.\r\n\r\n"),
    ("a\0b\r\n.\r\n", "a\0b\r\n"),
  ])
  func decodes(_ wire: String, _ content: String) {
    let result = Self.decode(wire + "NOOP\r\n")
    #expect(result.content == Array(content.utf8))
    #expect(result.outcomes == [.end])
    #expect(result.left == Array("NOOP\r\n".utf8))
  }

  @Test(arguments: ["a", "a\r\n", "a\r\n.", "a\r\n.\r", "a\r\n..\r\n", "a\r\n.x\r\n", "a.\r\n"])
  func doesNotEndEarly(_ wire: String) { #expect(Self.decode(wire).outcomes.isEmpty) }

  @Test(arguments: [
    ("a\nb\r\n.\r\n", DataDecoder.Outcome.fault(.bare(.lf)), DataDecoder.Outcome.end),
    ("a\rb\r\n.\r\n", .fault(.bare(.cr)), .end), ("\r\r\n.\r\n", .fault(.bare(.cr)), .end),
    ("a\r\n\n.\r\n", .fault(.bare(.lf)), .irregularEnd), ("a\n.\n", .fault(.bare(.lf)), .irregularEnd),
    ("a\r\n.\n", .fault(.bare(.lf)), .irregularEnd), ("a\r\n.\rb", .fault(.bare(.cr)), .irregularEnd),
    ("a\r.\r\n", .fault(.bare(.cr)), .irregularEnd), ("\n\r\n.\r\n", .fault(.bare(.lf)), .end),
  ])
  func bareLineEnds(_ wire: String, _ first: DataDecoder.Outcome, _ last: DataDecoder.Outcome) {
    #expect(Self.decode(wire).outcomes == [first, last])
  }

  @Test func limits() {
    let line = String(repeating: "x", count: 60)
    #expect(Self.decode(line + "\r\n.\r\n").outcomes == [.end])
    #expect(Self.decode("." + line + "\r\n.\r\n").outcomes == [.end])
    #expect(Self.decode(line + "x\r\n.\r\n").outcomes == [.fault(.lineTooLong), .end])
    #expect(Self.decode(String(repeating: line + "\r\n", count: 7) + ".\r\n").outcomes == [.fault(.tooLarge), .end])
    #expect(Self.decode(String(repeating: "x", count: 398) + "\r\n.\r\n").outcomes == [.fault(.lineTooLong), .end])
  }

  /// The plain reading of RFC 5321 §4.1.1.4 and §4.5.2, octet by octet, for comparison.
  private static func oracle(_ bytes: [UInt8]) -> (content: [UInt8], consumed: Int)? {
    var (content, at): ([UInt8], Int) = ([], 0)
    while at < bytes.count {
      guard let end = (at..<bytes.count).first(where: { bytes[$0] == 10 || bytes[$0] == 13 }),
        end + 1 < bytes.count, bytes[end] == 13, bytes[end + 1] == 10
      else { return nil }
      var line = bytes[at..<end]
      at = end + 2
      if line.elementsEqual([46]) { return (content, at) }
      if line.first == 46 { line = line.dropFirst() }
      guard line.count <= 60 else { return nil }
      content += line + [13, 10]
      guard content.count <= 400 else { return nil }
    }
    return nil
  }

  @Test func fuzzed() {
    var mutator = Mutator(
      [
        "Subject: x\r\n\r\nText\r\n.\r\n", "..\r\n.a\r\n\r\n.\r\nNOOP\r\n", ".\r\n", "\r\n.\r\nMAIL FROM:<a@b>\r\n",
        String(repeating: "a line of text\r\n", count: 25) + ".\r\n", String(repeating: "x", count: 70) + "\r\n.\r\n",
      ], seed: 4)
    for _ in 0..<ParserFuzzTests.runs {
      let bytes = mutator.next()
      let whole = Self.decode([bytes[...]])
      let split = Self.decode(mutator.pieces(of: bytes))
      #expect(whole.outcomes == split.outcomes)
      #expect(whole.left == split.left)
      if let (content, consumed) = Self.oracle(bytes) {
        #expect(whole.outcomes == [.end])
        #expect(whole.content == content && split.content == content)
        #expect(whole.left == Array(bytes[consumed...]))
      } else {
        #expect(whole.outcomes.first != .end)
        if whole.outcomes.isEmpty { #expect(whole.content == split.content) }
      }
    }
  }

  /// Octets in chunks are neither lost nor made, whatever they are and however they are cut.
  @Test func chunksFuzzed() {
    var mutator = Mutator(["Subject: x\r\n\r\nText\r\n.\r\n..\r\n", "a\r\nb", "\r\n", ".\r\n.\r\n"], seed: 5)
    for _ in 0..<ParserFuzzTests.runs {
      let bytes = mutator.next()
      var decoder = DataDecoder(limits: .init(lineLengthMax: 500, sizeMax: 5000), isDotTerminated: false)
      var content: [UInt8] = []
      for piece in mutator.pieces(of: bytes) {
        var rest = piece
        while !rest.isEmpty {
          rest = rest.dropFirst(rest.withUnsafeBytes { decoder.decode($0) { content += $0 } }.consumed)
        }
      }
      let fault = decoder.finish { content += $0 }
      let isClean = Self.isClean(bytes)
      #expect((fault == nil) == isClean)
      if isClean { #expect(content == bytes + (bytes.isEmpty || bytes.suffix(2) == [13, 10] ? [] : [13, 10])) }
    }
  }

  private static func isClean(_ bytes: [UInt8]) -> Bool {
    for (index, byte) in bytes.enumerated() {
      if byte == 10, index == 0 || bytes[index - 1] != 13 { return false }
      if byte == 13, index + 1 == bytes.count || bytes[index + 1] != 10 { return false }
    }
    return true
  }
}
