import Testing

@testable import Redis

@Suite("Reading replies")
struct ReplyReaderTests {
  private func read(_ text: String, packet: Int, _ limits: RedisReplyLimits = .init()) throws -> [RedisValue] {
    let reader = ReplyReader(limits: limits)
    let bytes = Array(text.utf8)
    var values: [RedisValue] = []
    for start in stride(from: 0, to: bytes.count, by: packet) {
      try bytes[start..<min(start + packet, bytes.count)].withUnsafeBytes { try reader.feed($0) }
      while let value = try reader.next() { values.append(value) }
    }
    return values
  }

  @Test("every kind, however it is cut into packets", arguments: [1, 2, 3, 7, 1000])
  func kinds(packet: Int) throws {
    let text =
      "+OK\r\n:-5\r\n$3\r\na\rb\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n*2\r\n:1\r\n$1\r\nx\r\n-ERR no\r\n*1\r\n$-1\r\n-WRONG kind of\r\n"
    let expected: [RedisValue] = [
      .status("OK"), .integer(-5), .bytes(Array("a\rb".utf8)), .bytes([]), .null, .null, .array([]),
      .array([.array([.integer(1), .bytes([120])]), .refusal(RedisRefusal("ERR no")), .array([.null])]),
      .refusal(RedisRefusal("WRONG kind of")),
    ]
    #expect(try read(text, packet: packet) == expected)
  }

  @Test("limits hold for what is announced and for what is sent")
  func limits() throws {
    var limits = RedisReplyLimits()
    (limits.sizeBytesMax, limits.elementsMax, limits.lineLengthMax) = (1000, 10, 100)
    let long = String(repeating: "x", count: 600)
    #expect(try read("*10\r\n" + String(repeating: ":1\r\n", count: 10), packet: 5, limits).count == 1)
    #expect(try read("$600\r\n\(long)\r\n$600\r\n\(long)\r\n", packet: 50, limits).count == 2)
    let refused = [
      "*11\r\n", "*2147483647\r\n", "*2\r\n*6\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n*6\r\n",
      "*2\r\n$600\r\n\(long)\r\n$600\r\n\(long)\r\n", "$2000\r\n\(long)\(long)", "+\(long)",
    ]
    for text in refused {
      for packet in [1, 50, 5000] {
        let error = #expect(throws: RedisError.self, "\(text.prefix(20))") { try read(text, packet: packet, limits) }
        #expect(error?.isProtocolViolation == true)
      }
    }
  }

  @Test("the arguments that an error repeats are cut off")
  func repeatedArguments() {
    let refusal = RedisRefusal("ERR unknown command 'AUHT', with args beginning with: 'secret' ")
    #expect(refusal == RedisRefusal("ERR unknown command 'AUHT'"))
  }

  @Test("no bytes whatever do harm")
  func anyBytes() {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("*$+-:,_#0123456789\r\n\r\nx".utf8)
    for _ in 0..<20_000 {
      let reader = ReplyReader(limits: .init())
      let bytes = (0..<Int.random(in: 1...60)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      try? bytes.withUnsafeBytes { try reader.feed($0) }
      while let value = try? reader.next() { _ = value.elements }
    }
  }
}
