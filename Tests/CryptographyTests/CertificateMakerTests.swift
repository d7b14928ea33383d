import Cryptography
import Foundation
import Testing

@Suite struct CertificateMakerTests {
  @Test func opensslVerifiesWhatWasMade() throws {
    try withDirectory { directory in
      let files = try CertificateMaker.ensure(directory: directory, names: ["localhost", "127.0.0.1", "::1"])
      for name in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]] {
        let (status, output) = try openssl(
          ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", files.authorityCertificate] + name
            + [files.certificate])
        #expect(status == 0, "\(output)")
      }
      let (status, _) = try openssl(
        ["verify", "-CAfile", files.authorityCertificate, "-verify_hostname", "other", files.certificate])
      #expect(status != 0)
    }
  }

  @Test func aCertificateTellsWhomItIsForAndByWhom() throws {
    try withDirectory { directory in
      let files = try CertificateMaker.ensure(
        directory: directory, names: ["smtp.example", "192.0.2.1", "2001:db8::1"])
      let (status, _) = try openssl(["x509", "-in", files.certificate, "-outform", "DER", "-out", directory + "/der"])
      #expect(status == 0)
      let der = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/der")))
      let facts = try CertificateFacts(der: der, covering: "smtp.example")
      #expect(facts.names == ["smtp.example", "192.0.2.1", "2001:db8::1"])
      #expect(facts.issuer == "CN=Postrider development authority")
      #expect(facts.coversName && !facts.isInFuture && [89, 90].contains(facts.daysLeft))
      #expect(facts.ends - facts.begins == 90 * 86_400 + 3600)
      #expect(try CertificateFacts(file: files.certificate, covering: "other.example").coversName == false)
      for size in [0, 1, der.count / 2, der.count - 1] {
        #expect(throws: CryptographyFailure.self) {
          try CertificateFacts(der: Array(der.prefix(size)), covering: "smtp.example")
        }
      }
    }
  }

  @Test func keysAreForTheOwnerOnly() throws {
    try withDirectory { directory in
      let files = try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      for key in [files.key, files.authorityKey] {
        let attributes = try FileManager.default.attributesOfItem(atPath: key)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
      }
    }
  }

  @Test func aGoodCertificateStays() throws {
    try withDirectory { directory in
      let files = try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      let before = try contents(files.certificate)
      try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      #expect(try contents(files.certificate) == before)
    }
  }

  @Test func anUnfitCertificateIsReplaced() throws {
    try withDirectory { directory in
      let files = try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      var before = try contents(files.certificate)
      // Another name.
      try CertificateMaker.ensure(directory: directory, names: ["localhost", "mail.example"])
      #expect(try contents(files.certificate) != before)
      // About to expire.
      try CertificateMaker.makeServerCertificate(
        names: ["localhost"], authorityCertificateFile: files.authorityCertificate,
        authorityKeyFile: files.authorityKey, certificateFile: files.certificate, keyFile: files.key, days: 29)
      before = try contents(files.certificate)
      try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      #expect(try contents(files.certificate) != before)
      // Another key.
      before = try contents(files.certificate)
      try FileManager.default.removeItem(atPath: files.key)
      try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      #expect(try contents(files.certificate) != before)
      // Another authority.
      let authority = try contents(files.authorityCertificate)
      before = try contents(files.certificate)
      try FileManager.default.removeItem(atPath: files.authorityKey)
      try CertificateMaker.ensure(directory: directory, names: ["localhost"])
      #expect(try contents(files.authorityCertificate) != authority)
      #expect(try contents(files.certificate) != before)
    }
  }

  @Test(arguments: [[], [""], ["a,DNS:b"], ["a b"], ["a\n"]])
  func refusesWhatIsNoName(names: [String]) throws {
    try withDirectory { directory in
      #expect(throws: CryptographyFailure.self) { try CertificateMaker.ensure(directory: directory, names: names) }
    }
  }

  private func contents(_ file: String) throws -> String { try String(contentsOfFile: file, encoding: .utf8) }

  private func openssl(_ arguments: [String]) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
  }
}
