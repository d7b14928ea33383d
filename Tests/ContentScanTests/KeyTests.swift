@testable import ContentScan
import Foundation
import MailQueue
import NIOCore
import Testing

@Suite struct KeyTests {
  private func key(_ text: String) throws -> [UInt8] { try ContentKey.make(.memory(ByteBuffer(string: text))) }

  @Test func copiesOfAMailingAreOneContent() throws {
    let one = Message.plain("body")
    let other = one.replacing("id 0 (", with: "id 7 (").replacing(
      "bob@inbox.example", with: "\"C, C\" <carol@x.example>"
    )
    .replacing("10:00:00 +0000\r\nMess", with: "11:00:00 +0000\r\nMess").replacing("<1@", with: "<2@")
    #expect(one != other)
    #expect(try key(one) == key(other))
  }

  @Test(arguments: [
    ("body", "Body"), ("hello", "hullo"), ("Subject", "Subjekt"), ("From: <alice", "From: <alicf"),
    ("\r\n\r\n", "\r\nContent-Type: text/html\r\n\r\n"), ("\r\n\r\n", "\r\nX-A: b\r\n\r\n"),
    ("\r\n\r\n", "\r\n\r\n\r\n"),
    ("To: <bob@inbox.example>\r\n", ""), ("To: ", "Cc: "),
    ("To: <bob@inbox.example>\r\n", "To: <bob@inbox.example>\r\nTo: <bob@inbox.example>\r\n"),
    ("Date: ", "\r\nDate: "), ("To:", "To\r\n"), ("Subject: hello\r\n", "Subject: hello\r\nReceived: elsewhere\r\n"),
  ])
  func whateverAScannerReadsMakesAnother(_ old: String, _ new: String) throws {
    let message = Message.plain("body")
    let range = try #require(message.range(of: old))
    #expect(try key(message) != key(message.replacingCharacters(in: range, with: new)))
  }

  @Test func nothingLargeGoesByUnseen() throws {
    func message(_ letter: String) -> String {
      Message.plain("body").replacing("<bob@inbox.example>", with: String(repeating: letter, count: 600))
    }
    #expect(try key(message("a")) != key(message("b")))
    // Nor behind a fold.
    func folded(_ letter: String) -> String {
      Message.plain("body").replacing(
        "<bob@inbox.example>", with: String(repeating: "x\r\n \(letter)", count: 200))
    }
    #expect(try key(folded("a")) != key(folded("b")))
  }

  /// Pieces of a large header and body are put together again.
  @Test func piecesMakeNoDifference() throws {
    let padding = String(repeating: "X-Padding: \(String(repeating: "y", count: 60))\r\n", count: 2000)
    let text = Message.plain(String(repeating: "text\r\n", count: 40_000), extra: padding)
    let shifted = Message.plain(String(repeating: "text\r\n", count: 40_000), extra: padding + "X: 1\r\n")
    #expect(try key(text) == key(text.replacing("<1@sender", with: "<22@sender")))
    #expect(try key(text) != key(shifted))
    #expect(try key(text) != key(String(text.dropLast())))
  }

  @Test func withoutABody() throws {
    #expect(try key("") != key("To: a\r\n"))
    #expect(try key("To: a\r\n") != key("To: b"))
    #expect(try key("\r\n") != key("\r\n\r\n"))
  }

  @Test func verdictsEnd() {
    let clock = ManualClock()
    let cache = VerdictCache<Int, String>(lifetime: .seconds(10), countMax: 8, now: { clock.now })
    for key in 0..<100 { cache.insert("\(key)", for: key) }
    #expect(cache.count <= 8)
    #expect(cache[99] == "99")
    clock.advance(.seconds(10))
    #expect(cache[99] == nil)
  }
}
