// Version 2 (§2.2): twelve bytes of signature, version and command, family and transport, two bytes of length, then
// addresses and TLVs of that length.
extension ProxyHeader {
  private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10] + Array("QUIT\n".utf8)

  static func parseBinary(_ bytes: UnsafeRawBufferPointer) throws(ProxyHeaderFault) -> ProxyHeader? {
    guard try begins(bytes, with: signature), bytes.count > 12 else { return nil }
    guard bytes[12] >> 4 == 2 else { throw .malformed("an unknown version") }
    guard bytes[12] & 15 <= 1 else { throw .malformed("an unknown command") }
    guard bytes.count >= 16 else { return nil }
    let length = 16 + Int(number(bytes, at: 14))
    guard length <= binaryLengthMax else { throw .tooLong }
    guard bytes.count >= length else { return nil }
    // Of LOCAL the rest is to be ignored, the family too.
    let client = bytes[12] & 15 == 0 ? .local : try client(of: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
    return ProxyHeader(client: client, length: length)
  }

  private static func client(of header: UnsafeRawBufferPointer) throws(ProxyHeaderFault) -> Client {
    let addressSize: Int
    switch header[13] {
    case 0x11: addressSize = 4
    case 0x21: addressSize = 16
    // Unspecified, and Unix sockets: nobody's address.
    case 0x00: return .unknown
    case 0x31:
      try checkTLVs(header, from: 16 + 216)
      return .unknown
    default: throw .malformed("neither TCP over IP nor a Unix stream")
    }
    let ports = 16 + 2 * addressSize
    try checkTLVs(header, from: ports + 4)
    return client(Array(header[16..<16 + addressSize]), port: number(header, at: ports))
  }

  /// TLVs are skipped, but they must fill the rest exactly.
  private static func checkTLVs(_ header: UnsafeRawBufferPointer, from start: Int) throws(ProxyHeaderFault) {
    guard start <= header.count else { throw .malformed("too short for its addresses") }
    var at = start
    while at < header.count {
      guard header.count - at >= 3 else { throw .malformed("a TLV that ends early") }
      at += 3 + Int(number(header, at: at + 1))
      guard at <= header.count else { throw .malformed("a TLV that is longer than the header") }
    }
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt16 {
    UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
  }
}
