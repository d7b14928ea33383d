import ProxyProtocol
import Testing

func parse(_ bytes: [UInt8]) throws -> ProxyHeader? { try bytes.withUnsafeBytes { try ProxyHeader.parse($0) } }

/// A binary header. `length` may lie.
func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
  let length = length ?? rest.count
  return [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, command, family]
    + [UInt8(length >> 8), UInt8(length & 255)] + rest
}

let version4: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0xC8, 0x22, 0x01, 0xD1]
let version6: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1]

@Suite struct ProxyHeaderTests {
  static let client4 = ProxyHeader.Client.address([192, 0, 2, 1], port: 51234)

  @Test(arguments: [
    ("PROXY TCP4 192.0.2.1 192.0.2.2 51234 465\r\n", client4),
    ("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", .address(version6, port: 0)),
    ("PROXY TCP6 ::ffff:192.0.2.1 ::1 51234 465\r\n", client4),
    ("PROXY TCP6 \(longest) \(longest) 65535 65535\r\n", .address(Array(repeating: 255, count: 16), port: 65535)),
    ("PROXY UNKNOWN\r\n", .unknown),
    ("PROXY UNKNOWN \(longest) \(longest) 65535 65535\r\n", .unknown),
  ])
  func lines(_ text: String, _ client: ProxyHeader.Client) throws {
    let header = try #require(try parse(Array((text + "EHLO x\r\n").utf8)))
    #expect(header.client == client)
    #expect(header.length == text.utf8.count)
  }

  private static let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

  @Test(arguments: [
    "EHLO client.example\r\n", "PROXY\r\n", "proxy TCP4 192.0.2.1 192.0.2.2 51234 465\r\n", "\r\n\r\nEHLO",
    "\u{16}\u{3}\u{1}",
  ])
  func somethingElse(_ text: String) {
    #expect(throws: ProxyHeaderFault.noHeader) { try parse(Array(text.utf8)) }
  }

  @Test(arguments: [
    "PROXY TCP4 192.0.2.1 192.0.2.2 51234 465\n", "PROXY TCP4 192.0.2.1 192.0.2.2 51234 465\r\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 51234\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 51234 465 x\r\n",
    "PROXY  TCP4 192.0.2.1 192.0.2.2 51234 465\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 51234 465 \r\n",
    "PROXY TCP4 192.0.2.01 192.0.2.2 51234 465\r\n", "PROXY TCP4 192.0.2 192.0.2.2 51234 465\r\n",
    "PROXY TCP4 ::1 ::1 51234 465\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 51234 465\r\n",
    "PROXY TCP6 fe80::1%lo ::1 51234 465\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 051 465\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 65536 465\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 465\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 -1 465\r\n", "PROXY TCP4 192.0.2.1\u{0} 192.0.2.2 1 465\r\n",
    "PROXY UDP4 192.0.2.1 192.0.2.2 51234 465\r\n", "PROXY UNKNOWNS\r\n", "PROXY \r\n",
    "PROXY tcp4 192.0.2.1 192.0.2.2 51234 465\r\n", "PROXY TCP4\t192.0.2.1 192.0.2.2 51234 465\r\n",
  ])
  func badLines(_ text: String) {
    #expect {
      try parse(Array(text.utf8))
    } throws: { error in
      if case .malformed? = error as? ProxyHeaderFault { true } else { false }
    }
  }

  /// 107 bytes are allowed, CRLF included; a line that is longer is refused before its end has come.
  @Test func longLines() throws {
    let fitting = "PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"
    #expect(try parse(Array(fitting.utf8))?.length == 107)
    #expect(throws: ProxyHeaderFault.tooLong) {
      try parse(Array("PROXY UNKNOWN ".utf8) + Array(repeating: 0x78, count: 92) + [13])
    }
    #expect(throws: ProxyHeaderFault.tooLong) {
      try parse(Array("PROXY UNKNOWN ".utf8) + Array(repeating: 0x78, count: 93))
    }
    #expect(try parse(Array("PROXY UNKNOWN ".utf8) + Array(repeating: 0x78, count: 92)) == nil)
  }

  @Test(arguments: [
    (binary(0x21, 0x11, version4), client4),
    (binary(0x21, 0x11, version4 + [0x04, 0, 3, 1, 2, 3, 0x20, 0, 0]), client4),
    (
      binary(0x21, 0x21, version6 + version6 + [0xC8, 0x22, 0x01, 0xD1]),
      ProxyHeader.Client.address(version6, port: 51234)
    ),
    (
      binary(
        0x21, 0x21, Array(repeating: 0, count: 10) + [255, 255, 192, 0, 2, 1] + version6 + [0xC8, 0x22, 0x01, 0xD1]),
      client4
    ),
    (binary(0x20, 0x00, []), .local), (binary(0x20, 0x11, version4), .local), (binary(0x20, 0xFF, [1, 2]), .local),
    (binary(0x21, 0x00, []), .unknown), (binary(0x21, 0x00, [9, 9]), .unknown),
    (binary(0x21, 0x31, Array(repeating: 0, count: 216)), .unknown),
    (binary(0x21, 0x11, version4 + [4, 0x0F, 0xE1] + Array(repeating: 0, count: 0xFE1)), client4),
  ])
  func binaryHeaders(_ bytes: [UInt8], _ client: ProxyHeader.Client) throws {
    let header = try #require(try parse(bytes + Array("EHLO x\r\n".utf8)))
    #expect(header.client == client)
    #expect(header.length == bytes.count)
    for count in 0..<bytes.count { #expect(try parse(Array(bytes.prefix(count))) == nil) }
  }

  @Test(arguments: [
    binary(0x11, 0x11, version4), binary(0x31, 0x11, version4), binary(0x22, 0x11, version4),
    binary(0x21, 0x12, version4), binary(0x21, 0x13, version4), binary(0x21, 0x41, version4),
    binary(0x21, 0x01, version4), binary(0x21, 0x11, Array(version4.dropLast())), binary(0x21, 0x21, version4),
    binary(0x21, 0x31, version4), binary(0x21, 0x11, version4 + [4, 0]), binary(0x21, 0x11, version4 + [4, 0, 1]),
    binary(0x21, 0x11, version4 + [4, 0xFF, 0xFF, 0]),
  ])
  func badBinaryHeaders(_ bytes: [UInt8]) {
    #expect {
      try parse(bytes)
    } throws: { error in
      if case .malformed? = error as? ProxyHeaderFault { true } else { false }
    }
  }

  /// Refused by its length alone.
  @Test func longBinaryHeader() {
    #expect(throws: ProxyHeaderFault.tooLong) { try parse(binary(0x21, 0x11, [], length: 4081)) }
    #expect(throws: ProxyHeaderFault.tooLong) { try parse(binary(0x20, 0x00, [], length: 65535)) }
  }
}
