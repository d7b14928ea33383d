internal import COpenSSL

/// Owner of an `X509`.
final class Certificate {
  private let pointer: OpaquePointer

  /// Begins a certificate that its own key will sign.
  convenience init(subject: String, issuer: String, days: Int, key: PrivateKey) throws(CryptographyFailure) {
    try self.init(days: days, key: key)
    try Self.set(X509_get_subject_name(pointer), subject)
    try Self.set(X509_get_issuer_name(pointer), issuer)
  }

  convenience init(subject: String, issuedBy issuer: Certificate, days: Int, key: PrivateKey)
    throws(CryptographyFailure)
  {
    try self.init(days: days, key: key)
    try Self.set(X509_get_subject_name(pointer), subject)
    guard X509_set_issuer_name(pointer, X509_get_subject_name(issuer.pointer)) == 1 else { throw Self.refused }
  }

  private init(days: Int, key: PrivateKey) throws(CryptographyFailure) {
    guard let pointer = X509_new() else { throw Self.refused }
    self.pointer = pointer
    // 64 random bits, positive (RFC 5280 §4.1.2.2). An hour back, for clocks that are slow.
    let serial = Random.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1 | 1
    guard X509_set_version(pointer, Int(X509_VERSION_3)) == 1,
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(pointer), serial) == 1,
      X509_gmtime_adj(X509_getm_notBefore(pointer), -3600) != nil,
      X509_time_adj_ex(X509_getm_notAfter(pointer), Int32(days), 0, nil) != nil,
      X509_set_pubkey(pointer, key.pointer) == 1
    else { throw Self.refused }
  }

  init(file: String) throws(CryptographyFailure) {
    ERR_clear_error()
    guard let bio = BIO_new_file(file, "r") else { throw CryptographyFailure(.file, "cannot read \(file)") }
    defer { BIO_free(bio) }
    guard let pointer = PEM_read_bio_X509(bio, nil, nil, nil) else {
      throw CryptographyFailure(.malformed, "\(file) holds no certificate")
    }
    self.pointer = pointer
  }

  deinit { X509_free(pointer) }

  func add(_ nid: Int32, _ value: String, issuer: Certificate) throws(CryptographyFailure) {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer.pointer, pointer, nil, nil, 0)
    guard let item = X509V3_EXT_nconf_nid(nil, &context, nid, value) else { throw Self.refused }
    defer { X509_EXTENSION_free(item) }
    guard X509_add_ext(pointer, item, -1) == 1 else { throw Self.refused }
  }

  func sign(by key: PrivateKey) throws(CryptographyFailure) {
    guard X509_sign(pointer, key.pointer, EVP_sha256()) > 0 else { throw Self.refused }
  }

  func write(to file: String) throws(CryptographyFailure) {
    let bytes = try PEM.bytes { PEM_write_bio_X509($0, pointer) }
    try SecretFile.write(bytes, to: file, mode: 0o644, replacing: true)
  }

  func isValid(inDays days: Int) -> Bool {
    guard let moment = X509_time_adj_ex(nil, Int32(days), 0, nil) else { return false }
    defer { ASN1_STRING_free(moment) }
    return ASN1_TIME_compare(X509_get0_notAfter(pointer), moment) > 0
      && X509_cmp_current_time(X509_get0_notBefore(pointer)) < 0
  }

  func belongs(to key: PrivateKey) -> Bool { X509_check_private_key(pointer, key.pointer) == 1 }

  func isSigned(by issuer: Certificate) -> Bool {
    X509_verify(pointer, X509_get0_pubkey(issuer.pointer)) == 1
  }

  func covers(_ name: String) -> Bool {
    CertificateMaker.isAddress(name)
      ? X509_check_ip_asc(pointer, name, 0) == 1 : X509_check_host(pointer, name, name.utf8.count, 0, nil) == 1
  }

  private static func set(_ entry: OpaquePointer?, _ commonName: String) throws(CryptographyFailure) {
    // A common name has at most 64 characters (RFC 5280 appendix A.1); nobody looks at it beside a SAN.
    let text = Array(commonName.utf8.prefix(64))
    guard X509_NAME_add_entry_by_txt(entry, "CN", MBSTRING_FLAG | 1, text, Int32(text.count), -1, 0) == 1 else {
      throw refused
    }
  }

  private static var refused: CryptographyFailure {
    ERR_clear_error()
    return CryptographyFailure(.library, "OpenSSL cannot make the certificate")
  }
}
