internal import COpenSSL

/// A key that seals session tickets (RFC 5077 §4, RFC 8446 §4.6.1). A process opens the tickets of every process that
/// has the key, and so resumes its sessions.
///
/// It is as secret as the sessions are: who has it can read recorded sessions of TLS 1.2 whose tickets it sealed
/// (those of TLS 1.3 make a fresh key exchange). So it should be short-lived and never rest unencrypted.
package struct TLSTicketKey: Sendable, Hashable {
  /// A name (16 bytes), a key for HMAC-SHA256 (32), one for AES-256 (32).
  package static let size = nameSize + 32 + 32
  static let nameSize = 16

  package let bytes: [UInt8]

  /// - Returns: nil when it is not `size` bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.size else { return nil }
    self.bytes = Array(bytes)
  }

  private init(random: Void) {
    var bytes = [UInt8](repeating: 0, count: Self.size)
    let status = RAND_bytes(&bytes, Int32(Self.size))
    precondition(status == 1, "the random number generator failed")
    self.bytes = bytes
  }

  /// A new one.
  /// - Precondition: the random number generator works. Without it no key would be one, so the process ends instead.
  package static func random() -> TLSTicketKey { TLSTicketKey(random: ()) }

  /// What tells in a ticket, unencrypted, which key it is sealed with.
  package var name: ArraySlice<UInt8> { bytes[..<Self.nameSize] }
}
