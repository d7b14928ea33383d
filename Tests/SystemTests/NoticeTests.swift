import Foundation
import MailModel
import MailTesting
import Supervision
import Testing

/// Notices as they arrive: with the real processes, and read by Python.
@Suite(.serialized) struct NoticeTests {
  /// The system's limits, the tenant's, a sleeping lane; then nothing more until the end.
  @Test func aDelayIsToldAfterFourHoursAndOnce() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'full@*', reply: '452 4.2.2 mailbox full'}\n",
      zones: ["early.example": "@ MX 10 mx\nmx A 127.0.0.2\n"],
      settings: "retry: {first: 20h, max: 20h, jitter: 0}")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    #expect(try await node.command("tenant", "add", "early").contains("added"))
    _ = try await node.command("notice", "choose", "early", "--delay-after", "1h", "--language", "fi")
    try await node.addUser("eve@early.example", tenant: "early")
    let first = try await node.send(to: ["full@inbox.example", "full@sender.example"])
    _ = try await node.send(to: ["full@inbox.example"], user: "eve@early.example")
    try await node.waitForOutcomes(3)
    try await node.advance("1 hour")
    try await eventually("the early one is noted") { try await node.notedDelays() == 1 }
    try await node.advance("1 minute")
    let early = try #require(try await node.waitForCaptured(1).first)
    #expect(early.recipients == ["eve@early.example"])
    #expect(try await node.report(early)["subject"] == "Viestin toimitus viivästyy: hello 0")

    try await node.advance("2 hours 59 minutes")
    try await eventually("the others are noted") { try await node.notedDelays() == 3 }
    try await node.advance("1 minute")
    let late = try #require(try await node.waitForCaptured(2).last)
    let report = try await node.report(late)
    #expect(late.recipients == ["alice@sender.example"] && late.field("mail_from") == "")
    #expect(report["auto-submitted"] == "auto-replied")
    #expect(report["action"] == "delayed delayed", "two recipients share one")
    #expect(report["recipients"] == "full@inbox.example full@sender.example")
    #expect(report["status"] == "4.2.2 4.2.2")
    #expect(report["diagnostic"]?.contains("452 4.2.2 mailbox full") == true)
    let until = try await node.database.query(
      """
      SELECT to_char(expires_at AT TIME ZONE 'UTC', 'FMDD FMMonth YYYY, HH24:MI') FROM postrider.message
      WHERE id = '\(RunningNode.uuid(first[0]))'
      """)
    #expect(report["text"]?.contains("tried again until \(until) UTC") == true)
    #expect(report["temporary"] == "full@inbox.example full@sender.example", "a bounce parser agrees")

    try await node.advance("15 hours")
    try await node.waitUntilTold()
    #expect(try await node.noticeCount() == 2)
    #expect(try node.captured().count == 2)
    _ = roles
  }

  /// RFC 3461 §5.2: who offers DSN is told what the sender wants and answers for it; for others we do, as far as we can.
  @Test func successIsPassedOnOrReported() async throws {
    let node = try await RunningNode(
      script: "hosts:\n  127.0.0.3: {name: mx.old.example, without: [DSN]}\n",
      zones: ["old.example": "@ MX 10 mx\nmx A 127.0.0.3\n"])
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.python(
      """
      server = connect()
      server.mail(user, ["RET=HDRS", "ENVID=QQ314159+2B"])
      server.rcpt("new@inbox.example", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;new+2Bx@inbox.example"])
      server.rcpt("old@old.example", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;old+2Bx@old.example"])
      server.rcpt("quiet@old.example", ["NOTIFY=NEVER"])
      server.rcpt("usual@old.example")
      say(server.data(b"Subject: both\\r\\n\\r\\nbody\\r\\n"))
      """)
    let mails = try await node.waitForCaptured(3)
    let passed = try #require(mails.first { $0.recipients.contains("new@inbox.example") })
    #expect(passed.field("mail_parameters", as: [String].self)?.contains("ENVID=QQ314159+2B") == true)
    #expect(passed.field("mail_parameters", as: [String].self)?.contains("RET=HDRS") == true)
    #expect(passed.envelope.contains("NOTIFY=SUCCESS,FAILURE") && passed.envelope.contains("ORCPT=rfc822;new+2Bx"))
    let handed = try #require(mails.first { $0.recipients.contains("old@old.example") })
    #expect(
      !handed.envelope.contains("NOTIFY") && !handed.envelope.contains("ORCPT") && !handed.envelope.contains("ENVID"))

    let notice = try #require(mails.first { $0.recipients == ["alice@sender.example"] })
    let report = try await node.report(notice)
    #expect(report["action"] == "relayed" && report["recipients"] == "old@old.example")
    #expect(report["original"] == "old+x@old.example" && report["envelope_id"] == "QQ314159+")
    #expect(report["status"] == "2.1.5" || report["status"]?.hasPrefix("2.") == true)
    #expect(report["types"] == "text/plain message/delivery-status text/rfc822-headers")
    #expect(report["subject"] == "Handed on: both")
    try await node.waitUntilTold()
    #expect(try await node.noticeCount() == 1)

    // The tenant wants to hear where its users say nothing.
    _ = try await node.command("notice", "choose", "first", "--success", "--language", "nl")
    _ = try await node.send(to: ["usual@inbox.example"])
    _ = try await node.send(to: ["usual@old.example"])
    let all = try await node.waitForCaptured(7)
    let reports = try await all.suffix(4).filter { $0.recipients == ["alice@sender.example"] }.asyncMap(node.report)
    #expect(Set(reports.map { $0["action"] }) == ["delivered", "relayed"])
    #expect(Set(reports.map { $0["subject"] }) == ["Bezorgd: hello 0", "Doorgegeven: hello 0"])
    #expect(all.suffix(4).allSatisfy { !$0.envelope.contains("NOTIFY=SUCCESS") }, "nobody else was asked")
    _ = roles
  }

  @Test func aFailureBringsBackWhatTheSenderAskedFor() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'no*', reply: '550 5.1.1 no such user here'}\n")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.command("tenant", "set", "first", "--bounced-retention", "0")
    _ = try await node.python(
      """
      server = connect()
      for options in (["RET=FULL"], ["RET=HDRS"]):
          server.mail(user, options)
          server.rcpt("no1@inbox.example")
          server.rcpt("no2@inbox.example", ["NOTIFY=FAILURE"])
          server.rcpt("no3@inbox.example", ["NOTIFY=NEVER"])
          server.rcpt("no4@inbox.example", ["NOTIFY=DELAY"])
          say(server.data(b"Subject: back\\r\\n\\r\\nthe body\\r\\n"))
      """)
    let reports = try await node.waitForCaptured(2).asyncMap(node.report)
    #expect(
      Set(reports.map { $0["types"] }) == [
        "text/plain message/delivery-status message/rfc822", "text/plain message/delivery-status text/rfc822-headers",
      ])
    for report in reports {
      #expect(report["recipients"] == "no1@inbox.example no2@inbox.example" && report["action"] == "failed failed")
      #expect(report["permanent"] == "no1@inbox.example no2@inbox.example", "a bounce parser agrees")
      #expect(report["returned"]?.contains("the body") == report["types"]?.hasSuffix("message/rfc822"))
    }
    // Told, and delivered: then nothing holds the bodies, nor their copies.
    try await eventually("every body is gone") {
      try await node.database.query("SELECT count(*) FROM postrider.message WHERE body_key IS NOT NULL") == "0"
    }
    _ = roles
  }

  @Test func anInternationalSenderReadsAnInternationalReport() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'b*b@*', reply: '550 5.1.1 unknown'}\n")
    let allowed = try await node.command(["credential", "set", RunningNode.user, "--allow-sender", "sender.example"])
    #expect(allowed.status.isSuccess, "\(allowed.output)")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    _ = try await node.python(
      """
      server = connect()
      server.ehlo_or_helo_if_needed()
      server.command_encoding = "utf-8"
      server.mail("älice@sender.example", ["SMTPUTF8", "BODY=8BITMIME"])
      server.rcpt("böb@inbox.example", ["NOTIFY=FAILURE", "ORCPT=utf-8;b\\\\x{F6}b@inbox.example"])
      say(server.data("Subject: Grüße\\r\\n\\r\\nbody\\r\\n".encode()))
      """)
    let notice = try #require(try await node.waitForCaptured(1).first)
    #expect(notice.recipients == ["älice@sender.example"])
    #expect(notice.field("mail_parameters", as: [String].self)?.contains("SMTPUTF8") == true)
    #expect(notice.message.contains("report-type=global-delivery-status"))
    #expect(notice.message.contains("\r\nFinal-Recipient: utf-8; böb@inbox.example\r\n"))
    #expect(notice.message.contains("\r\nOriginal-Recipient: utf-8; böb@inbox.example\r\n"))
    #expect(notice.message.contains("\r\nSubject: Not delivered: Grüße\r\n"))
    _ = roles
  }

  /// Workers and keepers die again and again between outcome and notice: each failure is told exactly once.
  @Test func eachFailureIsToldOnceThoughEverybodyDies() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'no@*', reply: '550 5.1.1 no such user here'}\n",
      settings: RunningNode.shortLease)
    let acceptor = try await node.acceptor()
    let ids = try await node.send(count: 150, to: ["no@inbox.example"])
    #expect(ids.allSatisfy { !$0.isEmpty })
    for told in [1, 20, 60, 100] {
      let (worker, keeper) = (try await node.worker(), try await node.keeper())
      try await eventually("\(told) are told") { try await node.noticeCount() >= told }
      try await keeper.kill()
      try await worker.kill()
    }
    let roles = [try await node.worker(), try await node.keeper()]
    try await eventually("all are told") { try await node.noticeCount() >= 150 }
    try await node.waitUntilTold()
    #expect(
      try await node.database.query(
        """
        SELECT count(*), count(DISTINCT notice_of) FROM postrider.message WHERE notice_of IS NOT NULL
        """) == "150|150")
    try await node.waitUntilEmpty()
    let told = try node.captured().map(\.message)
    for id in ids { #expect(told.contains { $0.contains("X-Postrider-Queue-ID: \(id)") }, "\(id) was not told") }
    _ = (acceptor, roles)
  }
}

