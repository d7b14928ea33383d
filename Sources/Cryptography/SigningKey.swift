internal import COpenSSL

/// A private key that signs: RSA (PKCS #1 v1.5 with SHA-256) or Ed25519 (RFC 8032).
///
/// `@unchecked Sendable`: an `EVP_PKEY` never changes once it is made, and each signature has a context of its own.
package final class SigningKey: @unchecked Sendable {
  package enum Algorithm: Sendable, Hashable, CaseIterable { case rsa, ed25519 }

  package let algorithm: Algorithm
  /// Of the modulus, or of the curve.
  package let bits: Int
  private let key: PrivateKey

  private init(_ key: PrivateKey) throws(CryptographyFailure) {
    let isRSA = EVP_PKEY_is_a(key.pointer, "RSA") == 1
    guard isRSA || EVP_PKEY_is_a(key.pointer, "ED25519") == 1 else {
      throw CryptographyFailure(.malformed, "the key is neither an RSA nor an Ed25519 key")
    }
    algorithm = isRSA ? .rsa : .ed25519
    bits = Int(EVP_PKEY_get_bits(key.pointer))
    self.key = key
  }

  /// Makes a new key. RSA takes a tenth of a second or several.
  /// - Parameter bits: of an RSA modulus.
  package static func generate(_ algorithm: Algorithm, bits: Int = 2048) throws(CryptographyFailure) -> SigningKey {
    let made = algorithm == .rsa ? shim_EVP_RSA_gen(UInt32(bits)) : shim_EVP_ED25519_gen()
    guard let made else {
      ERR_clear_error()
      throw CryptographyFailure(.library, "OpenSSL cannot make a key")
    }
    return try SigningKey(PrivateKey(made))
  }

  /// - Parameter bytes: PEM, or DER in the form of PKCS #8 or the key type's own.
  package convenience init(bytes: [UInt8]) throws(CryptographyFailure) {
    try self.init(PrivateKey(bytes: bytes))
  }

  /// - Parameter file: one that nobody else can read, with what `init(bytes:)` takes.
  package convenience init(file: String) throws(CryptographyFailure) {
    var bytes = try SecretFile.read(file)
    defer { wipe(&bytes) }
    try self.init(bytes: bytes)
  }

  /// A whole private key in DER, for `init(bytes:)`. Secret.
  package var privateBytes: [UInt8] { Self.bytes { i2d_PrivateKey(key.pointer, $0) } }

  /// What a verifier needs: `SubjectPublicKeyInfo` (RFC 5280 §4.1) of an RSA key, the 32 bytes of an Ed25519 one.
  package var publicBytes: [UInt8] {
    guard algorithm == .ed25519 else { return Self.bytes { i2d_PUBKEY(key.pointer, $0) } }
    var count = 32
    var bytes = [UInt8](repeating: 0, count: count)
    let status = EVP_PKEY_get_raw_public_key(key.pointer, &bytes, &count)
    precondition(status == 1 && count == 32, "OpenSSL gives no public key")
    return bytes
  }

  /// Signs a SHA-256 digest. RSA takes a millisecond or less, Ed25519 a twentieth of that.
  ///
  /// RSA signs it as the digest that it is; Ed25519 signs its 32 bytes as a message (RFC 8463 §3).
  package func sign(digest: [UInt8]) throws(CryptographyFailure) -> [UInt8] {
    precondition(digest.count == SHA256.size, "not a SHA-256 digest")
    guard let signature = algorithm == .rsa ? signRSA(digest) : signEd25519(digest) else {
      ERR_clear_error()
      throw CryptographyFailure(.library, "OpenSSL cannot sign with this key")
    }
    return signature
  }

  private func signRSA(_ digest: [UInt8]) -> [UInt8]? {
    guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil) else { return nil }
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_sign_init(context) == 1, EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
      EVP_PKEY_CTX_set_signature_md(context, SHA256.algorithm.pointer) == 1
    else { return nil }
    return Self.signature(Int(EVP_PKEY_get_size(key.pointer))) {
      EVP_PKEY_sign(context, $0, $1, digest, digest.count)
    }
  }

  private func signEd25519(_ digest: [UInt8]) -> [UInt8]? {
    guard let context = EVP_MD_CTX_new() else { return nil }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestSignInit(context, nil, nil, nil, key.pointer) == 1 else { return nil }
    return Self.signature(64) { EVP_DigestSign(context, $0, $1, digest, digest.count) }
  }

  private static func signature(
    _ size: Int, _ sign: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>) -> Int32
  ) -> [UInt8]? {
    var isDone = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { output, initialized in
      var count = size
      isDone = sign(output.baseAddress, &count) == 1
      initialized = isDone ? count : 0
    }
    return isDone ? bytes : nil
  }

  /// What an `i2d` function writes.
  private static func bytes(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8] {
    let size = encode(nil)
    precondition(size > 0, "OpenSSL cannot write a key")
    return [UInt8](unsafeUninitializedCapacity: Int(size)) { output, initialized in
      var position = output.baseAddress
      initialized = Int(encode(&position))
    }
  }
}
