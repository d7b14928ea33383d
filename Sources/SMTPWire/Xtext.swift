/// `xtext` (RFC 3461 §4): printable ASCII, with `+XX` for everything else.
package enum Xtext {
  /// - Returns: the octets, or nil when it is not well formed (lower-case hexadecimal is not).
  package static func decode(_ bytes: some Collection<UInt8>) -> [UInt8]? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
      guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: "=") else { return nil }
      if byte == UInt8(ascii: "+") {
        guard let high = iterator.next().flatMap(value), let low = iterator.next().flatMap(value) else { return nil }
        decoded.append(high << 4 | low)
      } else {
        decoded.append(byte)
      }
    }
    return decoded
  }

  package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in bytes {
      if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
        encoded.append(byte)
      } else {
        encoded += [UInt8(ascii: "+"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return encoded
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x37
    default: nil
    }
  }
}