extension RunningNode {
  fileprivate func noticeCount() async throws -> Int {
    Int(try await database.query("SELECT count(*) FROM postrider.message WHERE notice_of IS NOT NULL")) ?? -1
  }

  /// Recipients whose delay the keeper has seen.
  fileprivate func notedDelays() async throws -> Int {
    Int(
      try await database.query(
        """
        SELECT count(*) FROM postrider.job j JOIN postrider.message m ON m.id = j.message
        WHERE m.reverse_path IS NOT NULL AND j.delay_at IS NULL
        """)) ?? -1
  }

  fileprivate func waitUntilTold() async throws {
    try await eventually("nothing is left to tell") { [database] in
      try await database.query("SELECT count(*) FROM postrider.outbox") == "0"
    }
  }

  fileprivate func addUser(_ name: String, tenant: String) async throws {
    let domain = name.split(separator: "@")[1]
    try await database.query(
      """
      INSERT INTO postrider.domain (tenant, name, proven_at, proof)
      SELECT id, '\(domain)', now(), 'operator' FROM postrider.tenant WHERE name = '\(tenant)';
      INSERT INTO postrider.credential (tenant, domain, name, secret)
      SELECT d.tenant, d.id, '\(name)', (SELECT secret FROM postrider.credential LIMIT 1)
      FROM postrider.domain d WHERE d.name = '\(domain)'
      """)
  }

