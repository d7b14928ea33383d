import Cryptography
import Foundation
import TLS

/// A directory with an authority and a certificate of `localhost`, 127.0.0.1 and ::1; removed at the end.
final class Certificates: Sendable {
  let directory: String
  let files: CertificateMaker.Files

  init(names: [String] = ["localhost", "127.0.0.1", "::1"]) throws {
    directory = NSTemporaryDirectory() + "postrider-tls-" + Random.password()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    files = try CertificateMaker.ensure(directory: directory, names: names)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func server(_ minimum: TLSVersion = .v1_2) throws -> TLSContext {
    try TLSContext.server(certificateFile: files.certificate, keyFile: files.key, minimumVersion: minimum)
  }

  func client() throws -> TLSContext {
    try TLSContext.client(trustedCertificatesFile: files.authorityCertificate)
  }

  /// Replaces the server's certificate by one with these names.
  func replace(names: [String]) throws {
    try CertificateMaker.makeServerCertificate(
      names: names, authorityCertificateFile: files.authorityCertificate, authorityKeyFile: files.authorityKey,
      certificateFile: files.certificate, keyFile: files.key)
  }
}
