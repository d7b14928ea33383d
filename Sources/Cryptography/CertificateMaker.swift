internal import COpenSSL
internal import Glibc

/// A certificate authority of one's own and server certificates by it, for a set-up that needs no other:
/// the embedded one of `postrider dev`, and tests. EC P-256, SHA-256.
package enum CertificateMaker {
  /// Where `ensure` keeps things.
  package struct Files: Sendable, Hashable {
    package let authorityCertificate: String
    package let authorityKey: String
    /// The server's certificate.
    package let certificate: String
    package let key: String
  }

  /// Makes an authority. Files that exist are replaced.
  package static func makeAuthority(
    certificateFile: String, keyFile: String, name: String = "Postrider development authority", days: Int = 3650
  ) throws(CryptographyFailure) {
    let key = try PrivateKey.generate()
    let certificate = try Certificate(subject: name, issuer: name, days: days, key: key)
    let extensions = [
      (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
      (NID_subject_key_identifier, "hash"),
    ]
    for (nid, value) in extensions { try certificate.add(nid, value, issuer: certificate) }
    try certificate.sign(by: key)
    try key.write(to: keyFile)
    try certificate.write(to: certificateFile)
  }

  /// Makes a server's certificate and key. Files that exist are replaced, the key first.
  /// - Parameter names: host names and addresses; at least one.
  package static func makeServerCertificate(
    names: [String], authorityCertificateFile: String, authorityKeyFile: String, certificateFile: String,
    keyFile: String, days: Int = 90
  ) throws(CryptographyFailure) {
    let authority = try Certificate(file: authorityCertificateFile)
    let authorityKey = try PrivateKey(file: authorityKeyFile)
    let alternatives = try subjectAlternativeNames(names)
    let key = try PrivateKey.generate()
    let certificate = try Certificate(subject: names[0], issuedBy: authority, days: days, key: key)
    let extensions = [
      (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
      (NID_ext_key_usage, "serverAuth"), (NID_subject_alt_name, alternatives), (NID_subject_key_identifier, "hash"),
      (NID_authority_key_identifier, "keyid:always"),
    ]
    for (nid, value) in extensions { try certificate.add(nid, value, issuer: authority) }
    try certificate.sign(by: authorityKey)
    try key.write(to: keyFile)
    try certificate.write(to: certificateFile)
  }

  /// Makes in `directory` what is missing, does not fit, or ends within 30 days (an authority: within 100).
  /// - Returns: where everything is.
  @discardableResult
  package static func ensure(directory: String, names: [String]) throws(CryptographyFailure) -> Files {
    let files = Files(
      authorityCertificate: "\(directory)/ca.pem", authorityKey: "\(directory)/ca.key",
      certificate: "\(directory)/server.pem", key: "\(directory)/server.key")
    let authorityIsGood =
      isGood(
        files.authorityCertificate, key: files.authorityKey, days: 100, names: [], issuer: files.authorityCertificate)
    if !authorityIsGood {
      try makeAuthority(certificateFile: files.authorityCertificate, keyFile: files.authorityKey)
    }
    let serverIsGood =
      authorityIsGood
      && isGood(files.certificate, key: files.key, days: 30, names: names, issuer: files.authorityCertificate)
    if !serverIsGood {
      try makeServerCertificate(
        names: names, authorityCertificateFile: files.authorityCertificate, authorityKeyFile: files.authorityKey,
        certificateFile: files.certificate, keyFile: files.key)
    }
    return files
  }

  /// Whether a certificate will still be good in `days`, belongs to the key, covers the names, and is by the issuer.
  private static func isGood(_ file: String, key: String, days: Int, names: [String], issuer: String) -> Bool {
    guard let certificate = try? Certificate(file: file), let key = try? PrivateKey(file: key),
      let issuer = try? Certificate(file: issuer)
    else { return false }
    return certificate.isValid(inDays: days) && certificate.belongs(to: key) && certificate.isSigned(by: issuer)
      && names.allSatisfy { certificate.covers($0) }
  }

  /// The value in OpenSSL's syntax, where a comma would begin another name.
  private static func subjectAlternativeNames(_ names: [String]) throws(CryptographyFailure) -> String {
    guard !names.isEmpty else { throw CryptographyFailure(.malformed, "a certificate needs a name") }
    var entries: [String] = []
    for name in names {
      let isSafe = name.utf8.allSatisfy {
        (0x30...0x3A).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || [0x2A, 0x2D, 0x2E, 0x5F].contains($0)
      }
      guard isSafe, !name.isEmpty else {
        throw CryptographyFailure(.malformed, "«\(name)» is neither a host name nor an address")
      }
      entries.append(isAddress(name) ? "IP:\(name)" : "DNS:\(name)")
    }
    return entries.joined(separator: ",")
  }

  static func isAddress(_ name: String) -> Bool {
    var bytes = (UInt64(0), UInt64(0))
    return inet_pton(AF_INET, name, &bytes) == 1 || inet_pton(AF_INET6, name, &bytes) == 1
  }
}
