@testable import Acceptor
import Cryptography
import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TLS
import Testing

@Suite(.timeLimit(.minutes(10))) struct ListeningTests {
  /// Two acceptors share a port; IPv4 and IPv6 do not get into each other's way on it.
  @Test func sharedPort() async throws {
    try await TestNode.with({
      $0.listeners = [
        .init(address: "0.0.0.0", port: 0, kind: .implicitTLS), .init(address: "127.0.0.1", port: 0, kind: .startTLS),
      ]
    }) { node in
      let port = try #require(node.implicitTLS.port)
      try await TestNode.with({
        $0.listeners = [
          .init(address: "0.0.0.0", port: port, kind: .startTLS), .init(address: "::", port: port, kind: .startTLS),
          .init(address: "::1", port: 0, kind: .startTLS),
        ]
      }) { other in
        #expect(other.implicitTLS.port == port)
        let client = try await TestClient.connect(to: SocketAddress(ipAddress: "::1", port: port))
        #expect(try await client.reply().hasPrefix("220 "))
        await client.close()
      }
    }
  }

  @Test(arguments: ["mail.example.org", "192.0.2.1"])
  func addressThatCannotBeHad(_ address: String) async throws {
    await #expect(throws: AcceptorFailure.self) {
      try await TestNode.with({ $0.listeners = [.init(address: address, port: 0, kind: .startTLS)] }) { _ in }
    }
  }

  /// A renewed certificate is used for the next handshake, and old sessions go on.
  @Test func certificateReload() async throws {
    let original = try TestNode.certificates.get()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reload-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (certificate, key) = (folder + "/server.pem", folder + "/server.key")
    try FileManager.default.copyItem(atPath: original.certificate, toPath: certificate)
    try FileManager.default.copyItem(atPath: original.key, toPath: key)
    let context = try TLSContext.server(certificateFile: certificate, keyFile: key)
    let watch = CertificateWatch(files: [certificate, key], tls: context, logger: .init(label: "test"))
    let before = context.certificateExpiry
    watch.check()
    #expect(context.certificateExpiry == before)
    try CertificateMaker.makeServerCertificate(
      names: ["localhost"], authorityCertificateFile: original.authorityCertificate,
      authorityKeyFile: original.authorityKey, certificateFile: certificate, keyFile: key, days: 7)
    watch.check()
    #expect(context.certificateExpiry != before)
    try "nonsense".write(toFile: certificate, atomically: true, encoding: .utf8)
    let renewed = context.certificateExpiry
    watch.check()
    #expect(context.certificateExpiry == renewed)
  }
}
