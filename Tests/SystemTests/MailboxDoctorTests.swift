import Cryptography
import Foundation
import MailTesting
import Supervision
import Testing

/// What `postrider doctor` says of the server of mailboxes: a real Dovecot, and servers that are none.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MailboxDoctorTests {
  private func doctor(_ node: RunningNode, _ settings: [String]) async throws -> DoctorRun {
    let result = try await node.command(["doctor"] + settings.flatMap { ["--set", $0] })
    return DoctorRun(status: result.status, output: result.output)
  }

  @Test func aDovecotIsSpokenTo() async throws {
    let mailboxes = try await MailboxNode(
      roles: [], zones: ["mailboxes.example": "@ A 127.0.0.1\nlonely TXT nothing\n"])
    let (node, port) = (mailboxes.node, mailboxes.dovecot.ports.lmtp)
    for tls in ["opportunistic", "required"] {
      let run = try await doctor(node, ["mailboxes.tls=\(tls)"])
      #expect(
        run.said("mailboxes", "127.0.0.1:\(port) speaks LMTP, TLSv1.3, with a certificate that stands for its name"),
        "\(run.output)")
    }
    let clear = try await doctor(node, ["mailboxes.tls=none"])
    #expect(clear.said("mailboxes", "speaks LMTP, in clear, as mailboxes.tls says"), "\(clear.output)")

    // A name that the certificate is not for, and an authority that has nothing to do with it.
    let named = try await doctor(node, ["mailboxes.tls=required", "mailboxes.lmtp=mailboxes.example:\(port)"])
    #expect(
      named.failed(
        "mailboxes",
        "its certificate is not trusted: is for localhost, 127.0.0.1, smart.example, not for mailboxes.example",
        "Dovecot's ssl_cert must be for mailboxes.example"), "\(named.output)")
    #expect(named.status == .exited(2))
    let place = node.directory.path("other")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let other = try CertificateMaker.ensure(directory: place, names: ["else.example"])
    let stranger = ["delivery.ca_file=\(other.authorityCertificate)"]
    let unknown = try await doctor(node, ["mailboxes.tls=required"] + stranger)
    #expect(
      unknown.failed(
        "mailboxes", "its certificate is not trusted: nobody known here vouches for it", "delivery.ca_file"),
      "\(unknown.output)")
    let careless = try await doctor(node, ["mailboxes.lmtp=mailboxes.example:\(port)"] + stranger)
    #expect(
      careless.said(
        "mailboxes", "mailboxes.example:\(port) (127.0.0.1) speaks LMTP, TLSv1.3, with a certificate that is not"),
      "\(careless.output)")

    for (host, words) in [
      ("lonely.mailboxes.example", "has no address"), ("missing.mailboxes.example", "has no address"),
    ] {
      let run = try await doctor(node, ["mailboxes.lmtp=\(host):\(port)"])
      #expect(run.failed("mailboxes", "\(host) \(words) in the DNS", "mend mailboxes.lmtp"), "\(run.output)")
    }
    let imap = try await doctor(
      node, ["mailboxes.lmtp=127.0.0.1:\(mailboxes.dovecot.ports.imap)", "delivery.timeout.greeting=300ms"])
    #expect(
      imap.failed("mailboxes", "greets nobody within 300ms", "the port is one that begins with TLS, such as 993"),
      "\(imap.output)")

    try await mailboxes.dovecot.kill()
    let dead = try await doctor(node, [])
    #expect(
      dead.failed("mailboxes", "it refuses connections", "start Dovecot or mend mailboxes.lmtp; until then mail"),
      "\(dead.output)")
    #expect(dead.status == .exited(2))
  }

  @Test func whatIsNoServerOfMailboxesIsTold() async throws {
    let node = try await RunningNode()
    func doctor(_ port: Int, at host: String = "127.0.0.1", _ settings: [String] = []) async throws -> DoctorRun {
      try await self.doctor(node, ["mailboxes.lmtp=\(host):\(port)"] + settings)
    }
    let smtp = try await doctor(node.smtpPort, at: "127.0.0.2")
    #expect(
      smtp.failed(
        "mailboxes", "it does not know LHLO, so it speaks SMTP and not LMTP: 500 5.5.2", "not a mail server's port 25"),
      "\(smtp.output)")

    let silent = try await SilentServer()
    let quiet = try await doctor(silent.port, ["delivery.timeout.greeting=200ms"])
    #expect(quiet.failed("mailboxes", "greets nobody within 200ms", "Dovecot is overloaded"), "\(quiet.output)")

    let imap = try await AnsweringServer(greeting: "* OK IMAP4rev1 ready", [:])
    let clear = try await doctor(imap.port)
    #expect(
      clear.failed("mailboxes", "speaks neither LMTP nor SMTP", "not the one for IMAP or POP3"), "\(clear.output)")

    let busy = try await AnsweringServer(greeting: "421 4.3.2 too busy", [:])
    #expect(
      try await doctor(busy.port).failed("mailboxes", "greets with a refusal: 421 4.3.2 too busy", "see Dovecot's log"))
    let strict = try await AnsweringServer(["LHLO": "550 5.7.1 not for you"])
    #expect(
      try await doctor(strict.port).failed("mailboxes", "LHLO is refused: 550 5.7.1 not for you", "Dovecot's log"))
    let mute = try await AnsweringServer(["LHLO": ""])
    let waited = try await doctor(mute.port, ["delivery.timeout.hello=200ms"])
    #expect(
      waited.failed("mailboxes", "after LHLO: there is no answer within 200ms", "Dovecot's log"), "\(waited.output)")
  }

  @Test func whatIsOfferedIsJudgedAsMailboxesTLSSays() async throws {
    let node = try await RunningNode()
    func doctor(_ server: AnsweringServer, _ tls: String) async throws -> DoctorRun {
      try await self.doctor(node, ["mailboxes.lmtp=127.0.0.1:\(server.port)", "mailboxes.tls=\(tls)"])
    }
    let all = "250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME"
    let plain = try await AnsweringServer(["LHLO": "250-here\r\n\(all)"])
    let required = try await doctor(plain, "required")
    #expect(
      required.failed("mailboxes", "tls is required, and it does not offer STARTTLS", "give Dovecot a certificate"),
      "\(required.output)")
    #expect(
      try await doctor(plain, "opportunistic").warned(
        "mailboxes", "in clear: STARTTLS is not offered", "mailboxes.tls: none"))
    #expect(try await doctor(plain, "none").said("mailboxes", "speaks LMTP, in clear, as mailboxes.tls says"))

    let refusing = try await AnsweringServer([
      "LHLO": "250-here\r\n250-STARTTLS\r\n\(all)", "STARTTLS": "454 4.7.0 no TLS today",
    ])
    #expect(
      try await doctor(refusing, "required").failed(
        "mailboxes", "STARTTLS is refused: 454 4.7.0 no TLS today", "ssl_cert"))
    #expect(
      try await doctor(refusing, "opportunistic").warned("mailboxes", "STARTTLS is refused (454 4.7.0", "ssl_cert"))

    let broken = try await AnsweringServer(["LHLO": "250-here\r\n250-STARTTLS\r\n\(all)", "STARTTLS": "220 go"])
    #expect(
      try await doctor(broken, "required").failed("mailboxes", "TLS fails after STARTTLS", "until then mail for hosted")
    )
    #expect(
      try await doctor(broken, "opportunistic").warned("mailboxes", "TLS fails after STARTTLS", "bring mail in clear"))

    let bare = try await AnsweringServer(["LHLO": "250-here\r\n250 SIZE"])
    #expect(
      try await doctor(bare, "none").warned(
        "mailboxes", "it lacks PIPELINING, ENHANCEDSTATUSCODES, 8BITMIME", "something in between"))
  }
}

/// Greets, and answers each command by its first word; to an empty answer it says nothing.
private final class AnsweringServer: Sendable {
  let port: Int
  private let process: ProcessHarness

  init(greeting: String = "220 here LMTP", _ answers: [String: String]) async throws {
    port = LoopbackPort.free()
    let table = try String(decoding: JSONEncoder().encode(answers), as: UTF8.self)
    process = try ProcessHarness(
      "python3",
      [
        "-c",
        """
        import json, socket, sys, threading
        answers = {"QUIT": "221 bye"} | json.loads(sys.argv[3])
        def serve(client):
            try:
                client.sendall(sys.argv[2].encode() + b"\\r\\n")
                for line in client.makefile("rb"):
                    word = line.split(b" ")[0].strip().decode("latin-1")
                    answer = answers.get(word, "500 5.5.1 what?")
                    if answer: client.sendall(answer.encode() + b"\\r\\n")
            except OSError: pass
        listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        print("listening", flush=True)
        while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """,
        "\(port)", greeting, table,
      ])
    try await process.waitForLine(containing: "listening")
  }
}
