import Foundation
import MailTesting
import Supervision
import Testing

/// Mail to hosted addresses, bounces first of all, as it is read over IMAP and POP3 from a real Dovecot.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MailboxTests {
  @Test func theSenderReadsTheBounceOverIMAPAndPOP3() async throws {
    let mailboxes = try await MailboxNode()
    let node = mailboxes.node
    try await node.send(to: ["nobody@inbox.example"], subject: "to the dead")
    let bounce = try await mailboxes.python(
      """
      mails = wait_for_mail(1)
      say(len(mails), "mails")
      sys.stdout.write(mails[0].decode())
      """)
    #expect(bounce.hasPrefix("1 mails\n"))
    for text in [
      "Return-Path: <>", "Delivered-To: alice@sender.example", "multipart/report", "Action: failed",
      "nobody@inbox.example", "550 5.1.1 no such user here", "Subject: to the dead 0",
    ] { #expect(bounce.contains(text), "\(text) in \(bounce)") }
    #expect(try node.captured().isEmpty, "nothing of it went by MX")
    // Dovecot has a mail before the worker has its reply.
    try await node.waitForOutcomes(2)
    let outcome = try await node.database.query(
      "SELECT kind, reply_code, remote_port FROM postrider.outcome o WHERE kind = 0")
    #expect(outcome == "0|250|\(mailboxes.dovecot.ports.lmtp)")

    // Her address in other forms, and what is not hers; mail elsewhere goes by MX as ever.
    try await node.send(
      to: ["alice+tag@sender.example", "Alice@SENDER.example", "bob@inbox.example", "carol@sender.example"],
      subject: "hello")
    let both = try await mailboxes.python("for mail in wait_for_mail(4): sys.stdout.write(mail.decode())")
    #expect(both.components(separatedBy: "Subject: hello 0").count >= 3)
    #expect(both.contains("550 5.1.1 <carol@sender.example> User doesn't exist"), "there is no such mailbox: \(both)")
    #expect(try await node.waitForCaptured(1).map(\.recipients) == [["bob@inbox.example"]])
    #expect(try await node.database.query("SELECT count(*) FROM postrider.suppression WHERE address ~ 'sender'") == "0")

    // A directory's name is random, and nothing of the address.
    let directories = try FileManager.default.contentsOfDirectory(atPath: mailboxes.dovecot.mail)
    #expect(directories.count == 1 && directories[0].utf8.count == 2, "\(directories)")
  }

  @Test func whoMayLogIn() async throws {
    let mailboxes = try await MailboxNode(roles: [])
    let node = mailboxes.node
    try await mailboxes.addCredential("bob@sender.example")
    let (alice, bob) = ("('alice@sender.example', password)", "('bob@sender.example', password)")
    let tagged = "('alice+list@SENDER.example', password)"
    let wrong = [
      "('alice@sender.example', 'wrong')", "('ALICE@sender.example', password)", "('sender.example', password)",
      "('nobody@sender.example', password)", #"("x' OR '1'='1@sender.example", password)"#,
      #"("alice@sender.example', 1); --", password)"#, "('../alice@sender.example', password)",
      "('alice@sender.example', '$7$')",
    ]
    #expect(try await mailboxes.refused([alice, bob, tagged] + wrong) == Set(wrong))

    // The turn of a password: both are good, as over SMTP; then the old one is not.
    func change(_ arguments: String...) async throws {
      let result = try await node.command(arguments)
      #expect(result.status.isSuccess, "\(result.output)")
    }
    let file = try node.directory.write("the next one\n", to: "next")
    try await change("credential", "password", "alice@sender.example", "--password-file", file, "--keep-old", "1h")
    let next = "('alice@sender.example', 'the next one')"
    #expect(try await mailboxes.refused([alice, next, tagged, wrong[0]]) == [wrong[0]])
    // Logins go by the clock on the wall, and so does this.
    try await node.database.query("UPDATE postrider.credential SET old_secret_until = now() WHERE name ~ 'alice'")
    #expect(try await mailboxes.refused([alice, next, tagged]) == [alice, tagged])

    for (off, on) in [
      (["credential", "disable", "bob@sender.example"], ["credential", "enable", "bob@sender.example"]),
      (
        ["credential", "set", "bob@sender.example", "--mailbox", "off"],
        ["credential", "set", "bob@sender.example", "--mailbox", "on"]
      ),
      (
        ["credential", "set", "bob@sender.example", "--expires", "0s"],
        ["credential", "set", "bob@sender.example", "--expires", "never"]
      ),
    ] {
      #expect(try await node.command(off).status.isSuccess)
      #expect(try await mailboxes.refused([bob, next]) == [bob], "\(off)")
      #expect(try await node.command(on).status.isSuccess)
    }
    try await change("credential", "set", "bob@sender.example", "--smtp", "off")
    #expect(try await mailboxes.refused([bob]).isEmpty, "that switch is about sending")
    for (off, on) in [
      (["tenant", "disable", "first"], ["tenant", "enable", "first"]),
      (["domain", "disable", "sender.example"], ["domain", "enable", "sender.example"]),
      (["domain", "mailboxes", "sender.example", "elsewhere"], ["domain", "mailboxes", "sender.example", "here"]),
    ] {
      #expect(try await node.command(off).status.isSuccess)
      #expect(try await mailboxes.refused([bob, next]) == [bob, next], "\(off)")
      #expect(try await node.command(on).status.isSuccess)
    }
    #expect(try await mailboxes.refused([bob, next]).isEmpty)

    // The domain's own credential is everybody's who has none, and has one mailbox.
    try await mailboxes.addCredential("sender.example")
    let names = ["sender.example", "noreply@sender.example", "any+tag@sender.example"]
    #expect(try await mailboxes.refused(names.map { "('\($0)', password)" } + [alice]) == [alice])
  }

  @Test func eachRecipientHasAnOutcomeOfItsOwn() async throws {
    let mailboxes = try await MailboxNode(quota: "100k")
    let node = mailboxes.node
    for name in ["full", "carol"] { try await mailboxes.addCredential("\(name)@sender.example") }
    // Full by itself: the next message does not fit.
    try await node.send(to: ["full@sender.example"], sizeBytes: 80_000)
    try await node.waitForOutcomes(1)
    try await node.send(
      to: ["carol@sender.example", "full@sender.example", "missing@sender.example", "alice@sender.example"],
      sizeBytes: 30_000)
    try await node.waitForOutcomes(5)
    let outcomes = try await node.database.query(
      """
      SELECT recipient, kind, stage, reply_code, enhanced FROM postrider.outcome
      WHERE message = (SELECT id FROM postrider.message WHERE cardinality(recipients) = 4) ORDER BY recipient
      """)
    let lines = outcomes.split(separator: "\n").map(String.init)
    try #require(lines.count == 4, "\(outcomes)")
    #expect(lines[0].hasPrefix("1|0|") && lines[3].hasPrefix("4|0|"), "two have it: \(outcomes)")
    #expect(lines[1].hasPrefix("2|1|9|552|5.2.2"), "refused after the content, and tried again: \(outcomes)")
    #expect(lines[2].hasPrefix("3|2|7|550|5.1.1"), "refused at RCPT: \(outcomes)")
    let mails = try await mailboxes.python(
      """
      say("carol", len(wait_for_mail(1, "carol@sender.example")))
      say("alice", len(wait_for_mail(2)))
      say("full", len(inbox("full@sender.example")))
      """)
    #expect(mails.contains("carol 1") && mails.contains("alice 2") && mails.contains("full 1"), "\(mails)")

    // Somebody makes room.
    _ = try await mailboxes.python(
      """
      client = imap("full@sender.example")
      client.select()
      client.store("1", "+FLAGS", "\\\\Deleted")
      client.expunge()
      """)
    try await node.advance("6 hours")
    try await node.waitUntilEmpty()
    let full = try await mailboxes.python("say(len(wait_for_mail(1, 'full@sender.example')))")
    #expect(full == "1")
  }

  @Test func mailWaitsWhileDovecotIsAway() async throws {
    // Time goes on below until all is there, and a notice of the delay would be one mail more.
    let mailboxes = try await MailboxNode(settings: "notices: {delay_after: 4d}")
    let node = mailboxes.node
    try await mailboxes.dovecot.kill()
    try await node.send(count: 3, to: ["alice@sender.example"])
    try await node.waitForOutcomes(1)
    #expect(try await node.database.query("SELECT DISTINCT kind, failure FROM postrider.outcome") == "1|connection")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.job") == "3")
    try await mailboxes.dovecot.start()
    try await node.advance("2 hours")
    try await eventually("everything has arrived") {
      try await node.advance("10 minutes")
      return try await node.database.query("SELECT count(*) FROM postrider.job") == "0"
    }
    #expect(try await mailboxes.python("say(len(wait_for_mail(3)))") == "3")
  }

  /// What was learned while the mailbox was elsewhere does not hold; an operator's word and a complaint do.
  @Test func addressesThatWereDeadBeforeAreAsked() async throws {
    let mailboxes = try await MailboxNode()
    let node = mailboxes.node
    for name in ["blocked", "both", "annoyed"] { try await mailboxes.addCredential("\(name)@sender.example") }
    try await node.database.query(
      """
      INSERT INTO postrider.suppression (address, tenant, reason, detail, added_at, expires_at)
      SELECT x.address, CASE x.scope WHEN 'all' THEN 0 ELSE t.id END, x.reason, 'user_unknown', now(), now() + interval '9 days'
      FROM postrider.tenant t CROSS JOIN (VALUES ('alice@sender.example', 'one', 1), ('missing@sender.example', 'one', 1),
        ('blocked@sender.example', 'one', 0), ('both@sender.example', 'all', 0), ('both@sender.example', 'one', 1),
        ('annoyed@sender.example', 'one', 2), ('bob@inbox.example', 'one', 1)) x(address, scope, reason)
      """)
    let names = ["alice", "annoyed", "blocked", "both", "missing"].map { "\($0)@sender.example" }
    try await node.send(to: names + ["bob@inbox.example"], subject: "after the move")
    try await node.waitForOutcomes(6)
    let outcomes = try await node.database.query(
      """
      SELECT convert_from(m.recipients[o.recipient], 'UTF8'), o.kind, o.failure, o.reply_code FROM postrider.outcome o
      JOIN postrider.message m ON m.id = o.message WHERE cardinality(m.recipients) = 6 ORDER BY 1
      """)
    #expect(
      outcomes == """
        alice@sender.example|0||250
        annoyed@sender.example|2|suppressed|
        blocked@sender.example|2|suppressed|
        bob@inbox.example|2|suppressed|
        both@sender.example|2|suppressed|
        missing@sender.example|2||550
        """, "\(outcomes)")
    let mail = try await mailboxes.python("for mail in wait_for_mail(1): sys.stdout.write(mail.decode())")
    #expect(mail.contains("Subject: after the move 0"), "\(mail)")
  }

  @Test func aReportThatNobodyCanReadIsDropped() async throws {
    let mailboxes = try await MailboxNode()
    let node = mailboxes.node
    #expect(
      try await node.command(["credential", "set", RunningNode.user, "--allow-sender", "ghost@sender.example"])
        .status.isSuccess)
    _ = try await node.python(
      """
      say(*send(connect(), ["nobody@inbox.example"], b"From: ghost@sender.example\\r\\nSubject: x\\r\\n\\r\\nx\\r\\n",
                sender="ghost@sender.example"))
      """)
    try await node.waitForOutcomes(2)
    try await node.waitUntilEmpty()
    #expect(
      try await node.database.query("SELECT kind, reply_code FROM postrider.outcome ORDER BY at") == "2|550\n2|550")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.outbox") == "0")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.message") == "2", "no report of the report")
  }

  /// Somebody else's claim to a domain leads nobody's mail here.
  @Test func mailForAnUnprovenDomainGoesByItsMX() async throws {
    let mailboxes = try await MailboxNode()
    let node = mailboxes.node
    for command in [["tenant", "add", "second"], ["domain", "add", "second", "inbox.example"]] {
      #expect(try await node.command(command).status.isSuccess)
    }
    let file = try node.directory.write(RunningNode.password + "\n", to: "password")
    #expect(
      try await node.command(["credential", "add", "second", "bob@inbox.example", "--password-file", file])
        .status.isSuccess)
    let refusal = try await node.command(["domain", "mailboxes", "inbox.example", "here"])
    #expect(!refusal.status.isSuccess && refusal.output.contains("not verified yet"), "\(refusal.output)")
    let forced = try? await node.database.query("UPDATE postrider.domain SET mailbox_domain = name")
    #expect(forced == nil, "the database does not allow it either")
    try await node.send(to: ["bob@inbox.example"])
    #expect(try await node.waitForCaptured(1).count == 1)
    let bob = "('bob@inbox.example', password)"
    #expect(try await mailboxes.refused([bob]) == [bob])
  }
}
