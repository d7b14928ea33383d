import Cryptography

/// The hash of a body in its relaxed form, while the body comes in. Not safe between threads.
package struct BodyHasher {
  private var body = RelaxedBody()
  private let hasher = SHA256Hasher()

  package init() {}

  /// - Parameter bytes: the next of the body, as many as there are.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let hasher = hasher
    body.update(bytes) { hasher.update($0) }
  }

  /// The value of `bh=`, before base64. Afterwards the hasher is of no more use.
  package mutating func finish() -> [UInt8] {
    let hasher = hasher
    body.finish { hasher.update($0) }
    return hasher.finish()
  }
}
