import ContentScan
import Foundation
import MailModel
import MailQueue
import MailTesting
import NIOCore
import Supervision

/// Messages as the acceptor hands them to scanners.
enum Message {
  static let received =
    "Received: from client by mx.example.com with ESMTPSA\r\n\tid 0 (session X);\r\n\tMon, 5 Jan 2026 10:00:00 +0000\r\n"

  static func plain(_ body: String, subject: String = "hello", extra: String = "") -> String {
    received
      + "From: <alice@sender.example>\r\nTo: <bob@inbox.example>\r\nSubject: \(subject)\r\n\(extra)"
      + "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n\r\n\(body)\r\n"
  }

  static func multipart(_ type: String, _ content: String, encoding: String, name: String = "file") -> String {
    plain(
      """
      --frontier\r
      Content-Type: text/plain\r
      \r
      See the attachment.\r
      --frontier\r
      Content-Type: \(type); name="\(name)"\r
      Content-Transfer-Encoding: \(encoding)\r
      Content-Disposition: attachment; filename="\(name)"\r
      \r
      \(content)\r
      --frontier--\r
      """, extra: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=frontier\r\n")
  }

  static func base64(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString(options: [
      .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
    ])
  }

  /// A zip archive, made by Python.
  static func zip(_ content: String) async throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    try directory.write(content, to: "content")
    let made = try await run(
      "python3",
      [
        "-c",
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED).writestr('inner.com', open(sys.argv[2]).read())",
        directory.path("archive.zip"), directory.path("content"),
      ])
    guard made.status.isSuccess else { throw Trouble(made.output) }
    return Array(try Data(contentsOf: URL(fileURLWithPath: directory.path("archive.zip"))))
  }

  /// The message in each form in which malware travels.
  static func infected() async throws -> [(form: String, message: String)] {
    let file = PrivateClamd.testFile
    let inner = multipart("application/octet-stream", base64(file.utf8), encoding: "base64", name: "inner.com")
    return [
      ("plain", plain(file)),
      ("base64", multipart("application/octet-stream", base64(file.utf8), encoding: "base64", name: "eicar.com")),
      (
        "quoted",
        multipart(
          "text/plain", file.replacing("=", with: "=3D").replacing("$", with: "=24"), encoding: "quoted-printable")
      ),
      ("zip", multipart("application/zip", base64(try await zip(file)), encoding: "base64", name: "eicar.zip")),
      ("nested", multipart("message/rfc822", inner, encoding: "7bit", name: "forwarded")),
    ]
  }
}

struct Trouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension ScannedMessage {
  init(_ text: String, user: String = "alice@sender.example", spilledTo directory: String? = nil) throws {
    var content = MessageContent.memory(ByteBuffer(string: text))
    if let directory {
      let file = try SpillFile(directory: directory)
      try Array(text.utf8).withUnsafeBytes { try file.append($0) }
      content = .spilled(file)
    }
    self.init(
      id: QueueID(unixMilliseconds: 1), content: content,
      envelope: Envelope(
        reversePath: MailAddress(trusted: "alice@sender.example"),
        recipients: [Recipient(address: MailAddress(trusted: "bob@inbox.example")!)]),
      tenant: 1, user: user, helo: "client.example", clientAddress: "192.0.2.1", hostName: "mx.example.com")
  }
}
