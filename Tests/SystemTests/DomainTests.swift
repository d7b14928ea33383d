import Foundation
import MailTesting
import Supervision
import Testing

/// A domain's way from the operator's command to mail that is delivered, on a whole node.
@Suite(.timeLimit(.minutes(10))) struct DomainTests {
  @Test func aDomainSendsOnceItsRecordsAreThere() async throws {
    let node = try await RunningNode(settings: "domains: {spf_include: spf.node.example}")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    defer { withExtendedLifetime(roles) {} }
    try await node.succeed("domain", "add", "first", "new.example")
    let secret = try node.directory.write(RunningNode.password + "\n", to: "secret")
    try await node.succeed("credential", "add", "first", "app@new.example", "--password-file", secret)
    try await node.succeed("dkim", "add", "new.example", "--after", "1d")

    for reply in try await node.submissions() {
      #expect(reply.contains("(550") && reply.contains("5.7.1 new.example is not verified yet"), "\(reply)")
      #expect(reply.contains("_postrider-challenge.new.example"))
    }
    #expect(try await node.command(["domain", "verify", "new.example"]).status == .exited(2))
    try await node.succeed("domain", "show", "new.example")
    // The keys wait too.
    try await eventually("the keeper has looked for the keys") {
      try await node.lookAgain()
      return try await node.database.query(
        "SELECT count(*) FROM postrider.dkim_key WHERE active_from = 'infinity'") == "2"
    }
    try await node.advance("1 day")
    #expect(try await node.command(["dkim", "list"]).output.components(separatedBy: " pending ").count == 3)

    let records = try await node.succeed("domain", "records", "new.example")
    try await node.names.replace(zones: node.zones(with: records))
    try await eventually("the keeper has seen the token") {
      try await node.lookAgain()
      return try await node.domain("proof") == "record"
    }
    #expect(try await node.command(["domain", "verify", "new.example"]).status.isSuccess)
    // Within seconds on every acceptor, and in a session that is open.
    try await eventually("mail is taken") { try await node.submissions().allSatisfy { $0.contains("(250") } }
    try await eventually("mail is signed") {
      _ = try await node.submissions()
      return try node.captured().last?.message.contains("d=new.example") == true
    }

    try await node.surviveWithoutRecords()
    try await node.waitUntilEmpty()
  }
}

extension RunningNode {
  @discardableResult
  fileprivate func succeed(_ words: String...) async throws -> String {
    let result = try await command(words)
    guard result.status.isSuccess else { throw NodeTrouble(result.output) }
    return result.output
  }

  /// What is said to mail from the new domain, and with it as reverse-path only, by a login in it.
  fileprivate func submissions() async throws -> [String] {
    let output = try await python(
      """
      user = "app@new.example"
      server = connect()
      for sender in ["", user]:
          print("reply", send(server, ["bob@inbox.example"], b"From: app@new.example\\r\\n\\r\\nx\\r\\n", sender=sender))
          server.rset()
      """)
    return output.split(separator: "\n").filter { $0.hasPrefix("reply") }.map(String.init)
  }

  fileprivate func zones(with records: String?) -> [String: String] {
    let zone = "@ MX 10 mx\nmx A 127.0.0.2\n"
    return ["": "@ TXT root\n", "inbox.example": zone, "sender.example": zone].merging(
      records.map { ["new.example": $0] } ?? [:]
    ) { $1 }
  }

  fileprivate func domain(_ column: String) async throws -> String {
    try await database.query("SELECT \(column) FROM postrider.domain WHERE name = 'new.example'")
  }

  /// Moves the schedule on to when the keeper looks at the new domain again, if it waits for that.
  fileprivate func lookAgain() async throws {
    try await database.query(
      """
      UPDATE postrider.installation SET schedule_offset = schedule_offset + d.check_due - postrider.schedule_now()
      FROM postrider.domain d WHERE d.name = 'new.example' AND d.check_due > postrider.schedule_now()
      """)
  }

  /// Neither name servers that are away nor records that are gone stop mail.
  fileprivate func surviveWithoutRecords() async throws {
    try await names.stop()
    try await eventually("the keeper has asked in vain") { [self] in
      try await lookAgain()
      return try await domain("findings::text").contains("did not answer")
    }
    #expect(try await domain("vanished_at IS NULL AND proof = 'record'") == "t")
    try await names.replace(zones: zones(with: nil))
    try await eventually("the keeper has seen that the token is gone") { [self] in
      try await lookAgain()
      return try await domain("vanished_at IS NOT NULL") == "t"
    }
    #expect(try await submissions().allSatisfy { $0.contains("(250") })
    let doctor = try await command(["doctor"])
    #expect(doctor.output.contains("the record of a domain is gone: new.example since "), "\(doctor.output)")
  }
}
