import Foundation
import MailTesting
import Supervision
import Testing

/// Bounces and complaints that come back to return paths, with the real processes and Python's `email` on the other side.
@Suite(.serialized, .timeLimit(.minutes(10))) struct InboundTests {
  /// A node with a return-path host, and a listener for what comes back.
  private struct Returns {
    let node: RunningNode
    let port: Int
    let roles: [ProcessHarness]
    let listener: ProcessHarness
  }

  private static func listener(_ node: RunningNode, _ port: Int) async throws -> ProcessHarness {
    let process = try ProcessHarness(
      "postrider", ["inbound", "--config", node.settingsFile, "--set", "inbound.listen=127.0.0.1:\(port)"])
    try await process.waitForLine(containing: "ready")
    return process
  }

  private func start(
    script: String = "", settings: String = "", server: PostgresServer? = nil, tenant: String...
  ) async throws -> Returns {
    let node = try await RunningNode(script: script, settings: settings, server: server)
    let port = LoopbackPort.free()
    let set = try await node.command(
      ["tenant", "set", "first", "--return-path-host", "Returns.Example"] + tenant)
    #expect(set.status.isSuccess, "\(set.output)")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    return Returns(node: node, port: port, roles: roles, listener: try await Self.listener(node, port))
  }

  /// Sends mail and says what its MAIL FROM was at the destination.
  private func delivered(_ node: RunningNode, to recipients: [String] = ["bob@inbox.example"]) async throws -> String {
    let before = try node.captured().count
    try await node.send(to: recipients)
    let mail = try #require(try await node.waitForCaptured(before + 1).last)
    try await node.waitUntilEmpty()
    return mail.field("mail_from") ?? ""
  }

  /// Brings a report to the listener, as another mail server does.
  /// - Parameter make: Python that makes `report`.
  /// - Returns: the reply that decided, for example `250 2.0.0 Ok: noted`.
  private func bring(_ returns: Returns, to path: String, startTLS: Bool = false, _ make: String) async throws -> String
  {
    let output = try await returns.node.python(
      """
      from email.message import EmailMessage, Message
      from email.mime.multipart import MIMEMultipart
      from email.mime.text import MIMEText
      from email.mime.base import MIMEBase
      from email.generator import BytesGenerator
      from email import policy
      import io

      def bounce(recipient, status="5.1.1", action="failed", diagnostic="550 5.1.1 no such user here"):
          report = MIMEMultipart("report", report_type="delivery-status")
          report["From"] = "Mail Delivery System <mailer-daemon@mx.inbox.example>"
          report["Subject"] = "Undelivered Mail Returned to Sender"
          report.attach(MIMEText("I could not deliver your message.\\n"))
          status_part = MIMEBase("message", "delivery-status")
          about, one = Message(), Message()
          about["Reporting-MTA"] = "dns; mx.inbox.example"
          one["Final-Recipient"] = "rfc822; " + recipient
          one["Action"], one["Status"] = action, status
          one["Diagnostic-Code"] = "smtp; " + diagnostic
          status_part.set_payload([about, one])
          report.attach(status_part)
          return report

      def complaint(recipient, kind="abuse"):
          report = MIMEMultipart("report", report_type="feedback-report")
          report["From"], report["Subject"] = "feedback@provider.example", "complaint"
          report.attach(MIMEText("This is an abuse report.\\n"))
          part = MIMEBase("message", "feedback-report")
          fields = Message()
          fields["Feedback-Type"], fields["Version"], fields["User-Agent"] = kind, "1", "Test/1"
          fields["Original-Rcpt-To"] = recipient
          part.set_payload([fields])
          report.attach(part)
          return report

      \(make)
      data = io.BytesIO()
      BytesGenerator(data, policy=policy.SMTP).flatten(report)
      server = smtplib.SMTP("127.0.0.1", \(returns.port), timeout=60)
      server.ehlo("mx.inbox.example")
      if \(startTLS ? "True" : "False"):
          server.starttls(context=ssl._create_unverified_context())
          server.ehlo("mx.inbox.example")
      say("features", *sorted(server.esmtp_features))
      say("reply", *send(server, ["\(path)"], data.getvalue(), sender=""))
      """)
    #expect(!output.contains(" auth"), "no logins are offered")
    let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("reply ") })
    return String(line.dropFirst(6))
  }

  private func outcomes(_ node: RunningNode) async throws -> String {
    try await node.database.query(
      "SELECT kind, recipient FROM postrider.outcome WHERE kind >= 10 ORDER BY kind, recipient")
  }

  @Test func aLateBounceIsToldAndItsRecipientSuppressed() async throws {
    let returns = try await start()
    let node = returns.node
    let path = try await delivered(node)
    #expect(path.hasPrefix("b-") && path.hasSuffix("@returns.example"), "\(path)")

    let reply = try await bring(returns, to: path.uppercased(), startTLS: true, "report = bounce('bob@inbox.example')")
    #expect(reply.hasPrefix("250"), "\(reply)")
    #expect(try await outcomes(node) == "10|1")
    let notice = try #require(try await node.waitForCaptured(2).last)
    #expect(notice.recipients == ["alice@sender.example"] && notice.field("mail_from") == "")
    #expect(notice.words.contains("no such user here") && notice.message.contains("Action: failed"))

    // The next message to it is accepted, and bounces without anybody being asked.
    try await node.send(to: ["Bob@inbox.example"])
    let bounce = try #require(try await node.waitForCaptured(3).last)
    #expect(bounce.recipients == ["alice@sender.example"])
    #expect(bounce.words.contains("suppression list") && bounce.words.contains("user_unknown"))
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.outcome WHERE failure = 'suppressed'") == "1")

    let trace = try await node.command(["suppression", "list", "--json"])
    #expect(trace.output.contains("\"bob@inbox.example\"") && trace.output.contains("\"bounce\""), "\(trace.output)")
    #expect(
      try await node.command(["suppression", "remove", "BOB@inbox.example", "--tenant", "first"]).status.isSuccess)
    #expect(try await delivered(node).hasPrefix("b-"), "it is sent to again")
    #expect(try await returns.listener.terminate().isSuccess)
  }

  @Test func aComplaintSuppressesAndIsNotToldToTheSender() async throws {
    let returns = try await start()
    let node = returns.node
    let path = try await delivered(node)
    #expect(try await bring(returns, to: path, "report = complaint('bob@inbox.example', 'not-spam')").hasPrefix("250"))
    #expect(try await outcomes(node) == "12|1")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.suppression") == "0")
    #expect(try await bring(returns, to: path, "report = complaint('bob@inbox.example')").hasPrefix("250"))
    #expect(try await outcomes(node) == "11|1\n12|1")
    #expect(
      try await node.database.query(
        "SELECT reason, detail, expires_at - added_at FROM postrider.suppression") == "2|abuse|180 days")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outbox") == "0")
    _ = returns
  }

  @Test func whatComesAgainCountsOnce() async throws {
    let returns = try await start()
    let node = returns.node
    let path = try await delivered(node)
    for _ in 1...3 {
      #expect(try await bring(returns, to: path, "report = bounce('bob@inbox.example')").hasPrefix("250"))
    }
    _ = try await node.waitForCaptured(2)
    try await node.waitUntilEmpty()
    #expect(try await outcomes(node) == "10|1")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.message WHERE notice_of IS NOT NULL") == "1")
    #expect(try node.captured().count == 2)
    _ = returns
  }

  @Test func delaysAndAutomaticRepliesChangeNothing() async throws {
    let returns = try await start()
    let node = returns.node
    let path = try await delivered(node)
    #expect(
      try await bring(
        returns, to: path, "report = bounce('bob@inbox.example', '4.4.1', 'delayed', '451 4.4.1 busy')"
      ).hasPrefix("250"))
    #expect(
      try await bring(
        returns, to: path,
        """
        report = EmailMessage()
        report["From"], report["Subject"], report["Auto-Submitted"] = "bob@inbox.example", "away", "auto-replied"
        report.set_content("I am away; 550 5.1.1 bob@inbox.example")
        """
      ).hasPrefix("250"))
    #expect(try await outcomes(node) == "12|1\n12|1")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outbox") == "0")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.suppression") == "0")
    // The sender would have got the automatic reply if the path had been his own.
    let reply = try #require(try await node.waitForCaptured(2).last)
    #expect(reply.recipients == ["alice@sender.example"] && reply.field("mail_from") == "")
    #expect(reply.message.contains("Subject: away") && reply.message.contains("I am away;"))
    try await node.waitUntilEmpty()
    #expect(try node.captured().count == 2, "nobody asked for the report of the delay")
    _ = returns
  }

  @Test func nobodyRelaysAndForgeriesAreRefusedAtRCPT() async throws {
    let returns = try await start()
    let path = try await delivered(returns.node)
    let output = try await returns.node.python(
      """
      path = "\(path)"
      local, host = path.split("@")
      forged = local[:-1] + ("0" if local[-1] != "0" else "1")
      for recipient in [forged + "@" + host, local + "@other.example", "bob@inbox.example", "postmaster@" + host,
                        path]:
          server = smtplib.SMTP("127.0.0.1", \(returns.port), timeout=60)
          server.ehlo("stranger.example")
          server.mail("stranger@stranger.example")
          say("rcpt", *server.rcpt(recipient))
          server.quit()
      server = smtplib.SMTP("127.0.0.1", \(returns.port), timeout=60)
      server.ehlo("stranger.example")
      say("auth", *server.docmd("AUTH", "PLAIN AGEAYg=="))
      say("features", *sorted(server.esmtp_features))
      """)
    let lines = output.split(separator: "\n").map(String.init)
    #expect(lines[0].hasPrefix("rcpt 550") && lines[0].contains("5.1.1"), "\(lines[0])")
    #expect(lines[1].hasPrefix("rcpt 550"), "made for another host: \(lines[1])")
    #expect(lines[2].hasPrefix("rcpt 554") && lines[2].contains("Relaying denied"), "\(lines[2])")
    #expect(lines[3].hasPrefix("rcpt 554"), "\(lines[3])")
    #expect(lines[4].hasPrefix("rcpt 250"), "\(lines[4])")
    #expect(lines[5].hasPrefix("auth 502"), "\(lines[5])")
    #expect(lines[6].contains("starttls") && !lines[6].contains("auth") && !lines[6].contains("dsn"), "\(lines[6])")
    #expect(try await returns.node.database.query("SELECT count(*) FROM postrider.message") == "1")
  }

  @Test func aReportAboutSeveralRecipientsFindsItsOwn() async throws {
    let returns = try await start()
    let node = returns.node
    let path = try await delivered(node, to: ["bob@inbox.example", "carol@inbox.example"])
    #expect(
      try await bring(returns, to: path, "report = bounce('somebody@else.example')").hasPrefix("250"),
      "nobody knows whose it is")
    #expect(try await bring(returns, to: path, "report = bounce('Carol@INBOX.example')").hasPrefix("250"))
    #expect(try await outcomes(node) == "10|0\n10|2")
    #expect(
      try await node.database.query("SELECT string_agg(address, ',') FROM postrider.suppression")
        == "carol@inbox.example")
    let notice = try #require(try await node.waitForCaptured(2).last)
    #expect(notice.message.contains("carol@inbox.example") && !notice.message.contains("bob@inbox.example\r\nAction"))
    _ = returns
  }

  @Test func eachRecipientMayHaveAPathOfItsOwn() async throws {
    let returns = try await start(tenant: "--return-paths", "each")
    let node = returns.node
    try await node.send(to: ["bob@inbox.example", "carol@inbox.example", "dave@inbox.example"])
    let mails = try await node.waitForCaptured(3)
    #expect(Set(mails.compactMap { $0.field("mail_from", as: String.self) }).count == 3)
    let dave = try #require(mails.first { $0.recipients == ["dave@inbox.example"] })
    let path: String = try #require(dave.field("mail_from"))
    #expect(try await bring(returns, to: path, "report = bounce('forwarded@else.example')").hasPrefix("250"))
    #expect(try await outcomes(node) == "10|3")
    #expect(try await node.database.query("SELECT address FROM postrider.suppression") == "dave@inbox.example")
    _ = returns
  }

  @Test func withoutABodyAndWithoutAMessage() async throws {
    let returns = try await start()
    let node = returns.node
    let path = try await delivered(node)
    let id = try await node.database.query("SELECT id FROM postrider.message")
    #expect(try await node.command(["message", "redact", id]).status.isSuccess)
    #expect(try await bring(returns, to: path, "report = bounce('bob@inbox.example')").hasPrefix("250"))
    let notice = try #require(try await node.waitForCaptured(2).last)
    #expect(notice.words.contains("no such user here"))
    try await node.waitUntilEmpty()
    // As if its day had been dropped.
    try await node.database.query("DELETE FROM postrider.message")
    let reply = try await bring(returns, to: path, "report = bounce('bob@inbox.example')")
    #expect(reply.hasPrefix("550"), "\(reply)")
    _ = returns
  }

  /// The transaction is committed, and the process dies before anybody hears of it.
  @Test func deathBetweenCommitAnd250LeavesOneOutcome() async throws {
    let server = try await PostgresServer()
    let returns = try await start(server: server)
    let node = returns.node
    let path = try await delivered(node)
    for role in returns.roles { try await role.terminate() }
    // A COMMIT is in the WAL, and waits for a standby that there is not.
    try await node.database.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try await node.database.query("SELECT pg_reload_conf()")
    try await eventually("the setting holds") {
      try await node.database.query("SHOW synchronous_standby_names") == "nobody"
    }
    let first = try node.startPython(
      """
      server = smtplib.SMTP("127.0.0.1", \(returns.port), timeout=120)
      server.ehlo("mx.inbox.example")
      text = b"From: mailer-daemon@x\\r\\nSubject: failure notice\\r\\n\\r\\nHi. This is the qmail-send program at x.\\r\\n\\r\\n<bob@inbox.example>:\\r\\nSorry, no mailbox here by that name. (#5.1.1)\\r\\n"
      try:
          say("reply", *send(server, ["\(path)"], text, sender=""))
      except (smtplib.SMTPException, OSError) as error:
          say("lost", type(error).__name__)
      """)
    try await eventually("the COMMIT waits") {
      try await node.database.query(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE '%inbound%'")
        == "1"
    }
    try await returns.listener.kill()
    try await first.waitForLine(containing: "lost")
    try await node.database.query("ALTER SYSTEM RESET synchronous_standby_names")
    try await node.database.query("SELECT pg_reload_conf()")
    try await eventually("it was committed all the same") { try await outcomes(node) == "10|1" }

    let again = Returns(
      node: node, port: returns.port, roles: [], listener: try await Self.listener(node, returns.port))
    #expect(try await bring(again, to: path, "report = bounce('bob@inbox.example')").hasPrefix("250"))
    #expect(try await outcomes(node) == "10|1")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outbox") == "1")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.suppression") == "1")
  }

  @Test func aLoadBalancerTellsTheClientsAddressAndEachAddressHasItsLimit() async throws {
    let node = try await RunningNode(
      settings: "inbound: {sessions_per_address_max: 2}")
    let port = LoopbackPort.free()
    let listener = try ProcessHarness(
      "postrider",
      [
        "inbound", "--config", node.settingsFile, "--set", "inbound.listen=127.0.0.1:\(port)", "--set",
        "smtp.proxy_protocol.allow_networks=127.0.0.7/32",
      ])
    try await listener.waitForLine(containing: "ready")
    let output = try await node.python(
      """
      import socket
      def greeting(source, line=b""):
          s = socket.create_connection(("127.0.0.1", \(port)), 60, source_address=(source, 0))
          if line: s.sendall(line)
          code = s.recv(1000).decode()[:3]
          if code == "220": kept.append(s)
          else: s.close()
          return code
      kept = []
      say("direct", greeting("127.0.0.1"), greeting("127.0.0.1"), greeting("127.0.0.1"), greeting("127.0.0.2"))
      one, two = (b"PROXY TCP4 192.0.2.%d 192.0.2.99 1 25\\r\\n" % n for n in (1, 2))
      say("proxied", *(greeting("127.0.0.7", line) for line in (one, one, one, two)))
      for s in kept[:2]: s.close()
      while greeting("127.0.0.1") != "220": time.sleep(0.01)
      say("again")
      """)
    #expect(output.contains("direct 220 220 421 220"), "\(output)")
    #expect(output.contains("proxied 220 220 421 220"), "\(output)")
    #expect(output.contains("again"))
    _ = listener
  }
}
