import Cryptography
import DKIM
import MailTesting

/// What the tests sign with: both keys of one domain, made once.
enum Signing {
  static let domain = "sender.example"
  static let keys: [DomainKey] = {
    do {
      return [
        try DomainKey(domain: domain, selector: "rsa1", key: SigningKey.generate(.rsa)),
        try DomainKey(domain: domain, selector: "ed1", key: SigningKey.generate(.ed25519)),
      ]
    } catch {
      preconditionFailure("\(error)")
    }
  }()
  static let records = Dictionary(uniqueKeysWithValues: keys.map { ($0.record.name, $0.record.text) })

  static let header = """
    Date: Sat, 21 Nov 2026 10:00:00 +0000\r
    From: Alice <alice@sender.example>\r
    To: bob@inbox.example\r
    Subject: hello\r
    Message-ID: <1@sender.example>\r\n
    """

  /// - Parameter pieces: how the body comes.
  static func sign(
    _ header: String = Signing.header, pieces: [[UInt8]], expiry: Int64? = nil, keys: [DomainKey] = Signing.keys
  ) throws -> [UInt8] {
    let header = Array(header.utf8) + [0x0D, 0x0A]
    var hasher = BodyHasher()
    for piece in pieces { piece.withUnsafeBytes { hasher.update($0) } }
    let fields = try SigningHeader(header).signatureFields(
      bodyHash: hasher.finish(), keys: keys, time: 1_700_000_000, expiry: expiry)
    return fields + header + pieces.joined()
  }

  static func sign(_ header: String = Signing.header, body: String) throws -> [UInt8] {
    try sign(header, pieces: [Array(body.utf8)])
  }
}

/// A small generator whose runs can be repeated: the seed stands in the failure message.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}
