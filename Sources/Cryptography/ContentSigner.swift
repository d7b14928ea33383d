internal import COpenSSL

/// Signs content in the form of CMS (RFC 5652 §5), content included, by a server's certificate: what configuration profiles
/// want.
///
/// The files are read for each signature: a renewed certificate counts at once.
package struct ContentSigner: Sendable {
  private let certificateFile: String
  private let keyFile: String

  /// - Parameters:
  ///   - certificateFile: PEM; the signer's certificate first, then its chain, which goes along.
  ///   - keyFile: PEM, without pass phrase; readable by its owner alone.
  package init(certificateFile: String, keyFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }

  /// Blocks for the reading of two files.
  /// - Returns: DER.
  package func sign(_ content: [UInt8]) throws(CryptographyFailure) -> [UInt8] {
    let key = try PrivateKey(file: keyFile)
    let chain = try CertificateChain(file: certificateFile)
    ERR_clear_error()
    defer { ERR_clear_error() }
    return try chain.withCertificates { signer, others throws(CryptographyFailure) in
      let message = content.withUnsafeBytes { bytes -> OpaquePointer? in
        guard let input = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
        defer { BIO_free(input) }
        // As it is: no change of line ends.
        return CMS_sign(signer, key.pointer, others, input, UInt32(CMS_BINARY))
      }
      guard let message else {
        throw CryptographyFailure(.library, "\(keyFile) is not the key of the certificate in \(certificateFile)")
      }
      defer { CMS_ContentInfo_free(message) }
      return try PEM.bytes { i2d_CMS_bio($0, message) }
    }
  }
}

/// The certificates of a PEM file, in their order.
private final class CertificateChain {
  private var certificates: [OpaquePointer] = []

  init(file: String) throws(CryptographyFailure) {
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard let bio = BIO_new_file(file, "r") else { throw CryptographyFailure(.file, "cannot read \(file)") }
    defer { BIO_free(bio) }
    while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) { certificates.append(certificate) }
    guard !certificates.isEmpty else { throw CryptographyFailure(.malformed, "\(file) holds no certificate") }
  }

  deinit { for certificate in certificates { X509_free(certificate) } }

  /// - Parameter body: gets the first one, and a stack of the others.
  func withCertificates<Result>(
    _ body: (OpaquePointer, OpaquePointer) throws(CryptographyFailure) -> Result
  ) throws(CryptographyFailure) -> Result {
    guard let others = shim_sk_X509_new() else { throw CryptographyFailure(.library, "OpenSSL is out of memory") }
    defer { shim_sk_X509_free(others) }
    for certificate in certificates.dropFirst() { _ = shim_sk_X509_push(others, certificate) }
    return try body(certificates[0], others)
  }
}
