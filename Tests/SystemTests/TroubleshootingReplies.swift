import Cryptography
import Foundation
import MailTesting
import Supervision

/// The refusals that users meet, each by its key in docs/integrations/troubleshooting.md, as a real node says them: with the
/// page's names instead of the test's, and a round number instead of the seconds that are left.
enum TroubleshootingReplies {
  static func collect() async throws -> [String: String] {
    let (redis, clamd, rspamd) = (try await RedisServer(), try await ClamdServer(), try await RspamdServer())
    let node = try await RunningNode(
      zones: DoctorRun.zones.merging(["bl.example": "2.0.0.127 IN A 127.0.0.2\n"]) { $1 },
      settings: """
        redis: {url: "\(redis.url)"}
        scanning: {clamd: "\(clamd.address)", rspamd: "\(rspamd.url)"}
        blocklists: {clients: [bl.example]}
        smtp.queue_timeout: 120s
        limits:
          credential: {messages: 2/hour}
          failed_logins: {address: 8/hour, account: 4/hour}
          redis_timeout: 10s
        """)
    try await node.addAccounts()
    let acceptor = try await node.acceptor()
    let (implicit, startTLS) = (LoopbackPort.free(), LoopbackPort.free())
    let impatient = try await node.watched(
      "acceptor", awaiting: "ready",
      [
        "smtp.implicit_tls.listen=127.0.0.1:\(implicit)", "smtp.starttls.listen=127.0.0.1:\(startTLS)",
        "smtp.command_timeout=1s", "limits.sessions.address=1",
      ])
    let relay = try await StrippingRelay(to: node.startTLSPort)
    let places =
      "implicit, starttls = \(node.implicitPort), \(node.startTLSPort)\nimpatient, relay = \(startTLS), \(relay.port)\n"
    let texts = "eicar = \(literal(PrivateClamd.testFile))\ngtube = \(literal(PrivateRspamd.testText))\n"
    var replies = try said(try await node.python(client + places + texts + refusals))
    replies.merge(try said(try await node.python(client + places + handshakes))) { $1 }

    try CertificateMaker.makeServerCertificate(
      names: ["localhost"], authorityCertificateFile: node.authority,
      authorityKeyFile: node.directory.path("tls/ca.key"), certificateFile: node.directory.path("tls/server.pem"),
      keyFile: node.directory.path("tls/server.key"), days: -1)
    replies.merge(try said(try await node.python(client + places + expiry))) { $1 }
    withExtendedLifetime((redis, clamd, rspamd, acceptor, impatient)) {}
    return replies
  }

  /// Lines of the doctor, which alone sees more than a time-out.
  static func connections() async throws -> [String: String] {
    let (full, closed) = (try await SilentServer(isFull: true), LoopbackPort.free())
    var lines: [String: String] = [:]
    for (key, port) in [("doctor-no-answer", full.port), ("doctor-refused", closed)] {
      let run = try await DoctorRun.run([
        "--as-client", "127.0.0.1", "--tls-port", "\(port)", "--starttls-port", "0", "--timeout", "200ms",
      ])
      let line = run.output.split(separator: "\n").first { $0.contains(" port \(port) ") } ?? ""
      lines[key] = line.replacing("port \(port)", with: "port 465  ").replacing("200ms", with: "20.0s") + "\n"
    }
    return lines
  }

  // MARK: What was said

  /// Lines `reply KEY JSON`.
  private static func said(_ output: String) throws -> [String: String] {
    var replies: [String: String] = [:]
    for line in output.split(separator: "\n") where line.hasPrefix("reply ") {
      let parts = line.split(separator: " ", maxSplits: 2)
      let text = try JSONSerialization.jsonObject(with: Data(parts[2].utf8), options: .fragmentsAllowed)
      replies[String(parts[1])] = plain(text as? String ?? "")
    }
    return replies
  }

