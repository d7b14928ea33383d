import Cryptography
import Foundation
import NIOCore
import TLS
import Testing

@Suite struct ContextTests {
  let certificates: Certificates

  init() throws { certificates = try Certificates() }

  private func connect(_ server: TLSContext, _ name: String) throws -> Wire {
    let wire = try Wire(
      client: TLSHandler(client: certificates.client(), serverName: name, verification: .required),
      server: TLSHandler(server: server))
    try wire.carry()
    return wire
  }

  @Test func reloadChangesNewConnectionsOnly() throws {
    let server = try certificates.server()
    let old = try connect(server, "localhost")
    try certificates.replace(names: ["mail.example"])
    #expect(try connect(server, "localhost").client.recorder.failures.isEmpty, "not before the reload")
    try server.reload()
    #expect(try connect(server, "mail.example").client.recorder.handshakes.count == 1)
    #expect(try connect(server, "localhost").client.recorder.failures.count == 1)
    old.client.write("still here")
    try old.carry()
    #expect(old.server.recorder.text == "still here")
  }

  @Test(arguments: ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
  func aBadFileKeepsTheOldCertificate(text: String) throws {
    let server = try certificates.server()
    try Data(text.utf8).write(to: URL(fileURLWithPath: certificates.files.certificate))
    let failure = try #require(throws: TLSFailure.self) { try server.reload() }
    #expect(failure.kind == .configuration)
    #expect(failure.reason.hasPrefix("cannot use the certificate file \(certificates.files.certificate): "))
    #expect(try connect(server, "localhost").client.recorder.handshakes.count == 1)
  }

  @Test func theKeyMustBeTheCertificates() throws {
    let others = try Certificates()
    let failure = try #require(throws: TLSFailure.self) {
      try TLSContext.server(
        certificateFile: certificates.files.certificate, keyFile: others.files.key, minimumVersion: .v1_2)
    }
    #expect(failure.kind == .configuration)
    #expect(failure.reason.contains(others.files.key))
  }

  @Test func aMissingFileIsNamed() throws {
    let key = try #require(throws: TLSFailure.self) {
      try TLSContext.server(certificateFile: certificates.files.certificate, keyFile: "/nowhere/key")
    }
    #expect(key.reason.hasPrefix("cannot use the key file /nowhere/key: No such file or directory"))
    let trust = try #require(throws: TLSFailure.self) {
      try TLSContext.client(trustedCertificatesFile: "/nowhere/ca")
    }
    #expect(trust.reason.contains("/nowhere/ca"))
  }

  @Test func tellsWhenTheCertificateEnds() throws {
    let expiry = try #require(try certificates.server().certificateExpiry)
    let days = (Double(expiry) - Date().timeIntervalSince1970) / 86_400
    #expect(days > 89.9 && days < 90.1)
    #expect(try certificates.client().certificateExpiry == nil)
  }

  @Test func ticketKeysHaveASizeAndOutliveAReload() throws {
    #expect(TLSTicketKey([1, 2, 3]) == nil)
    let key = try #require(TLSTicketKey([UInt8](repeating: 7, count: TLSTicketKey.size)))
    let server = try certificates.server()
    let own = server.ticketKeys
    #expect(own.count == 1)
    #expect(try own != certificates.server().ticketKeys)
    server.useTicketKeys([])
    #expect(server.ticketKeys == own, "never without a key")
    server.useTicketKeys([key] + own)
    try server.reload()
    #expect(server.ticketKeys == [key] + own)
  }
}
