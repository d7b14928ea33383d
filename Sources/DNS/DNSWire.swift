/// Record data as the wire has it (RFC 1035 §3.3), read with strict bounds.
///
/// libunbound hands out each record's data alone and with names already decompressed, so a compression
/// pointer in here is an error, not something to follow.
package enum DNSWire {
  /// `nil`: not a well-formed MX record.
  package static func mx(_ data: UnsafeRawBufferPointer) -> MXRecord? {
    guard data.count >= 3 else { return nil }
    let preference = UInt16(data[0]) << 8 | UInt16(data[1])
    guard let (name, end) = name(data, at: 2), end == data.count else { return nil }
    return MXRecord(preference: preference, exchange: name)
  }

  /// Four bytes are an IPv4 address, sixteen an IPv6 address.
  package static func address(_ data: UnsafeRawBufferPointer, family: IPAddress.Family) -> IPAddress? {
    guard data.count == (family == .v4 ? 4 : 16) else { return nil }
    return IPAddress(bytes: Array(data))
  }

  /// The character-strings of one TXT record joined, as SPF and DKIM want them (RFC 7208 §3.3).
  package static func text(_ data: UnsafeRawBufferPointer) -> [UInt8]? {
    guard !data.isEmpty else { return nil }
    var result: [UInt8] = []
    var position = 0
    while position < data.count {
      let next = position + 1 + Int(data[position])
      guard next <= data.count else { return nil }
      result += data[position + 1..<next]
      position = next
    }
    return result
  }

  /// An uncompressed name: labels of 1...63 bytes, at most 255 bytes in all, ended by the root.
  static func name(_ data: UnsafeRawBufferPointer, at start: Int) -> (text: String, end: Int)? {
    var text: [UInt8] = []
    var position = start
    while true {
      guard position < data.count else { return nil }
      let length = Int(data[position])
      guard length <= 63, position + 1 + length <= data.count, position + 1 + length - start <= 255 else { return nil }
      position += 1 + length
      if length == 0 { return (String(decoding: text, as: UTF8.self), position) }
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      for byte in data[position - length..<position] { append(byte, to: &text) }
    }
  }

  private static func append(_ byte: UInt8, to text: inout [UInt8]) {
    if DomainName.isHostByte(byte) {
      text.append(byte)
    } else {
      // RFC 1035 §5.1: \DDD keeps an inner dot or a control character from changing the name.
      text += [UInt8(ascii: "\\"), 48 + byte / 100, 48 + byte / 10 % 10, 48 + byte % 10]
    }
  }
}
