/// Base 64 as SASL uses it (RFC 4648 §4): padded, no line breaks, nothing ignored.
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var encoded: [UInt8] = []
    encoded.reserveCapacity((bytes.count + 2) / 3 * 4)
    var (word, held) = (UInt32(0), 0)
    for byte in bytes {
      word = word << 8 | UInt32(byte)
      held += 8
      while held >= 6 {
        held -= 6
        encoded.append(alphabet[Int(word >> UInt32(held) & 63)])
      }
    }
    if held > 0 { encoded.append(alphabet[Int(word << UInt32(6 - held) & 63)]) }
    while encoded.count % 4 != 0 { encoded.append(UInt8(ascii: "=")) }
    return encoded
  }

  /// - Returns: nil for any octet outside of the alphabet, wrong padding or stray bits.
  package static func decode(_ bytes: some Collection<UInt8>) -> [UInt8]? {
    guard bytes.count % 4 == 0 else { return nil }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count / 4 * 3)
    var (word, held, padding) = (UInt32(0), 0, 0)
    for byte in bytes {
      if byte == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      guard padding == 0, let value = value(byte) else { return nil }
      word = word << 6 | value
      held += 6
      if held >= 8 {
        held -= 8
        decoded.append(UInt8(truncatingIfNeeded: word >> UInt32(held)))
      }
    }
    guard padding <= 2, held == padding * 2, word & (1 << UInt32(held) - 1) == 0 else { return nil }
    return decoded
  }

  /// What a digit stands for; nil for any other octet.
  package static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5A: UInt32(byte) - 0x41
    case 0x61...0x7A: UInt32(byte) - 0x61 + 26
    case 0x30...0x39: UInt32(byte) - 0x30 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
