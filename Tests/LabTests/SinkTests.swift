import Cryptography
import Foundation
import MailTesting
import Supervision
import Testing

/// The sink is a witness in other tests, so an independent client, Python's smtplib, is its own witness.
@Suite("Sink")
struct SinkTests {
  /// A sink on two addresses with a script, and Python with `connect(address)` prepared.
  private func withSink(script: String = "", python: String) async throws -> (files: TemporaryDirectory, output: String)
  {
    let files = try TemporaryDirectory()
    let port = LoopbackPort.free()
    let certificates = try CertificateMaker.ensure(directory: files.path, names: ["localhost", "127.0.0.2"])
    let sink = try ProcessHarness(
      "postrider-lab",
      [
        "sink", "--listen", "127.0.0.2:\(port)", "--listen", "127.0.0.3:\(port)", "--script",
        files.write(script, to: "script.yaml"), "--capture", files.path("mail"), "--journal", files.path("journal"),
        "--certificate", certificates.certificate, "--key", certificates.key,
      ])
    try await sink.waitForLine(containing: "sink ready")
    let prelude = """
      import smtplib, ssl, socket
      def connect(address='127.0.0.2', tls=False):
          s = smtplib.SMTP(address, \(port), timeout=30)
          if tls:
              s.starttls(context=ssl.create_default_context(cafile='\(certificates.authorityCertificate)')); s.ehlo()
          return s
      def failure(call, *arguments):
          try: call(*arguments)
          except smtplib.SMTPResponseException as e: return e.smtp_code
          except smtplib.SMTPRecipientsRefused as e: return list(e.recipients.values())[0][0]
          except (smtplib.SMTPServerDisconnected, OSError) as e: return type(e).__name__

      """
    let result = try await run("python3", ["-c", prelude + python])
    #expect(result.status.isSuccess, "\(result.output)\n\(sink.output)")
    #expect(try await sink.terminate().isSuccess)
    return (files, result.output)
  }

  private func envelope(_ files: TemporaryDirectory, _ name: String = "000001") throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: files.path("mail/\(name).json")))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("a message over STARTTLS is kept byte for byte with its envelope")
  func capture() async throws {
    let (files, _) = try await withSink(
      python: """
        s = connect(tls=True)
        s.sendmail('a@one.example', ['b@two.example', 'c@two.example'], b'Subject: x\\r\\n\\r\\n.dot\\r\\n..\\r\\nend\\r\\n',
          mail_options=['BODY=8BITMIME'], rcpt_options=['NOTIFY=NEVER'])
        s.quit()
        """)
    let body = try String(contentsOfFile: files.path("mail/000001.eml"), encoding: .utf8)
    #expect(body == "Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n")
    let kept = try envelope(files)
    #expect(kept["mail_from"] as? String == "a@one.example")
    #expect(kept["rcpt_to"] as? [String] == ["b@two.example", "c@two.example"])
    #expect((kept["mail_parameters"] as? [String])?.contains("BODY=8BITMIME") == true)
    #expect((kept["tls"] as? [String: Any])?["version"] as? String == "TLSv1.3")
    #expect(try String(contentsOfFile: files.path("journal"), encoding: .utf8).contains("\"stage\":\"dot\""))
  }

  @Test("rules count, per recipient or together, and act on one address only")
  func rules() async throws {
    let script = """
      hosts:
        127.0.0.3: {name: plain.example, without: [STARTTLS, SIZE]}
      rules:
        - {stage: rcpt, match: "*@slow.example", times: 1, each: true, reply: "450 4.7.1 greylisted"}
        - {stage: rcpt, match: "gone@*", reply: "550 5.1.1 nobody\\nreally"}
        - {stage: mail, listen: 127.0.0.3, times: 1, reply: "421 4.3.2 closing", then: drop}
        - {stage: dot, match: "lost@*", store: true, silent: true, then: drop}
        - {stage: data, match: "reset@*", silent: true, then: reset}
      """
    let (files, output) = try await withSink(
      script: script,
      python: """
        def send(to, address='127.0.0.2'): return failure(connect(address).sendmail, 'a@x.example', [to], 'Subject: x\\n\\ny')
        print(send('a@slow.example'), send('b@slow.example'), send('A@slow.example'), send('gone@y.example'))
        print(send('a@y.example', '127.0.0.3'), send('a@y.example', '127.0.0.3'))
        print(send('lost@y.example'), send('reset@y.example'))
        s = connect('127.0.0.3'); s.ehlo(); print(s.has_extn('starttls'), s.has_extn('size'), s.has_extn('dsn'))
        """)
    #expect(
      output.split(separator: "\n") == [
        "450 450 None 550", "421 None", "SMTPServerDisconnected SMTPServerDisconnected", "False False True",
      ])
    let names = try FileManager.default.contentsOfDirectory(atPath: files.path("mail"))
    #expect(names.filter { $0.hasSuffix(".eml") }.count == 3)
  }

  @Test("a script with a misspelt key is refused by name")
  func misspelt() async throws {
    let files = try TemporaryDirectory()
    let script = try files.write("rules:\n- {stage: rcpt, replay: '450 no'}\n", to: "script.yaml")
    let result = try await run("postrider-lab", ["sink", "--listen", "127.0.0.1:0", "--script", script])
    #expect(!result.status.isSuccess)
    #expect(result.output.contains("unknown key replay"))
  }

  @Test("the source delivers what it was asked to, over every kind of TLS", arguments: ["none", "starttls"])
  func source(tls: String) async throws {
    let port = LoopbackPort.free()
    let files = try TemporaryDirectory()
    let certificates = try CertificateMaker.ensure(directory: files.path, names: ["localhost"])
    let sink = try ProcessHarness(
      "postrider-lab",
      [
        "sink", "--listen", "127.0.0.1:\(port)", "--capture", files.path("mail"), "--certificate",
        certificates.certificate, "--key", certificates.key,
      ])
    try await sink.waitForLine(containing: "sink ready")
    let result = try await run(
      "postrider-lab",
      [
        "source", "--host", "localhost", "--port", "\(port)", "--tls", tls, "--to", "u{n}@x.example",
        "--connections", "4", "--messages", "50", "--ca", certificates.authorityCertificate, "--timeout", "20",
      ])
    #expect(result.status.isSuccess, "\(result.output)")
    #expect(result.output.hasPrefix("50 of 50 accepted"))
    let names = try FileManager.default.contentsOfDirectory(atPath: files.path("mail"))
    #expect(names.count == 100)
  }
}
