import Cryptography
import DKIM
import Testing

@Suite struct FieldTests {
  /// No line is longer than 78 columns, every continuation begins with white space, and nothing else breaks a line.
  @Test func theFieldIsFolded() throws {
    let header = Signing.header + (0..<30).map { "To: a\($0)@b.example\r\n" }.joined()
    for selector in ["s", "a-rather-long-selector-with-many-words", "2026-11-21.rsa"] {
      let keys = try Signing.keys.map { try DomainKey(domain: "news.sender.example", selector: selector, key: $0.key) }
      let message = try Signing.sign(header, pieces: [], keys: keys)
      let fields = try #require(String(decoding: message, as: UTF8.self).split(separator: "Date: ").first)
      let lines = fields.split(separator: "\r\n")
      #expect(lines.allSatisfy { $0.utf8.count <= 78 }, "\(fields)")
      #expect(lines.filter { $0.hasPrefix("DKIM-Signature: v=1; a=") }.count == 2)
      #expect(lines.allSatisfy { $0.hasPrefix("DKIM-Signature: ") || $0.hasPrefix(" ") })
      #expect(!fields.contains("l="))
    }
  }

  @Test func whatIsCovered() throws {
    let header = "List-Id: <x>\r\nTo: a@b\r\nTo: c@d\r\nReceived: x\r\nX-Other: y\r\nFrom: e@f\r\n"
    let message = String(decoding: try Signing.sign(header, pieces: []), as: UTF8.self)
    let field = message.replacing("\r\n ", with: "")
    let names = try #require(field.firstMatch(of: /h=([^;]*);/)).1.split(separator: ":")
    func count(_ name: Substring) -> Int { names.filter { $0.trimmingPrefix(" ") == name }.count }
    // Once more than it is there, there or not.
    #expect(count("from") == 2 && count("to") == 3 && count("subject") == 1 && count("cc") == 1)
    #expect(count("reply-to") == 1 && count("content-type") == 1 && count("list-id") == 2)
    #expect(count("list-post") == 0 && count("received") == 0 && count("x-other") == 0)
  }

  @Test(arguments: [
    ("alice@Sender.Example", "sender.example"), ("Alice <alice@a.example>", "a.example"),
    ("\"x@evil.example\" <a@b.example>", "b.example"), ("(c@d.example) a@b.example (\\) e@f)", "b.example"),
    ("x@evil.example <a@b.example>", "b.example"), ("a@b.example, c@d.example", "b.example"),
    ("\"a\\\"@evil.example\"@b.example", "b.example"), ("\r\n Alice\r\n <a@b.example>", "b.example"),
    ("Grüße <a@bücher.example>", "bücher.example"), ("a@b.example (\u{96EA})", "b.example"),
  ])
  func theAuthorsDomain(_ from: String, _ domain: String) throws {
    #expect(try author("From: \(from)\r\n") == domain)
  }

  @Test(arguments: [
    "", "alice", "<>", "Team: a@b.example;", "<@x.example:a@b.example>", "a@[192.0.2.1]", "\"open", "(open",
    "<a@b.example",
    "a@b.example>", "<a@b.example> <c@d.example>", "a@", "a@b_c.example", "a@b.example;",
  ])
  func noAuthorsDomain(_ from: String) throws {
    #expect(try author("From: \(from)\r\n") == nil)
  }

  @Test func noFromOrSeveral() throws {
    #expect(try author("Subject: x\r\n") == nil)
    #expect(try author("From: a@b.example\r\nFROM: a@b.example\r\n") == nil)
  }

  /// Whatever is accepted as a header can be signed, and reading an author ends.
  @Test func hostileHeaders() throws {
    let pieces = [
      "From:", "\r\n ", "\r\nA:", "<", ">", "\"", "\\", "(", ")", "@", "a", ",", ":", ";", "[", "\u{E9}", " ",
    ]
    for seed in 1...UInt64(4000) {
      var generator = SeededGenerator(seed: seed)
      let text = (0..<30).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
      guard let header = try? SigningHeader(Array("From:\(text)\r\n\r\n".utf8)) else { continue }
      _ = header.authorDomain
      let fields = try header.signatureFields(bodyHash: SHA256.digest([]), keys: [Signing.keys[1]], time: 1)
      #expect(fields.suffix(2) == [0x0D, 0x0A], "seed \(seed)")
    }
  }

  private func author(_ header: String) throws -> String? {
    try SigningHeader(Array("\(header)\r\n".utf8)).authorDomain
  }
}
