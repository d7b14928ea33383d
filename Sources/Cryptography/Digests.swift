internal import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
  package static let size = 32

  package static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { output, initialized in
      let status = EVP_Digest(bytes.baseAddress, bytes.count, output.baseAddress, nil, algorithm.pointer, nil)
      precondition(status == 1, "OpenSSL has no SHA-256")
      initialized = size
    }
  }

  package static func digest(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { digest($0) } }

  /// Fetched once: looking an algorithm up costs more than hashing a short text.
  ///
  /// `@unchecked Sendable`: OpenSSL never changes a fetched algorithm.
  struct Algorithm: @unchecked Sendable {
    let pointer: OpaquePointer?
  }

  static let algorithm = Algorithm(pointer: EVP_MD_fetch(nil, "SHA256", nil))
}

/// HMAC-SHA256 (RFC 2104).
package enum HMACSHA256 {
  package static let size = 32

  package static func code(_ bytes: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { output, initialized in
      let source = bytes.bindMemory(to: UInt8.self)
      let result = HMAC(
        SHA256.algorithm.pointer, key, Int32(key.count), source.baseAddress, source.count, output.baseAddress, nil)
      precondition(result != nil, "OpenSSL has no HMAC-SHA256")
      initialized = size
    }
  }

  package static func code(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { code($0, key: key) }
  }

  package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool { equalInConstantTime(left, right) }
}
