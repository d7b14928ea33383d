internal import Foundation

/// Certificates for many names: each NAME.pem with its chain, and its key in NAME.key beside it. Other files are not looked at.
package struct CertificateDirectory: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  /// The files in the order of their names.
  /// - Throws: when the directory cannot be read.
  func pairs() throws(TLSFailure) -> [(certificate: String, key: String)] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw TLSFailure(.configuration, "cannot read the directory of certificates \(path)")
    }
    return names.filter { $0.hasSuffix(".pem") && $0 != ".pem" }.sorted().map { name in
      ("\(path)/\(name)", "\(path)/\(name.dropLast(4)).key")
    }
  }

  /// All of its files, whether they can be read or not.
  var files: [String] { ((try? pairs()) ?? []).flatMap { [$0.certificate, $0.key] } }
}
