package import Cryptography
package import MailModel

/// Encrypts a message's chunks under a key of its own (AES-256-GCM), so that plaintext is never in the data
/// directory, the WAL, a replica or a backup, and destroying one key destroys one message.
///
/// The chunk's number is its nonce (each key seals each number once); message, number and whether it is the last
/// are authenticated, so that chunks cannot be swapped, dropped or cut off.
package struct BodyCipher: Sendable {
  /// Plaintext bytes per chunk: large enough to be cheap, small enough that 50 MB stream in bounded memory.
  package static let chunkSize = 256 * 1024

  private let key: [UInt8]
  private let id: QueueID

  /// A new message's cipher.
  package init(for id: QueueID) {
    self.id = id
    key = Random.bytes(32)
  }

  /// The cipher of a stored message.
  package init(for id: QueueID, wrappedKey: [UInt8], master: MasterKey) throws(CryptographyFailure) {
    self.id = id
    key = try master.unwrap(wrappedKey, context: id.bytes)
  }

  /// The key as it is stored.
  package func wrappedKey(by master: MasterKey) -> [UInt8] {
    master.wrap(key, context: id.bytes)
  }

  package static func chunkCount(size: Int) -> Int { max(1, (size + chunkSize - 1) / chunkSize) }

  package func seal(_ plaintext: [UInt8], chunk: Int, of count: Int) -> [UInt8] {
    AES256GCM.seal(
      plaintext, key: key, nonce: nonce(chunk), authenticating: associated(chunk, isLast: chunk == count - 1))
  }

  package func open(_ sealed: [UInt8], chunk: Int, of count: Int) throws(CryptographyFailure) -> [UInt8] {
    try AES256GCM.open(
      sealed, key: key, nonce: nonce(chunk), authenticating: associated(chunk, isLast: chunk == count - 1))
  }

  private func nonce(_ chunk: Int) -> [UInt8] {
    [0, 0, 0, 0, 0, 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: chunk >> (24 - 8 * $0)) }
  }

  private func associated(_ chunk: Int, isLast: Bool) -> [UInt8] {
    id.bytes + nonce(chunk).suffix(4) + [isLast ? 1 : 0]
  }
}
