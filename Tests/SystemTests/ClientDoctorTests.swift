import Cryptography
import Foundation
import MailTesting
import Supervision
import Testing

/// `postrider doctor --as-client` against a real node, and against what is none.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ClientDoctorTests {
  @Test func aHealthyNodeIsInOrder() async throws {
    let node = try await RunningNode(zones: DoctorRun.zones)
    let acceptor = try await node.acceptor()
    let all = ["--to", "bob@inbox.example", "--size", "1000000"]
    let run = try await node.doctor(user: RunningNode.user, all)
    #expect(run.status == .exited(0), "\(run.output)")
    #expect(run.said("name", "smart.example has 127.0.0.1 (A)"))
    for port in [node.implicitPort, node.startTLSPort] {
      #expect(run.said("port \(port)", "127.0.0.1 takes connections"), "\(run.output)")
      #expect(run.said("encryption \(port)", "TLSv1.3, TLS_"))
      #expect(run.said("certificate's name \(port)", "is for localhost, 127.0.0.1, smart.example"))
      #expect(run.said("certificate's dates \(port)", "days left"))
      #expect(run.said("certificate's chain \(port)", "vouched for by CN=Postrider development authority"))
      #expect(run.said("greeting \(port)", "220 localhost ESMTP Postrider"))
      #expect(run.said("EHLO \(port)", "logins: LOGIN, PLAIN; messages up to 50 MB"))
    }
    #expect(run.said("STARTTLS \(node.startTLSPort)", "offered and begun"))
    #expect(run.said("login", "\(RunningNode.user) is logged in"))
    #expect(run.said("sender", "\(RunningNode.user) may be the sender") && run.said("size", "would be taken"))
    #expect(run.said("recipient", "bob@inbox.example is taken"))
    #expect(run.output.contains("with port \(node.implicitPort) (SSL/TLS) and port \(node.startTLSPort) (STARTTLS)."))
    #expect(!run.output.contains(RunningNode.password))
    #expect(try await node.database.query("SELECT count(*) FROM postrider.message") == "0", "nothing is sent")

    let json = try await node.doctor(user: RunningNode.user, ["--json"])
    let record = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(record["status"] as? String == "ok")
    let ports = try #require(record["ports"] as? [[String: Any]])
    #expect(ports.map { $0["is_usable"] as? Bool } == [true, true])
    #expect(ports.map { $0["security"] as? String } == ["SSL/TLS", "STARTTLS"])

    let sent = try await node.doctor(user: RunningNode.user, all + ["--send"])
    #expect(sent.status == .exited(0) && sent.said("message", "sent: 250 2.0.0 Ok: queued as "), "\(sent.output)")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.message") == "1")
    _ = acceptor
  }

  @Test func whatTheAccountMayNotDoIsExplained() async throws {
    let node = try await RunningNode(zones: DoctorRun.zones)
    let acceptor = try await node.acceptor()
    let wrong = try await node.doctor(user: RunningNode.user, password: "another")
    #expect(wrong.status == .exited(2))
    #expect(
      wrong.failed("login", "535 5.7.8 Authentication credentials invalid", "see user name and password"),
      "\(wrong.output)")
    #expect(wrong.output.contains("A mail program can use smart.example with"), "the ports are in order")
    let short = try await node.doctor(user: "alice")
    #expect(short.failed("login", "535 5.7.8", "«alice» is no whole address"), "\(short.output)")

    let sender = try await node.doctor(user: RunningNode.user, ["--from", "bob@elsewhere.example"])
    #expect(sender.failed("sender", "553 5.7.1 This sender address is not yours", "--allow-sender"), "\(sender.output)")
    let large = try await node.doctor(user: RunningNode.user, ["--size", "60000000"])
    #expect(large.failed("size", "57 MB (60000000 bytes): 552 5.3.4 ", "make it smaller"), "\(large.output)")

    let off = try await node.command(["credential", "set", RunningNode.user, "--smtp", "off"])
    #expect(off.status.isSuccess, "\(off.output)")
    try await eventually("the acceptor knows") {
      try await node.doctor(user: RunningNode.user).failed(
        "login", "525 5.7.13 SMTP access is switched off for this account", "ask who manages the account")
    }
    _ = acceptor
  }

  @Test func aLimitThatIsReachedIsExplained() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(
      zones: DoctorRun.zones,
      settings: "redis: {url: \"\(redis.url)\"}\nlimits: {credential: {messages: 1/hour}, redis_timeout: 10s}\n")
    let acceptor = try await node.acceptor()
    let arguments = ["--to", "bob@inbox.example", "--send"]
    #expect(try await node.doctor(user: RunningNode.user, arguments).status == .exited(0))
    let second = try await node.doctor(user: RunningNode.user, arguments)
    #expect(second.status == .exited(2))
    #expect(
      second.failed("message", "451 4.7.1 Limit reached: 1 messages an hour", "a limit is reached: wait"),
      "\(second.output)")
    // To ask costs nothing.
    #expect(try await node.doctor(user: RunningNode.user, ["--to", "bob@inbox.example"]).status == .exited(0))
    _ = acceptor
  }

  @Test func aPasswordGoesOnlyWhereTheCertificateStandsForTheName() async throws {
    let node = try await RunningNode(zones: DoctorRun.zones)
    let acceptor = try await node.acceptor()
    let (tls, starttls) = (node.implicitPort, node.startTLSPort)
    let name = try await node.doctor("other.example", user: RunningNode.user)
    #expect(name.status == .exited(2))
    #expect(
      name.failed(
        "certificate's name \(tls)", "is for localhost, 127.0.0.1, smart.example, not for other.example",
        "enter a name that"),
      "\(name.output)")
    #expect(name.said("certificate's chain \(tls)", "vouched for by"))
    #expect(name.failed("login", "not tried: the password is not sent", "mend what failed above"))
    #expect(name.output.contains("No mail program can use other.example from here."))
    let unknown = try await node.doctor(user: RunningNode.user, authority: nil)
    #expect(
      unknown.failed("certificate's chain \(tls)", "nobody known here vouches for it", "--ca-file"), "\(unknown.output)"
    )
    #expect(unknown.failed("login", "not tried", ""))

    // The node takes another certificate while it runs.
    let files = (node.directory.path("tls/server.pem"), node.directory.path("tls/server.key"))
    try CertificateMaker.makeServerCertificate(
      names: ["smart.example"], authorityCertificateFile: node.authority,
      authorityKeyFile: node.directory.path("tls/ca.key"), certificateFile: files.0, keyFile: files.1, days: -1)
    try await eventually("the expired certificate is shown") {
      let expired = try await node.doctor(user: RunningNode.user)
      return expired.failed("certificate's dates \(starttls)", "has ended on 20", "the server must renew it")
        && expired.said("certificate's chain \(starttls)", "vouched for by") && expired.failed("login", "not tried", "")
    }
    let made = try await MailTesting.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj",
        "/CN=smart.example", "-addext", "subjectAltName=DNS:smart.example", "-out", files.0, "-keyout", files.1,
      ])
    #expect(made.status.isSuccess, "\(made.output)")
    try await eventually("the self-signed certificate is shown") {
      let selfSigned = try await node.doctor(user: RunningNode.user)
      return selfSigned.failed("certificate's chain \(tls)", "it is signed by itself", "never tell a mail program")
        && selfSigned.failed("login", "not tried", "")
    }
    _ = acceptor
  }

  @Test func portsThatAreMixedUpAreTold() async throws {
    let node = try await RunningNode(zones: DoctorRun.zones)
    let acceptor = try await node.acceptor()
    let (tls, starttls) = (node.implicitPort, node.startTLSPort)
    let crossed = try await node.doctor(
      user: RunningNode.user, ["--tls-port", "\(starttls)", "--starttls-port", "\(tls)", "--timeout", "10s"])
    #expect(
      crossed.failed("encryption \(starttls)", "does not speak TLS from the start", "set the mail program to STARTTLS"),
      "\(crossed.output)")
    #expect(crossed.failed("greeting \(tls)", "expects TLS from the start", "SSL/TLS"), "\(crossed.output)")
    #expect(crossed.status == .exited(2))

    let relay = try await StrippingRelay(to: starttls)
    let stripped = try await node.doctor(
      user: RunningNode.user, ["--tls-port", "0", "--starttls-port", "\(relay.port)"])
    #expect(
      stripped.failed("STARTTLS \(relay.port)", "it is not offered", "something between here and the server"),
      "\(stripped.output)")
    #expect(stripped.failed("login", "not tried", ""))

    let nowhere = try await node.doctor("nowhere.example", user: RunningNode.user)
    #expect(nowhere.failed("name", "nowhere.example does not exist in the DNS", "written right"), "\(nowhere.output)")
    let closed = LoopbackPort.free()
    let refused = try await node.doctor(
      user: RunningNode.user, ["--tls-port", "\(closed)", "--starttls-port", "\(starttls)"])
    #expect(refused.failed("port \(closed)", "127.0.0.1 refuses connections", "see that \(closed) is the right port"))
    #expect(refused.said("login", "is logged in") && refused.status == .exited(2), "the other port does")
    #expect(refused.output.contains("with port \(starttls) (STARTTLS)."))
    _ = acceptor
  }

  @Test func serversThatAreNoneAreTold() async throws {
    let old = try ProcessHarness(
      "openssl",
      [
        "s_server", "-rev", "-accept", "127.0.0.1:0", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-cert",
        try Self.certificate(),
      ])
    let line = try await old.waitForLine(containing: "ACCEPT 127.0.0.1:")
    let port = try #require(Int(line.split(separator: ":").last ?? ""))
    let outdated = try await DoctorRun.run([
      "--as-client", "127.0.0.1", "--tls-port", "\(port)", "--starttls-port", "0",
    ])
    #expect(
      outdated.failed("encryption \(port)", "the server has no TLS 1.2 or newer", "brought up to date"),
      "\(outdated.output)")
    #expect(outdated.status == .exited(2))

    let silent = try await SilentServer()
    let run = try await DoctorRun.run([
      "--as-client", "127.0.0.1", "--tls-port", "\(silent.port)", "--starttls-port", "\(silent.port)", "--timeout",
      "300ms",
    ])
    #expect(
      run.failed("encryption \(silent.port)", "says nothing within 300ms", "something in between"), "\(run.output)")
    #expect(run.failed("greeting \(silent.port)", "says nothing within 300ms", "something in between"))

    let full = try await SilentServer(isFull: true)
    let dropped = try await DoctorRun.run([
      "--as-client", "127.0.0.1", "--tls-port", "\(full.port)", "--starttls-port", "0", "--timeout", "300ms",
    ])
    #expect(
      dropped.failed("port \(full.port)", "127.0.0.1 does not answer within 300ms", "a firewall drops"),
      "\(dropped.output)")
    #expect(dropped.output.contains("No mail program can use 127.0.0.1 from here."))
  }

  @Test func thePasswordIsTypedUnseen() async throws {
    let node = try await RunningNode(zones: DoctorRun.zones)
    let acceptor = try await node.acceptor()
    let command = [ProcessHarness.productsDirectory + "/postrider"] + node.doctorArguments(user: RunningNode.user)
    let output = try await node.python(
      """
      import pty
      process, terminal = pty.fork()
      if process == 0:
          os.environ.pop("SMTP_PASSWORD", None)
          os.execv("\(command[0])", \(command))
      seen = b""
      while b"password of" not in seen: seen += os.read(terminal, 1000)
      os.write(terminal, password.encode() + b"\\n")
      try:
          while more := os.read(terminal, 1000): seen += more
      except OSError: pass
      print(seen.decode())
      print("exit", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
      """)
    #expect(output.contains("\(RunningNode.user) is logged in") && output.contains("exit 0"), "\(output)")
    #expect(!output.contains(RunningNode.password))
    // Without a terminal there is nobody to ask.
    let none = try await MailTesting.run(command[0], Array(command.dropFirst()))
    #expect(
      none.status == .exited(64) && none.output.contains("--password-file FILE or SMTP_PASSWORD"), "\(none.output)")
    let secret = try node.directory.write(RunningNode.password + "\n", to: "secret")
    let fromFile = try await MailTesting.run(command[0], command.dropFirst() + ["--password-file", secret])
    #expect(fromFile.status == .exited(0), "\(fromFile.output)")
    _ = acceptor
  }

  /// A file with a certificate and its key, of an RSA kind that old servers know.
  private static func certificate() throws -> String {
    let directory = NSTemporaryDirectory() + "postrider-doctor-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    atProcessExit { try? FileManager.default.removeItem(atPath: directory) }
    let files = try CertificateMaker.ensure(directory: directory, names: ["127.0.0.1"])
    let both =
      try String(contentsOfFile: files.certificate, encoding: .utf8)
      + String(contentsOfFile: files.key, encoding: .utf8)
    try both.write(toFile: directory + "/both.pem", atomically: true, encoding: .utf8)
    return directory + "/both.pem"
  }
}
