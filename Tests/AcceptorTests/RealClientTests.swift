import Cryptography
import Foundation
import MailModel
import MailQueue
import MailTesting
import NIOCore
import Supervision
import Testing

/// Programs that people really use, on both ports; `scripts/setup` installs them.
@Suite(.timeLimit(.minutes(10))) struct RealClientTests {
  enum Mode: String, CaseIterable, Sendable {
    case implicit, starttls
  }

  /// Where Debian puts JavaScript modules.
  private static let environment = ["NODE_PATH": "/usr/share/nodejs"]

  private static func script(_ name: String) -> String {
    Bundle.module.resourceURL?.appendingPathComponent("Clients/\(name)").path ?? name
  }

  /// Runs a client against a node and returns the message that came.
  private func submit(
    _ mode: Mode, _ program: String, _ arguments: (_ port: Int, _ authorities: String) -> [String]
  ) async throws -> NewMessage {
    var received: NewMessage?
    let authorities = try TestNode.certificates.get().authorityCertificate
    try await TestNode.with { node in
      let address = mode == .implicit ? node.implicitTLS : node.startTLS
      let (status, output) = try await run(
        program, arguments(try #require(address.port), authorities), environment: Self.environment)
      #expect(status == .exited(0), "\(output)")
      try #require(node.queue.count == 1)
      received = await node.queue.next()
    }
    return try #require(received)
  }

  @Test(arguments: Mode.allCases)
  func smtplib(_ mode: Mode) async throws {
    let message = try await submit(mode, "python3") { [Self.script("smtplib-session.py"), mode.rawValue, "\($0)", $1] }
    #expect(message.envelope.reversePath?.description == "user@example.org")
    #expect(try message.text.hasSuffix("\r\n.leading dot\r\n\r\nü text\r\n.\r\n"))
  }

  @Test(arguments: Mode.allCases)
  func nodemailer(_ mode: Mode) async throws {
    let message = try await submit(mode, "node") { [Self.script("nodemailer-session.js"), mode.rawValue, "\($0)", $1] }
    #expect(message.envelope.returned == .headers)
    #expect(message.envelope.envelopeID == "an id")
    #expect(message.envelope.recipients.first?.notify == [.failure, .delay])
    #expect(message.envelope.recipients.first?.originalRecipient == "rfc822;b@example.net")
  }

  @Test(arguments: Mode.allCases)
  func swaks(_ mode: Mode) async throws {
    let message = try await submit(mode, "swaks") { port, authorities in
      [
        "--server", "localhost", "--port", "\(port)", mode == .implicit ? "--tls-on-connect" : "--tls", "--tls-verify",
        "--tls-ca-path", authorities, "--auth-user", "user@example.org", "--auth-password", "secret", "--from",
        "user@example.org", "--to", "b@example.net,c@example.net", "--body", ".dot\n..\n", "--pipeline",
      ]
    }
    #expect(message.envelope.recipients.map(\.address.description) == ["b@example.net", "c@example.net"])
    #expect(try message.text.contains("\r\n\r\n.dot\r\n..\r\n"))
  }

  @Test(arguments: Mode.allCases)
  func curl(_ mode: Mode) async throws {
    let folder = try TemporaryDirectory()
    let file = try folder.write("From: user@example.org\r\nSubject: curl\r\n\r\n.dot\r\n", to: "message.eml")
    let message = try await submit(mode, "curl") { port, authorities in
      [
        "--silent", "--show-error", "--url", "\(mode == .implicit ? "smtps" : "smtp")://localhost:\(port)",
        "--ssl-reqd",
        "--cacert", authorities, "--user", "user@example.org:secret", "--mail-from", "user@example.org", "--mail-rcpt",
        "b@example.net", "--upload-file", file,
      ]
    }
    #expect(
      try message.text.hasSuffix(
        "Subject: curl\r\nDate: \(message.text.dateField)\r\n\(message.text.idField)\r\n\r\n.dot\r\n"))
  }
}

extension String {
  fileprivate var dateField: String { field("Date: ") }
  fileprivate var idField: String { "Message-ID: " + field("Message-ID: ") }

  private func field(_ name: String) -> String {
    split(separator: "\r\n").first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) } ?? ""
  }
}
