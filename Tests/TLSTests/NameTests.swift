import Cryptography
import Foundation
import Logging
import TLS
import Testing

/// One server with certificates for several names.
@Suite struct NameTests {
  private let certificates: Certificates
  private let directory: CertificateDirectory

  init() throws {
    certificates = try Certificates(names: ["node.example"])
    directory = CertificateDirectory(certificates.directory + "/others")
    try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
    try add("acme", ["autoconfig.acme.example", "autodiscover.acme.example"])
    try add("wide", ["*.wide.example"])
  }

  private func add(_ file: String, _ names: [String]) throws {
    try CertificateMaker.makeServerCertificate(
      names: names, authorityCertificateFile: certificates.files.authorityCertificate,
      authorityKeyFile: certificates.files.authorityKey, certificateFile: "\(directory.path)/\(file).pem",
      keyFile: "\(directory.path)/\(file).key")
  }

  private func server() throws -> TLSContext {
    try TLSContext.server(
      certificateFile: certificates.files.certificate, keyFile: certificates.files.key, others: directory)
  }

  /// Whether a client that insists on this name is content.
  private func serves(_ server: TLSContext, _ name: String) throws -> Bool {
    let wire = try Wire(
      client: TLSHandler(client: certificates.client(), serverName: name, verification: .required),
      server: TLSHandler(server: server))
    try wire.carry()
    #expect(wire.client.recorder.handshakes.count + wire.client.recorder.failures.count == 1)
    return wire.client.recorder.handshakes.count == 1
  }

  @Test func aClientGetsTheCertificateOfTheNameThatItAsksFor() throws {
    let server = try server()
    for name in [
      "node.example", "autoconfig.acme.example", "autodiscover.acme.example", "AUTOCONFIG.ACME.example",
      "anything.wide.example",
    ] { #expect(try serves(server, name), "\(name)") }
    for name in ["acme.example", "wide.example", "a.b.wide.example", "other.example"] {
      #expect(try !serves(server, name), "\(name)")
    }
  }

  @Test func whatComesIntoTheDirectoryIsServed() throws {
    let server = try server()
    let files = [certificates.files.certificate, certificates.files.key]
    let watch = CertificateWatch(files: files, directory: directory, tls: server, logger: .init(label: "test"))
    #expect(try !serves(server, "new.example"))
    try add("new", ["new.example"])
    watch.check()
    #expect(try serves(server, "new.example"))
    try FileManager.default.removeItem(atPath: directory.path + "/acme.pem")
    watch.check()
    #expect(try !serves(server, "autoconfig.acme.example"))
    #expect(try serves(server, "node.example"))
  }

  @Test func oneThatCannotBeUsedIsNamedAndChangesNothing() throws {
    let server = try server()
    try Data("garbage".utf8).write(to: URL(fileURLWithPath: directory.path + "/bad.pem"))
    let failure = try #require(throws: TLSFailure.self) { try server.reload() }
    #expect(failure.reason.hasPrefix("cannot use the certificate file \(directory.path)/bad.pem: "))
    #expect(try serves(server, "autoconfig.acme.example"))
    try FileManager.default.removeItem(atPath: directory.path)
    let missing = try #require(throws: TLSFailure.self) { try server.reload() }
    #expect(missing.reason == "cannot read the directory of certificates \(directory.path)")
    #expect(try serves(server, "anything.wide.example"))
  }
}
