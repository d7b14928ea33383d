import Cryptography
import Foundation
import MailTesting
import Supervision
import Testing

/// What docs/integrations/troubleshooting.md quotes is what the node says.
///
/// `POSTRIDER_TEST_WRITE=1` writes it into the page; scripts/translate-guides then takes it over into the others.
@Suite(.serialized, .timeLimit(.minutes(15))) struct TroubleshootingTests {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs/integrations/troubleshooting.md")

  @Test func thePageQuotesWhatTheNodeSays() async throws {
    var replies = try await TroubleshootingReplies.collect()
    replies.merge(try await TroubleshootingReplies.connections()) { $1 }
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    let (quoted, updated) = Self.compare(text, replies)
    if ProcessInfo.processInfo.environment["POSTRIDER_TEST_WRITE"] == "1" {
      return try updated.write(to: Self.page, atomically: true, encoding: .utf8)
    }
    #expect(Set(quoted.keys) == Set(replies.keys), "the page's marks and the replies")
    for (key, words) in quoted { #expect(words == replies[key], "\(key)") }
  }

  /// What each marked block quotes, and the page with what was really said.
  private static func compare(_ text: String, _ replies: [String: String]) -> ([String: String], String) {
    var quoted: [String: String] = [:]
    let updated = text.replacing(/<!-- not run: reply ([a-z0-9, -]+) -->\n```text\n(?s:(.*?))```/) { match in
      let keys = match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      for key in keys { quoted[key] = String(match.2) }
      return "<!-- not run: reply \(match.1) -->\n```text\n\(keys.first.flatMap { replies[$0] } ?? String(match.2))```"
    }
    return (quoted, updated)
  }
}
