package import MailModel

extension Reply {
  /// The reply as it goes on the wire (RFC 5321 §4.2, RFC 2034 §4): the code on every line, and the enhanced
  /// code where there is one. Octets that would break the line are replaced.
  package var wire: [UInt8] {
    var bytes: [UInt8] = []
    for (index, line) in lines.enumerated() {
      bytes += Array(String(code).utf8)
      bytes.append(index == lines.count - 1 ? Octet.space : UInt8(ascii: "-"))
      if let enhanced { bytes += Array("\(enhanced) ".utf8) }
      bytes += line.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
      bytes += [Octet.cr, Octet.lf]
    }
    return bytes
  }
}
