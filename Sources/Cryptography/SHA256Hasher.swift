internal import COpenSSL

/// SHA-256 of bytes that come in pieces. Not safe between threads.
package final class SHA256Hasher {
  private let context: OpaquePointer

  /// - Precondition: OpenSSL has SHA-256 and memory; without either nothing could be promised at all.
  package init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, SHA256.algorithm.pointer, nil) == 1 else {
      preconditionFailure("OpenSSL has no SHA-256")
    }
    self.context = context
  }

  /// One that has seen what `other` has seen so far: what two texts have in common is hashed once.
  package init(copying other: SHA256Hasher) {
    guard let context = EVP_MD_CTX_new(), EVP_MD_CTX_copy_ex(context, other.context) == 1 else {
      preconditionFailure("OpenSSL cannot copy a digest")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "OpenSSL failed to hash")
  }

  package func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// The digest. After it the hasher is of no more use.
  package func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: SHA256.size) { output, initialized in
      precondition(EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1, "OpenSSL failed to hash")
      initialized = SHA256.size
    }
  }
}

@available(*, unavailable)
extension SHA256Hasher: Sendable {}
