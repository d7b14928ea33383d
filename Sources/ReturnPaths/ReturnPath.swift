// Return paths that name the message they belong to, and that nobody else can make.
//
// `b-<id>-<rest>@<host>`: the message's queue id in its usual form, then the day it was accepted on, the recipient and a
// code (HMAC-SHA256) over all of it and the host, 24 characters of the same base 32. So whoever answers at such an
// address has seen the message, and an address is valid at the host only that it was made for: no list of hosts is
// needed to know that mail is not to be relayed. Letter case and quotes do not matter; the local part has 53 octets of
// the 64 that RFC 5321 §4.5.3.1.1 allows.
package import Cryptography
package import MailModel

/// Which message, and perhaps which recipient, an address stands for.
package struct ReturnPath: Sendable, Hashable {
  package let message: QueueID
  /// Days since 1970 of the UTC day on which the message was accepted.
  package let day: Int32
  /// The recipient's place in the message, from 1; nil: the message went to several at once.
  package let recipient: Int32?

  package init(message: QueueID, day: Int32, recipient: Int32?) {
    self.message = message
    self.day = day
    self.recipient = recipient
  }
}

/// Makes and verifies return paths.
///
/// The key comes from the master keys: the newest signs, all verify. So a rotation of the master key invalidates
/// nothing before the old key is taken out of the file.
package struct ReturnPathKeys: Sendable {
  private let signing: [UInt8]
  private let verifying: [[UInt8]]
  private static let codeSize = 10
  private static let dayMax: Int32 = 0xFFFF
  private static let recipientMax: Int32 = 0xFF_FFFF

  package init(_ master: MasterKey) {
    let keys = master.derived(for: "postrider return path")
    verifying = keys.reversed()
    signing = keys.last ?? []
  }

  /// - Parameter host: the tenant's return-path host.
  /// - Returns: nil when the path cannot be written so: a recipient beyond 16 million.
  package func address(for path: ReturnPath, at host: String) -> MailAddress? {
    let recipient = path.recipient ?? 0
    guard (0...Self.dayMax).contains(path.day), (0...Self.recipientMax).contains(recipient) else { return nil }
    let facts = Self.facts(path)
    let code = Self.code(path, facts, host: host, key: signing)
    return MailAddress(localPart: "b-\(path.message)-\(Base32.encode(facts + code))".lowercased(), domain: host)
  }

  /// - Returns: nil unless we have made it, with a key that is still known.
  package func path(of address: MailAddress) -> ReturnPath? {
    guard let (path, claimed) = Self.read(address) else { return nil }
    let facts = Self.facts(path)
    let isOurs = verifying.contains { key in
      HMACSHA256.equal(Self.code(path, facts, host: address.domain, key: key), claimed)
    }
    return isOurs ? path : nil
  }

  /// Day and recipient, as they stand in front of the code.
  private static func facts(_ path: ReturnPath) -> [UInt8] {
    let recipient = UInt32(path.recipient ?? 0)
    return [
      UInt8(truncatingIfNeeded: path.day >> 8), UInt8(truncatingIfNeeded: path.day),
      UInt8(truncatingIfNeeded: recipient >> 16), UInt8(truncatingIfNeeded: recipient >> 8),
      UInt8(truncatingIfNeeded: recipient),
    ]
  }

  private static func code(_ path: ReturnPath, _ facts: [UInt8], host: String, key: [UInt8]) -> [UInt8] {
    Array(HMACSHA256.code(path.message.bytes + facts + Array(host.lowercased().utf8), key: key).prefix(codeSize))
  }
}

extension ReturnPathKeys {
  /// Whether an address has the form of a return path, whoever made it.
  package static func hasForm(_ address: MailAddress) -> Bool { read(address) != nil }

  private static func read(_ address: MailAddress) -> (path: ReturnPath, code: [UInt8])? {
    var local = address.localPart[...]
    if local.count >= 2, local.first == "\"", local.last == "\"" { local = local.dropFirst().dropLast() }
    let parts = local.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].lowercased() == "b", let message = QueueID(String(parts[1])),
      let rest = Base32.decode(parts[2]), rest.count == 5 + codeSize
    else { return nil }
    let day = Int32(rest[0]) << 8 | Int32(rest[1])
    let recipient = Int32(rest[2]) << 16 | Int32(rest[3]) << 8 | Int32(rest[4])
    let path = ReturnPath(message: message, day: day, recipient: recipient == 0 ? nil : recipient)
    return (path, Array(rest[5...]))
  }
}

/// Crockford's base 32, as queue ids have it. Only for whole groups of five octets.
private enum Base32 {
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for group in stride(from: 0, to: bytes.count, by: 5) {
      let word = bytes[group..<min(group + 5, bytes.count)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      for digit in 0..<8 { text.append(alphabet[Int(word >> UInt64(35 - 5 * digit) & 31)]) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func decode(_ text: Substring) -> [UInt8]? {
    let digits = Array(text.uppercased().utf8)
    guard digits.count % 8 == 0, digits.count <= 64 else { return nil }
    var bytes: [UInt8] = []
    for group in stride(from: 0, to: digits.count, by: 8) {
      var word: UInt64 = 0
      for digit in digits[group..<group + 8] {
        guard let value = alphabet.firstIndex(of: digit) else { return nil }
        word = word << 5 | UInt64(value)
      }
      for octet in 0..<5 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(32 - 8 * octet))) }
    }
    return bytes
  }
}
