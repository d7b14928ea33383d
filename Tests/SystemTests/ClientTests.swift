import Foundation
import MailTesting
import Supervision
import Testing

/// Programs that people send mail with, through both ports, to the sink.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ClientTests {
  private static let original =
    "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\nFrom: alice@sender.example\r\n"
    + "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nX-Folded: one\r\n\ttwo\r\n\r\n"
    + ".dot\r\n..\r\n\r\n" + String(repeating: "y", count: 998) + "\r\ntab\there \r\n.\r\n"

  /// The arguments that make a program take one port or the other.
  private func swaks(_ node: RunningNode, implicit: Bool, password: String = RunningNode.password) -> [String] {
    [
      "--server", "localhost", "--port", "\(implicit ? node.implicitPort : node.startTLSPort)",
      implicit ? "--tls-on-connect" : "--tls", "--tls-verify", "--tls-ca-path", node.authority, "--auth", "PLAIN",
      "--auth-user", RunningNode.user, "--auth-password", password, "--from", RunningNode.user, "--to",
      "bob@inbox.example",
    ]
  }

  private func curl(_ node: RunningNode, implicit: Bool, file: String, password: String = RunningNode.password)
    -> [String]
  {
    [
      "--silent", "--show-error", "--url",
      implicit ? "smtps://localhost:\(node.implicitPort)" : "smtp://localhost:\(node.startTLSPort)", "--ssl-reqd",
      "--cacert", node.authority, "--user", "\(RunningNode.user):\(password)", "--mail-from", RunningNode.user,
      "--mail-rcpt", "bob@inbox.example", "--upload-file", file,
    ]
  }

  private func nodemailer(_ node: RunningNode, implicit: Bool, password: String = RunningNode.password) async throws
    -> (status: Bool, output: String)
  {
    let program = """
      const transport = require('nodemailer').createTransport({
        host: 'localhost', port: \(implicit ? node.implicitPort : node.startTLSPort), secure: \(implicit),
        requireTLS: true, tls: { ca: require('fs').readFileSync('\(node.authority)') },
        auth: { user: '\(RunningNode.user)', pass: '\(password)' } });
      transport.sendMail({ from: '\(RunningNode.user)', to: 'bob@inbox.example', bcc: 'hidden@inbox.example',
        subject: 'nodemailer ü', text: '.dot\\nü\\n' })
        .then(sent => { console.log(sent.response); transport.close(); })
        .catch(error => { console.log(error.code, error.responseCode); process.exit(1); });
      """
    let result = try await run("/usr/bin/nodejs", ["-e", program], environment: ["NODE_PATH": "/usr/share/nodejs"])
    return (result.status.isSuccess, result.output)
  }

  @Test(arguments: [false, true])
  func smtplibMailArrivesByteForByteWithoutBcc(implicit: Bool) async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let content = "Bcc: secret@inbox.example,\r\n other@inbox.example\r\n" + Self.original
    try content.write(toFile: node.directory.path("content"), atomically: true, encoding: .utf8)
    let output = try await node.python(
      """
      server = connect(implicit=\(implicit ? "True" : "False"))
      say(send(server, ["bob@inbox.example"], open(folder + "/content", "rb").read()))
      server.quit()
      """)
    #expect(output.contains("(250,"), "\(output)")
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.message.hasPrefix("Received: "))
    #expect(mail.message.hasSuffix("\r\n" + Self.original))
    #expect(!mail.message.contains("secret@") && !mail.message.contains("other@"))
    _ = roles
  }

  @Test(arguments: [false, true])
  func swaksMailArrives(implicit: Bool) async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let sent = try await run("swaks", swaks(node, implicit: implicit) + ["--body", ".dot\\n..\\n", "--pipeline"])
    #expect(sent.status.isSuccess, "\(sent.output)")
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.message.contains("\r\n\r\n.dot\r\n..\r\n"))
    #expect(mail.field("mail_from") == RunningNode.user)
    let refused = try await run("swaks", swaks(node, implicit: implicit, password: "wrong"))
    #expect(!refused.status.isSuccess)
    #expect(refused.output.contains("535 5.7.8"), "\(refused.output)")
    _ = roles
  }

  @Test(arguments: [false, true])
  func curlMailArrivesByteForByte(implicit: Bool) async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let file = try node.directory.write(Self.original, to: "content")
    let sent = try await run("curl", curl(node, implicit: implicit, file: file))
    #expect(sent.status.isSuccess, "\(sent.output)")
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.message.hasSuffix("\r\n" + Self.original))
    let refused = try await run("curl", curl(node, implicit: implicit, file: file, password: "wrong"))
    #expect(refused.status == .exited(67), "curl's code for a refused login: \(refused.output)")
    _ = roles
  }

  @Test(arguments: [false, true])
  func nodemailerMailArrives(implicit: Bool) async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let sent = try await nodemailer(node, implicit: implicit)
    #expect(sent.status, "\(sent.output)")
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.recipients.sorted() == ["bob@inbox.example", "hidden@inbox.example"])
    #expect(!mail.message.dropFirst(mail.message.prefix { $0 != "\n" }.count).contains("Bcc:"))
    #expect(mail.message.contains("Subject: =?UTF-8?"))
    let refused = try await nodemailer(node, implicit: implicit, password: "wrong")
    #expect(!refused.status)
    #expect(refused.output.contains("EAUTH 535"), "\(refused.output)")
    _ = roles
  }

  @Test func aWrongPasswordIs535() async throws {
    let node = try await RunningNode()
    let acceptor = try await node.acceptor()
    let output = try await node.python(
      """
      for implicit in (False, True):
          try:
              connect(implicit, password="wrong")
          except smtplib.SMTPAuthenticationError as error:
              say(error.smtp_code)
      """)
    #expect(output == "535\n535")
    _ = acceptor
  }

  @Test func utf8AddressesGoOnlyWhereTheyAreUnderstood() async throws {
    let node = try await RunningNode(
      script: "hosts:\n  127.0.0.3: {name: mx.plain.example, without: [SMTPUTF8]}\n",
      zones: ["plain.example": "@ MX 10 mx\nmx A 127.0.0.3\n"])
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    let output = try await node.python(
      """
      server = connect()
      server.command_encoding = "utf-8"
      text = "Date: now\\r\\nMessage-ID: <2@sender.example>\\r\\nFrom: alice@sender.example\\r\\nSubject: grüße\\r\\n\\r\\nüber\\r\\n"
      say(send(server, ["jörg@inbox.example", "jörg@plain.example"], text.encode(), ["SMTPUTF8", "BODY=8BITMIME"]))
      """)
    #expect(output.contains("(250,"), "\(output)")
    let mails = try await node.waitForCaptured(2)
    let mail = try #require(mails.first { $0.recipients == ["jörg@inbox.example"] })
    #expect(mail.message.hasSuffix("\r\nSubject: grüße\r\n\r\nüber\r\n"))
    #expect(mail.message.contains(" with UTF8SMTPSA "))
    let parameters: [String] = mail.field("mail_parameters") ?? []
    #expect(parameters.contains("SMTPUTF8"))
    let bounce = try #require(mails.first { $0.message.contains("multipart/report") })
    #expect(bounce.message.contains("5.6.7"))
    #expect(bounce.recipients == [RunningNode.user])
    #expect(mails.count == 2)
    _ = roles
  }

  @Test func eightBitMailIsReturnedByAHostWithout8BITMIMEAndSevenBitMailIsNot() async throws {
    let node = try await RunningNode(
      script: "hosts:\n  127.0.0.3: {name: mx.plain.example, without: [8BITMIME, SMTPUTF8]}\n",
      zones: ["plain.example": "@ MX 10 mx\nmx A 127.0.0.3\n"])
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.python(
      """
      server = connect()
      eight = "Subject: eight\\r\\n\\r\\n\\xe4\\xf6 latin\\r\\n".encode("latin-1")
      say(send(server, ["eight@plain.example", "eight@inbox.example"], eight, ["BODY=8BITMIME"]))
      say(send(server, ["seven@plain.example"], b"Subject: seven\\r\\n\\r\\nascii\\r\\n", ["BODY=8BITMIME"]))
      """)
    let mails = try await node.waitForCaptured(3)
    #expect(mails.map(\.recipients).contains(["seven@plain.example"]))
    #expect(!mails.map(\.recipients).contains(["eight@plain.example"]))
    let bounce = try #require(mails.first { $0.message.contains("multipart/report") })
    #expect(bounce.message.contains("5.6.3"))
    let files = try FileManager.default.contentsOfDirectory(atPath: node.capture).filter { $0.hasSuffix(".eml") }
    let latin = Data([0x0D, 0x0A, 0x0D, 0x0A, 0xE4, 0xF6]) + Data(" latin\r\n".utf8)
    let holders = try files.filter {
      try Data(contentsOf: URL(fileURLWithPath: "\(node.capture)/\($0)")).suffix(latin.count) == latin
    }
    #expect(holders.count == 1, "the bytes are as they were sent")
    _ = roles
  }

  @Test func aHundredRecipientsAtOneExchangerAreOneTransaction() async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let recipients = (0..<100).map { "user\($0)@inbox.example" }
    _ = try await node.send(to: recipients)
    try await node.waitForOutcomes(100)
    let mails = try node.captured()
    #expect(mails.map(\.recipients) == [recipients])
    #expect(try await node.database.query("SELECT DISTINCT kind, attempt FROM postrider.outcome") == "0|1")
    _ = roles
  }

  @Test func tooManyRecipientsGoOnInTheNextTransactionAtNoCost() async throws {
    let node = try await RunningNode(
      script: """
        rules:
          - {stage: rcpt, match: 'c@*', times: 1, reply: '452 4.5.3 too many recipients'}
          - {stage: rcpt, match: 'd@*', times: 1, reply: '452 4.5.3 too many recipients'}
        """)
    let roles = [try await node.acceptor(), try await node.worker()]
    let letters = ["a", "b", "c", "d"].map { "\($0)@inbox.example" }
    _ = try await node.send(to: letters)
    try await node.waitForOutcomes(4)
    #expect(try node.captured().map(\.recipients) == [Array(letters[..<2]), Array(letters[2...])])
    let outcome = try await node.outcomes("recipient, kind, attempt")
    #expect(outcome == "1|0|1\n2|0|1\n3|0|1\n4|0|1")
    _ = roles
  }

  @Test func chunksArriveAsOneMessage() async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let output = try await node.python(
      """
      server = connect()
      assert server.has_extn("chunking") or server.ehlo() and server.has_extn("chunking")
      server.mail(user); server.rcpt("bob@inbox.example")
      for part, last in ((b"Subject: parts\\r\\n\\r\\n.", ""), (b"dot\\r\\n.\\r", ""), (b"\\nend\\r\\n", " LAST")):
          server.send(b"BDAT %d%s\\r\\n%s" % (len(part), last.encode(), part))
          say(server.getreply()[0])
      """)
    #expect(output == "250\n250\n250")
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.message.hasSuffix("\r\n\r\n.dot\r\n.\r\nend\r\n"))
    _ = roles
  }
}
