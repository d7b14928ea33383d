internal import COpenSSL

/// AES-256 in Galois/Counter Mode (NIST SP 800-38D): secret and unaltered, or nothing.
///
/// A nonce must never be used twice with one key: whoever alters a message could then forge others.
package enum AES256GCM {
  package static let keySize = 32
  package static let nonceSize = 12
  package static let tagSize = 16

  /// - Parameters:
  ///   - key: 32 bytes.
  ///   - nonce: 12 bytes, unique for the key.
  ///   - context: authenticated and not stored: what the bytes belong to.
  /// - Returns: as many bytes as the plaintext has, and a 16-byte tag after them.
  package static func seal(
    _ plaintext: UnsafeRawBufferPointer, key: [UInt8], nonce: [UInt8], authenticating context: [UInt8] = []
  ) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: plaintext.count + tagSize) { output, initialized in
      let status = withCipher(key: key, nonce: nonce, encrypting: true) { cipher in
        var count: Int32 = 0
        guard authenticate(context, cipher),
          update(cipher, plaintext, output.baseAddress),
          EVP_EncryptFinal_ex(cipher, output.baseAddress?.advanced(by: plaintext.count), &count) == 1
        else { return false }
        return shim_EVP_CIPHER_CTX_get_tag(cipher, Int32(tagSize), output.baseAddress?.advanced(by: plaintext.count))
          == 1
      }
      precondition(status, "OpenSSL failed to encrypt")
      initialized = plaintext.count + tagSize
    }
  }

  package static func seal(
    _ plaintext: [UInt8], key: [UInt8], nonce: [UInt8], authenticating context: [UInt8] = []
  ) -> [UInt8] {
    plaintext.withUnsafeBytes { seal($0, key: key, nonce: nonce, authenticating: context) }
  }

  /// - Parameter sealed: what `seal` returned.
  /// - Throws: `.authentication` when anything at all is different from what was sealed.
  package static func open(
    _ sealed: UnsafeRawBufferPointer, key: [UInt8], nonce: [UInt8], authenticating context: [UInt8] = []
  ) throws(CryptographyFailure) -> [UInt8] {
    guard sealed.count >= tagSize else { throw CryptographyFailure(.authentication, "the sealed bytes are cut off") }
    let size = sealed.count - tagSize
    let ciphertext = UnsafeRawBufferPointer(rebasing: sealed[..<size])
    var tag = Array(sealed[size...])
    var isGenuine = false
    let plaintext = [UInt8](unsafeUninitializedCapacity: size) { output, initialized in
      isGenuine = withCipher(key: key, nonce: nonce, encrypting: false) { cipher in
        var count: Int32 = 0
        return authenticate(context, cipher) && update(cipher, ciphertext, output.baseAddress)
          && shim_EVP_CIPHER_CTX_set_tag(cipher, Int32(tagSize), &tag) == 1
          && EVP_DecryptFinal_ex(cipher, output.baseAddress?.advanced(by: size), &count) == 1
      }
      initialized = isGenuine ? size : 0
    }
    guard isGenuine else {
      ERR_clear_error()
      throw CryptographyFailure(.authentication, "the sealed bytes are not what was sealed with this key")
    }
    return plaintext
  }

  package static func open(
    _ sealed: [UInt8], key: [UInt8], nonce: [UInt8], authenticating context: [UInt8] = []
  ) throws(CryptographyFailure) -> [UInt8] {
    let result: Result<[UInt8], CryptographyFailure> = sealed.withUnsafeBytes { bytes in
      do throws(CryptographyFailure) {
        return .success(try open(bytes, key: key, nonce: nonce, authenticating: context))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

extension AES256GCM {
  /// Fetched once. A context per call is then as fast as one that is kept (0.44 µs for a key's 48 bytes either way),
  /// so nothing is kept per thread.
  ///
  /// `@unchecked Sendable`: OpenSSL never changes a fetched algorithm.
  private struct Algorithm: @unchecked Sendable {
    let pointer: OpaquePointer?
  }

  private static let algorithm = Algorithm(pointer: EVP_CIPHER_fetch(nil, "AES-256-GCM", nil))

  private static func withCipher(
    key: [UInt8], nonce: [UInt8], encrypting: Bool, _ body: (OpaquePointer) -> Bool
  ) -> Bool {
    precondition(key.count == keySize && nonce.count == nonceSize, "a key has 32 bytes and a nonce 12")
    guard let cipher = EVP_CIPHER_CTX_new() else { return false }
    defer { EVP_CIPHER_CTX_free(cipher) }
    guard EVP_CipherInit_ex2(cipher, algorithm.pointer, key, nonce, encrypting ? 1 : 0, nil) == 1 else { return false }
    return body(cipher)
  }

  private static func authenticate(_ context: [UInt8], _ cipher: OpaquePointer) -> Bool {
    var count: Int32 = 0
    return context.isEmpty || EVP_CipherUpdate(cipher, nil, &count, context, Int32(context.count)) == 1
  }

  /// OpenSSL counts in Int32; more than that goes in parts.
  private static func update(
    _ cipher: OpaquePointer, _ input: UnsafeRawBufferPointer, _ output: UnsafeMutablePointer<UInt8>?
  ) -> Bool {
    let source = input.bindMemory(to: UInt8.self)
    var done = 0
    while done < source.count {
      let part = min(source.count - done, 1 << 30)
      var count: Int32 = 0
      let status = EVP_CipherUpdate(
        cipher, output?.advanced(by: done), &count, source.baseAddress?.advanced(by: done), Int32(part))
      guard status == 1, Int(count) == part else { return false }
      done += part
    }
    return true
  }
}
