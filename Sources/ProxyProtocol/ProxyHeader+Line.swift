#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

// Version 1 (§2.1): PROXY TCP4 192.0.2.1 192.0.2.2 51234 465<CRLF>
extension ProxyHeader {
  static func parseLine(_ bytes: UnsafeRawBufferPointer) throws(ProxyHeaderFault) -> ProxyHeader? {
    guard try begins(bytes, with: Array("PROXY ".utf8)) else { return nil }
    guard let end = try lineEnd(bytes) else { return nil }
    let line = String(decoding: bytes[..<end], as: UTF8.self)
    return ProxyHeader(client: try client(line: line), length: end + 2)
  }

  /// Where CRLF begins. CR and LF alone end nothing and belong to nothing.
  private static func lineEnd(_ bytes: UnsafeRawBufferPointer) throws(ProxyHeaderFault) -> Int? {
    let head = bytes.prefix(lineLengthMax)
    guard let end = head.firstIndex(where: { $0 == 0x0D || $0 == 0x0A }) else {
      guard head.count < lineLengthMax else { throw .tooLong }
      return nil
    }
    guard bytes[end] == 0x0D else { throw .malformed("LF without CR") }
    guard end + 1 < lineLengthMax else { throw .tooLong }
    guard end + 1 < bytes.count else { return nil }
    guard bytes[end + 1] == 0x0A else { throw .malformed("CR without LF") }
    return end
  }

  private static func client(line: String) throws(ProxyHeaderFault) -> Client {
    let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    // Whatever follows UNKNOWN is to be ignored.
    if words[1] == "UNKNOWN" { return .unknown }
    guard words.count == 6 else { throw .malformed("the line has not six words") }
    let family: Int32
    switch words[1] {
    case "TCP4": family = AF_INET
    case "TCP6": family = AF_INET6
    default: throw .malformed("an unknown protocol")
    }
    guard let source = address(words[2], family), address(words[3], family) != nil else {
      throw .malformed("an address of another form")
    }
    guard let sourcePort = port(words[4]), port(words[5]) != nil else { throw .malformed("a port of another form") }
    return client(source, port: sourcePort)
  }

  private static func address(_ text: String, _ family: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
    // A C string would end at NUL.
    guard !text.utf8.contains(0), inet_pton(family, text, &bytes) == 1 else { return nil }
    return bytes
  }

  /// A decimal number without leading zeros.
  private static func port(_ text: String) -> UInt16? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text == "0" || text.first != "0" else { return nil }
    return UInt16(text)
  }
}
