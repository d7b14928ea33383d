import Foundation
import MailTesting
import Supervision
import Testing

@Suite struct RetentionSystemTests {
  /// A month with the real processes.
  @Test func bodiesGoWhenTheirRetentionEndsAndTheRecordsLater() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: rcpt, match: 'nobody@*', reply: '550 5.1.1 no such user here'}\n",
      settings: "retention: {bounced: 2d, records: 60d}")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    let kept = try #require(try await node.send(subject: "kept").first)
    let bounced = try #require(try await node.send(to: ["nobody@inbox.example"]).first)
    #expect(
      try await node.command("tenant", "set", "first", "--retention", "0").contains("retention of tenant first: 0s"))
    let brief = try #require(try await node.send(subject: "brief").first)
    _ = try await node.waitForCaptured(3)
    try await node.waitUntilEmpty()

    try await eventually("the body that nobody wants is gone") { try await node.isRedacted(brief) }
    #expect(try await !node.isRedacted(kept))
    #expect(try await !node.isRedacted(bounced))
    let trace = try await node.command("message", "trace", brief)
    #expect(trace.contains("redacted") && trace.contains("delivered") && trace.contains("bob@inbox.example"))
    #expect(try await node.command("message", "trace", kept).contains("kept until"))

    try await node.advance("2 days")
    try await eventually("the bounced body is gone") { try await node.isRedacted(bounced) }
    #expect(try await !node.isRedacted(kept))
    #expect(try await node.command("message", "redact", kept).contains("redacted \(kept)"))
    try await eventually("the day's bodies are gone") {
      // Nobody looks more often than every six hours at a day.
      // Never so far that the records go too.
      try await node.database.query(
        "UPDATE postrider.installation SET schedule_offset = least(schedule_offset + '6 hours', '55 days')")
      return try await node.database.query("SELECT count(*) FROM postrider.body_chunk") == "0"
    }
    #expect(try await node.command("message", "trace", kept).contains("nobody can read its body any more"))

    try await node.advance("61 days")
    try await eventually("the records are gone") {
      try await node.database.query("SELECT count(*) FROM postrider.message") == "0"
    }
    _ = roles
  }
}

extension RunningNode {
  /// Runs an administrator's command.
  func command(_ words: String...) async throws -> String {
    let result = try await run(
      ProcessHarness.productsDirectory + "/postrider", words + ["--config", settingsFile])
    guard result.status.isSuccess else { throw NodeTrouble(result.output) }
    return result.output
  }

  func isRedacted(_ id: String) async throws -> Bool {
    try await command("message", "show", id, "--json").replacing(" ", with: "").contains("\"is_redacted\":true")
  }
}
