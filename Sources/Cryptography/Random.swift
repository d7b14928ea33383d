internal import COpenSSL

/// Random bytes for keys, nonces and passwords, from OpenSSL's generator.
package enum Random {
  /// - Precondition: the generator works. Without it no key would be one, so the process ends instead.
  package static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let status = RAND_bytes(buffer.baseAddress, Int32(count))
      precondition(count == 0 || status == 1, "the random number generator failed")
      initialized = count
    }
  }

  /// A password of letters and digits that nobody confuses when reading it aloud: 5 bits each.
  package static func password(length: Int = 24) -> String {
    let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
    return String(decoding: bytes(length).map { alphabet[Int($0 & 31)] }, as: UTF8.self)
  }
}

/// Overwrites secret bytes; the compiler cannot leave it out. Best effort: earlier copies are not reached.
package func wipe(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
}

/// Compares without telling by its duration where the difference is. Lengths are no secret.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
