internal import COpenSSL

/// What a certificate file says of itself, for whoever checks an installation.
package struct CertificateFacts: Sendable, Hashable {
  /// Whole days until it ends, negative once it has ended.
  package let daysLeft: Int
  /// It is not valid yet.
  package let isInFuture: Bool
  /// Whether it covers the name that was asked for, by subject alternative name or common name (RFC 6125).
  package let coversName: Bool

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
    var days: Int32 = 0
    var seconds: Int32 = 0
    // From now (nil) to the end.
    guard ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else {
      throw CryptographyFailure(.malformed, "\(file) has no readable end of validity")
    }
    daysLeft = days == 0 && seconds < 0 ? -1 : Int(days)
    isInFuture = X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0
    coversName =
      X509_check_host(certificate, name, name.utf8.count, 0, nil) == 1 || X509_check_ip_asc(certificate, name, 0) == 1
  }
}
