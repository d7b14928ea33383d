internal import COpenSSL

/// Owner of an `EVP_PKEY`.
final class PrivateKey {
  let pointer: OpaquePointer

  /// - Parameter pointer: becomes this object's own.
  init(_ pointer: OpaquePointer) { self.pointer = pointer }

  static func generate() throws(CryptographyFailure) -> PrivateKey {
    guard let pointer = shim_EVP_EC_gen("P-256") else {
      throw CryptographyFailure(.library, "OpenSSL cannot make a key")
    }
    return PrivateKey(pointer)
  }

  convenience init(file: String) throws(CryptographyFailure) {
    var bytes = try SecretFile.read(file)
    defer { wipe(&bytes) }
    guard let pointer = Self.pointer(pem: bytes) else {
      throw CryptographyFailure(.malformed, "\(file) holds no key without pass phrase")
    }
    self.init(pointer)
  }

  /// - Parameter bytes: PEM, or DER in the form of PKCS #8 or the key type's own.
  convenience init(bytes: [UInt8]) throws(CryptographyFailure) {
    guard let pointer = Self.pointer(pem: bytes) ?? Self.pointer(der: bytes) else {
      throw CryptographyFailure(.malformed, "this is no private key without pass phrase, in PEM or DER")
    }
    self.init(pointer)
  }

  private static func pointer(pem bytes: [UInt8]) -> OpaquePointer? {
    defer { ERR_clear_error() }
    return bytes.withUnsafeBytes { text in
      guard let bio = BIO_new_mem_buf(text.baseAddress, Int32(text.count)) else { return nil }
      defer { BIO_free(bio) }
      // The callback answers a pass phrase's prompt, which would wait at the terminal.
      return PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
    }
  }

  private static func pointer(der bytes: [UInt8]) -> OpaquePointer? {
    defer { ERR_clear_error() }
    return bytes.withUnsafeBufferPointer { text in
      var start = text.baseAddress
      return d2i_AutoPrivateKey(nil, &start, text.count)
    }
  }

  deinit { EVP_PKEY_free(pointer) }

  func write(to file: String) throws(CryptographyFailure) {
    var bytes = try PEM.bytes { PEM_write_bio_PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
    defer { wipe(&bytes) }
    try SecretFile.write(bytes, to: file, mode: 0o600, replacing: true)
  }
}

enum PEM {
  /// What `write` puts into a memory BIO.
  static func bytes(_ write: (OpaquePointer) -> Int32) throws(CryptographyFailure) -> [UInt8] {
    guard let bio = shim_BIO_new_mem() else { throw CryptographyFailure(.library, "OpenSSL is out of memory") }
    defer { BIO_free(bio) }
    var text: UnsafeMutablePointer<CChar>?
    guard write(bio) == 1, case let count = shim_BIO_get_mem_data(bio, &text), count > 0, let text else {
      throw CryptographyFailure(.library, "OpenSSL cannot write PEM")
    }
    return Array(UnsafeRawBufferPointer(start: text, count: count))
  }
}