  /// A queue id as PostgreSQL writes it.
  fileprivate static func uuid(_ id: String) -> String {
    QueueID(id)?.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() ?? ""
  }

  /// What Python's email package, and flufl.bounce, read in a report.
  fileprivate func report(_ captured: Captured) async throws -> [String: String] {
    let file = try directory.write(captured.message, to: "report-\(UInt32.random(in: 0...UInt32.max)).eml")
    let program = """
      import sys, json, email, email.policy
      from flufl.bounce import all_failures
      raw = open(sys.argv[1], "rb").read()
      message = email.message_from_bytes(raw, policy=email.policy.default)
      parts = message.get_payload()
      blocks = parts[1].get_payload()
      assert not any(part.defects for part in [message] + parts + blocks), "defects"
      field = lambda name: " ".join(str(block[name] or "").split(";")[-1].strip() for block in blocks[1:])
      found = [" ".join(sorted(address.decode() for address in kind)) for kind in all_failures(email.message_from_bytes(raw))]
      print(json.dumps({
        "subject": str(message["Subject"]), "auto-submitted": str(message["Auto-Submitted"]),
        "types": " ".join(part.get_content_type() for part in parts),
        "text": " ".join(parts[0].get_payload(decode=True).decode().split()),
        "envelope_id": str(blocks[0]["Original-Envelope-Id"] or ""),
        "action": field("Action"), "status": field("Status"), "recipients": field("Final-Recipient"),
        "original": field("Original-Recipient"), "diagnostic": field("Diagnostic-Code"),
        "returned": parts[2].as_string(), "temporary": found[0], "permanent": found[1]}))
      """
    let result = try await run("/usr/bin/python3", ["-W", "ignore", "-c", program, file])
    guard result.status.isSuccess else { throw NodeTrouble(result.output) }
    return try JSONDecoder().decode([String: String].self, from: Data(result.output.utf8))
  }
}

extension Sequence {
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
