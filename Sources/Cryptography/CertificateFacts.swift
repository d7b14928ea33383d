internal import COpenSSL

/// What a certificate says of itself, for whoever checks an installation.
package struct CertificateFacts: Sendable, Hashable {
  /// Unix seconds.
  package let begins: Int64
  package let ends: Int64
  /// Whole days until it ends, negative once it has ended.
  package let daysLeft: Int
  /// It is not valid yet.
  package let isInFuture: Bool
  /// Whether it covers the name that was asked for, by subject alternative name or common name (RFC 6125).
  package let coversName: Bool
  /// The host names and addresses that it is for, as it has them: text from outside. A common name only where there is
  /// nothing else.
  package let names: [String]
  /// Who has signed it, `CN=…,O=…`: text from outside.
  package let issuer: String

  /// Reads the first certificate of a PEM file.
  /// - Parameter name: a host name or an IP address.
  package init(file: String, covering name: String) throws(CryptographyFailure) {
    ERR_clear_error()
    guard let bio = BIO_new_file(file, "r") else { throw CryptographyFailure(.file, "cannot read \(file)") }
    defer { BIO_free(bio) }
    guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else {
      throw CryptographyFailure(.malformed, "\(file) holds no certificate")
    }
    defer { X509_free(certificate) }
    try self.init(certificate, covering: name, called: file)
  }

  /// Reads a certificate as a server sends it.
  /// - Parameter name: a host name or an IP address.
  package init(der: [UInt8], covering name: String) throws(CryptographyFailure) {
    ERR_clear_error()
    let decoded = der.withUnsafeBufferPointer { bytes in
      var position = bytes.baseAddress
      return d2i_X509(nil, &position, bytes.count)
    }
    guard let certificate = decoded else { throw CryptographyFailure(.malformed, "what was sent is no certificate") }
    defer { X509_free(certificate) }
    try self.init(certificate, covering: name, called: "the certificate")
  }

  private init(_ certificate: OpaquePointer, covering name: String, called what: String) throws(CryptographyFailure) {
    var days: Int32 = 0
    var seconds: Int32 = 0
    // From now (nil) to the end.
    guard ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1,
      let begins = Self.unixSeconds(X509_get0_notBefore(certificate)),
      let ends = Self.unixSeconds(X509_get0_notAfter(certificate))
    else { throw CryptographyFailure(.malformed, "\(what) has no readable time of validity") }
    (self.begins, self.ends) = (begins, ends)
    daysLeft = days == 0 && seconds < 0 ? -1 : Int(days)
    isInFuture = X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0
    coversName =
      X509_check_host(certificate, name, name.utf8.count, 0, nil) == 1 || X509_check_ip_asc(certificate, name, 0) == 1
    names = CertificateNames.all(of: certificate)
    issuer = CertificateNames.text(X509_get_issuer_name(certificate))
  }

  private static func unixSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return nil }
    defer { ASN1_TIME_free(epoch) }
    var (days, seconds): (Int32, Int32) = (0, 0)
    guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
  }
}
