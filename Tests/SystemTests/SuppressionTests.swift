import Foundation
import MailTesting
import Supervision
import Testing

/// What a refusal at RCPT teaches, and what an operator decides.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SuppressionTests {
  private func asked(_ node: RunningNode, for recipient: String) async throws -> Int {
    Int(
      try await node.database.query(
        """
        SELECT count(*) FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message
        WHERE o.remote_address IS NOT NULL AND m.recipients[o.recipient] = '\(recipient)'
        """)) ?? -1
  }

  @Test func aDeadAddressIsAskedOnceAndTheSenderHearsWhy() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'nobody@*', reply: '550 5.1.1 no such user here'}\n")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    try await node.send(to: ["nobody@inbox.example"])
    _ = try await node.waitForCaptured(1)
    #expect(
      try await node.database.query("SELECT reason, detail, expires_at - added_at FROM postrider.suppression")
        == "1|user_unknown|14 days")
    try await node.send(to: ["nobody@inbox.example", "bob@inbox.example"])
    let mails = try await node.waitForCaptured(3)
    let bounce = try #require(mails.last { $0.message.contains("multipart/report") })
    #expect(bounce.words.contains("suppression list"))
    #expect(mails.contains { $0.recipients == ["bob@inbox.example"] }, "the others get it")
    #expect(try await asked(node, for: "nobody@inbox.example") == 1)

    // Its time is over: it is asked again, and the keeper has taken the entry away.
    try await node.advance("15 days")
    try await eventually("the entry is gone") {
      try await node.database.query("SELECT count(*) FROM postrider.suppression") == "0"
    }
    try await eventually("it is taken") { try await node.send(to: ["nobody@inbox.example"]) != [""] }
    _ = try await node.waitForCaptured(4)
    #expect(try await asked(node, for: "nobody@inbox.example") == 2)
    _ = roles
  }

  @Test func aTenantMayTurnItOff() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'nobody@*', reply: '550 5.1.1 no such user here'}\n")
    let set = try await node.command(["tenant", "set", "first", "--suppress-bounces", "0", "--json"])
    #expect(set.output.contains("\"suppress_bounces_seconds\" : 0"), "\(set.output)")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    for count in 1...2 {
      try await node.send(to: ["nobody@inbox.example"])
      _ = try await node.waitForCaptured(count)
    }
    #expect(try await node.database.query("SELECT count(*) FROM postrider.suppression") == "0")
    #expect(try await asked(node, for: "nobody@inbox.example") == 2)
    _ = roles
  }

  @Test func anOperatorListsAddsAndRemoves() async throws {
    let node = try await RunningNode()
    let add = try await node.command(
      ["suppression", "add", "Bob@Inbox.example", "--global", "--reason", "asked us by phone", "--expires", "30d"])
    #expect(add.status.isSuccess && add.output.contains("bob@inbox.example for all tenants"), "\(add.output)")
    #expect(
      try await node.command(["suppression", "add", "carol@inbox.example", "--tenant", "first"]).status.isSuccess)
    #expect(try await !node.command(["suppression", "add", "x@inbox.example", "--tenant", "nobody"]).status.isSuccess)
    #expect(try await !node.command(["suppression", "add", "x@inbox.example"]).status.isSuccess, "for whom?")
    #expect(try await !node.command(["suppression", "add", "no address", "--global"]).status.isSuccess)

    let list = try await node.command(["suppression", "list", "--json"])
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]], "\(list.output)")
    #expect(entries.map { $0["address"] as? String } == ["bob@inbox.example", "carol@inbox.example"])
    #expect(entries[0]["tenant"] == nil && entries[1]["tenant"] as? String == "first")
    #expect(entries[0]["detail"] as? String == "asked us by phone" && entries[1]["expires_at"] == nil)
    #expect(
      try await node.command(["suppression", "list", "--tenant", "first"]).output.contains("carol@inbox.example"))
    #expect(try await !node.command(["suppression", "list", "--tenant", "first"]).output.contains("bob@"))

    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    try await node.send(to: ["bob@inbox.example"])
    let bounce = try #require(try await node.waitForCaptured(1).first)
    #expect(bounce.words.contains("asked us by phone"))
    #expect(try await node.command(["suppression", "remove", "bob@inbox.example"]).status.isSuccess)
    #expect(try await !node.command(["suppression", "remove", "bob@inbox.example"]).status.isSuccess, "it is gone")
    try await node.send(to: ["bob@inbox.example"])
    let mail = try #require(try await node.waitForCaptured(2).last)
    #expect(mail.recipients == ["bob@inbox.example"])
    #expect(mail.field("mail_from") == RunningNode.user, "no return-path host: the sender's own address")
    _ = roles
  }

  /// Whoever is told that mail to somebody is held up must hear of it.
  @Test func noticesGoToSuppressedSendersToo() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'nobody@*', reply: '550 5.1.1 no such user here'}\n")
    #expect(try await node.command(["suppression", "add", RunningNode.user, "--global"]).status.isSuccess)
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    try await node.send(to: ["nobody@inbox.example"])
    let notice = try #require(try await node.waitForCaptured(1).first)
    #expect(notice.recipients == [RunningNode.user])
    _ = roles
  }
}