  private static func plain(_ text: String) -> String {
    text.replacing("sender.example", with: "example.com")
      .replacing(/try again in \d+ seconds/, with: "try again in 3600 seconds")
      .replacing(/with the text .*/, with: "with the text …")
      // So clamd marks what is not of its project's own database.
      .replacing(".UNOFFICIAL", with: "")
      .replacing(/\[SSL[^\]]*\] | \(_ssl\.c:\d+\)/, with: "")
  }

  /// As what no scanner finds in a file.
  private static func literal(_ text: String) -> String {
    "bytes.fromhex('\(text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())').decode()"
  }

  // MARK: Programs

  /// A client that hides nothing.
  private static let client = """
    import base64, json, socket

    def reply(key, text): say("reply", key, json.dumps(text))

    class Client:
        def __init__(self, port, source="127.0.0.1"):
            self.sock = socket.create_connection(("127.0.0.1", port), timeout=150, source_address=(source, 0))
            self.file = self.sock.makefile("rb")

        def read(self):
            lines = ""
            while line := self.file.readline():
                lines += line.decode().rstrip() + "\\n"
                if line[3:4] != b"-": break
            return lines

        def say(self, line):
            self.sock.sendall(line.encode() + b"\\r\\n")
            return self.read()

        def login(self, name, secret=password):
            return self.say("AUTH PLAIN " + base64.b64encode(f"\\0{name}\\0{secret}".encode()).decode())

        def message(self, sender, content):
            said = self.say(f"MAIL FROM:<{sender}>")
            if said[:1] == "2": said = self.say("RCPT TO:<bob@inbox.example>")
            if said[:1] == "2": said = self.say("DATA")
            return self.say(content.replace("\\n", "\\r\\n") + "\\r\\n.") if said[:1] == "3" else said

    def secure(port, source="127.0.0.1", name=None):
        made = Client(port, source)
        made.read()
        made.say("EHLO client.example")
        made.say("STARTTLS")
        made.sock = context.wrap_socket(made.sock, server_hostname="localhost")
        made.file = made.sock.makefile("rb")
        made.say("EHLO client.example")
        if name: assert made.login(name)[:3] == "235"
        return made

    def content(sender, text="Good morning.\\n"): return f"From: {sender}\\nSubject: hello\\n\\n{text}"

    def until(beginning, attempt):
        # What is decided a moment later, or after more tries.
        for _ in range(20):
            if (said := attempt()).startswith(beginning): return said
            time.sleep(0.1)
        raise AssertionError(f"not {beginning} but {said}")

    """

  private static let refusals = """
    reply("wrong-password", secure(starttls).login(user, "wrong"))
    reply("unknown-user", secure(starttls).login("nobody@sender.example"))
    reply("short-user", secure(starttls).login(user.split("@")[0]))
    reply("smtp-off", secure(starttls).login("off@sender.example"))
    reply("disabled", secure(starttls).login("disabled@sender.example"))
    guess = secure(starttls)
    reply("failed-in-session", until("421", lambda: guess.login(user, "wrong")))
    number = iter(range(1000))
    def guess_password(): return secure(starttls, "127.0.0.8").login("guessed@sender.example", f"guess {next(number)}")
    def guess_user(): return secure(starttls, "127.0.0.9").login(f"nobody@guess{next(number)}.example")
    reply("failed-for-account", until("454", guess_password))
    reply("failed-from-address", until("421", guess_user))
    clear = Client(starttls)
    clear.read()
    clear.say("EHLO client.example")
    reply("login-in-clear", clear.login(user))
    reply("mail-in-clear", clear.say(f"MAIL FROM:<{user}>"))
    reply("no-login", secure(starttls).say(f"MAIL FROM:<{user}>"))
    reply("mechanism", secure(starttls).say("AUTH CRAM-MD5"))

    def last_words(count):
        # Of the last of some connections: the greeting is not the end.
        clients = [Client(impatient, "127.0.0.7") for _ in range(count)]
        said = clients[-1].read()
        return said if said[:3] == "421" else clients[-1].read()
    reply("too-many-sessions", until("421 4.7.1", lambda: last_words(2)))
    reply("idle", until("421 4.4.2", lambda: last_words(1)))

    mine = secure(starttls, name=user)
    reply("sender", mine.message("bob@elsewhere.example", ""))
    reply("from", mine.message(user, content("bob@sender.example")))
    reply("unverified", secure(starttls, name="app@new.example").message("app@new.example", ""))
    reply("too-large", mine.say(f"MAIL FROM:<{user}> SIZE=60000000"))
    reply("malware", mine.message(user, content(user, eicar)))
    reply("spam", mine.message(user, content(user, gtube)))
    busy = secure(starttls, name="busy@sender.example")
    reply("limit", until("4", lambda: busy.message("busy@sender.example", content("busy@sender.example"))))
    reply("listed", until("5", lambda: secure(starttls, "127.0.0.2", name=user).say(f"MAIL FROM:<{user}>")))
    mine.say("RSET")
    mine.say(f"MAIL FROM:<{user}>")
    reply("recipient", mine.say("RCPT TO:<recipient@@inbox.example>"))
    mine.say("RSET")
    again = secure(starttls, name=user)
    reply("long-line", again.message(user, content(user, "x" * 1200)))
    again.say(f"MAIL FROM:<{user}>")
    again.say("RCPT TO:<bob@inbox.example>")
    again.say("DATA")
    reply("bare-line-feed", again.say("Subject: hello\\r\\n\\r\\nGood\\nmorning.\\r\\n."))

    """

  private static let handshakes = """
    def trouble(attempt):
        try: attempt()
        except (OSError, smtplib.SMTPException) as error: return str(error) + "\\n"
        return "nothing\\n"

    def handshake(chosen, name="localhost"):
        with socket.create_connection(("127.0.0.1", implicit), timeout=150) as plain:
            with chosen.wrap_socket(plain, server_hostname=name) as secure: secure.recv(1)

    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with __import__("warnings").catch_warnings():
        __import__("warnings").simplefilter("ignore")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    reply("tls-name", trouble(lambda: handshake(context, "other.example")))
    reply("tls-authority", trouble(lambda: handshake(ssl.create_default_context())))
    reply("tls-old", trouble(lambda: handshake(old)))
    reply("tls-on-587", trouble(lambda: smtplib.SMTP_SSL("127.0.0.1", starttls, context=context, timeout=150)))
    reply("clear-on-465", trouble(lambda: smtplib.SMTP("127.0.0.1", implicit, timeout=150)))
    reply("no-starttls", trouble(lambda: smtplib.SMTP("127.0.0.1", relay, timeout=150).starttls(context=context)))

    """

  private static let expiry = """
    while True:
        try: smtplib.SMTP_SSL("localhost", implicit, context=context, timeout=150).close()
        except ssl.SSLCertVerificationError as error:
            reply("tls-expired", str(error) + "\\n")
            break

    """
}

extension RunningNode {
  /// Accounts that may not do everything.
  fileprivate func addAccounts() async throws {
    let secret = try directory.write(Self.password + "\n", to: "secret")
    let names = ["off", "disabled", "guessed", "busy"].map { "\($0)@sender.example" } + ["app@new.example"]
    var commands = [["domain", "add", "first", "new.example"]]
    commands += names.map { ["credential", "add", "first", $0, "--password-file", secret] }
    commands += [
      ["credential", "set", "off@sender.example", "--smtp", "off"],
      ["credential", "disable", "disabled@sender.example"],
    ]
    for words in commands {
      let result = try await command(words)
      guard result.status.isSuccess else { throw NodeTrouble(result.output) }
    }
  }
}
