import DKIM
import Foundation
import MailTesting
import Testing

/// What we sign is good in the eyes of dkimpy and of OpenDKIM.
@Suite struct VerifierTests {
  private static let bodies: [String: String] = [
    "nothing": "", "one empty line": "\r\n", "only empty lines": "\r\n\r\n\r\n", "plain": "Hello.\r\n",
    "no line end": "Hello.", "trailing empty lines": "Hello.\r\n\r\n\r\n", "a lone space": " \r\n",
    "lone white space lines at the end": "Hello.\r\n \r\n\t \r\n  \r\n",
    "lone white space lines between": "\r\n \r\nHello.\r\n \t\r\n\r\nBye.\r\n",
    "white space of all kinds": "a  b\t\tc \t d \t\r\n  e\t\r\n\tf\r\n",
    "8-bit": "Grüße aus Köln, 雪 und \u{1F4EE}\r\n", "dots": ".\r\n..\r\n.a\r\n",
    "long": String(repeating: "x", count: 998) + "\r\n",
    "what looks like a header": "From: mallory@evil.example\r\nDKIM-Signature: v=1\r\n\r\nx\r\n",
  ]

  @Test func bodies() throws {
    let cases = Self.bodies.sorted { $0.key < $1.key }
    try check(
      cases.map { name, body in
        let message = try Signing.sign(body: body)
        // On the way the last line gets an end if it has none: only then can the final dot follow.
        return (name, message.suffix(2) == [0x0D, 0x0A] ? message : message + [0x0D, 0x0A])
      })
  }

  @Test func headers() throws {
    let plain = Signing.header
    let names = (0..<40).map { "someone\($0)@inbox.example" }.joined(separator: ",\r\n ")
    let cases: [(String, String)] = [
      ("folded", plain + "References: <a@b>\r\n\t<c@d>\r\n   <e@f>\r\nX-Other: 1\r\n"),
      ("folded at once", plain + "Reply-To:\r\n alice@sender.example\r\n"),
      (
        "white space everywhere",
        plain + "MIME-Version: \t 1.0 \t \r\nContent-Type:\ttext/plain;\r\n\t charset = utf-8 \r\n"
      ),
      ("empty fields", plain + "Cc:\r\nIn-Reply-To: \r\n"),
      ("many recipients", plain + "Cc: \(names)\r\n"),
      (
        "several of a name",
        "Resent-To: a@b.example\r\nList-Id: <x>\r\n" + plain
          + "Resent-To: c@d.example\r\nTo: e@f.example\r\nTo: g@h.example\r\n"
      ),
      (
        "lists",
        plain
          + "List-Unsubscribe: <https://sender.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nSender: s@sender.example\r\n"
      ),
      ("8-bit", "From: Grüße <alice@sender.example>\r\nSubject: Schnee 雪\r\n"),
      ("only From", "From: alice@sender.example\r\n"),
      ("names in any case", "FROM: alice@sender.example\r\nsubject: s\r\nTO: b@inbox.example\r\n"),
      (
        "another signature",
        "DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x; h=from; bh=AAAA; b=AAAA\r\n" + plain
      ),
    ]
    try check(cases.map { ($0.0, try Signing.sign($0.1, body: "Hello.\r\n")) })
  }

  /// Obsolete syntax (RFC 5322 §4.5), which dkimpy does not read; OpenDKIM does.
  @Test func whiteSpaceBeforeTheColon() throws {
    let message = try Signing.sign("From : alice@sender.example\r\nSubject : hello\r\n", body: "Hello.\r\n")
    let found = try #require(try VerifiedSignature.verify([message], records: Signing.records).first)
    #expect(found.count == 2 && found.allSatisfy { $0.opendkim.isEmpty }, "\(found)")
  }

  @Test func anExpiryInTheFuture() throws {
    try check([("x=", try Signing.sign(pieces: [Array("x\r\n".utf8)], expiry: 4_000_000_000))])
  }

  @Test func fiftyMegabytes() throws {
    var generator = SeededGenerator(seed: 50)
    let line = (0..<76).map { _ in UInt8.random(in: 0x20...0xFF, using: &generator) } + [0x0D, 0x0A]
    let pieces = [[UInt8]](repeating: Array(repeatElement(line, count: 850).joined()), count: 791)
    #expect(pieces.reduce(0) { $0 + $1.count } > 50 << 20)
    try check([("50 MB", try Signing.sign(pieces: pieces))])
  }

  /// The verifiers can say no: with any of these changes they do.
  @Test func alterationsAreFound() throws {
    let good = try Signing.sign(Signing.header + "To: b@inbox.example\r\n", body: "Hello.\r\nBye.\r\n")
    let text = String(decoding: good, as: UTF8.self)
    let signatureEnd = try #require(text.range(of: "Date: "))
    let altered = [
      text.replacing("Hello.", with: "Hallo."), text.replacing("Subject: hello", with: "Subject: hallo"),
      text.replacing("Bye.", with: "B ye."), text + "x\r\n",
      // What is over-signed cannot be added.
      text.replacing("From: ", with: "From: mallory@evil.example\r\nFrom: "),
      text.replacing("From: ", with: "Reply-To: mallory@evil.example\r\nFrom: "),
      text.replacing("From: ", with: "Content-Type: text/html\r\nFrom: "),
      text.replacing("From: ", with: "Cc: mallory@evil.example\r\nFrom: "),
      String(text[..<signatureEnd.lowerBound]).replacing("t=1700000000", with: "t=1700000001")
        + text[signatureEnd.lowerBound...],
    ].map { Array($0.utf8) }
    for signatures in try VerifiedSignature.verify(altered, records: Signing.records) {
      #expect(signatures.count == 2)
      #expect(signatures.allSatisfy { !$0.dkimpy.isEmpty && !$0.opendkim.isEmpty }, "\(signatures)")
    }
    // And what others add on the way does no harm.
    let travelled = [
      "Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\r\n" + text,
      text.replacing("From: ", with: "List-Id: <list.example>\r\nX-Spam: no\r\nFrom: "),
    ]
    try check(travelled.map { ("travelled", Array($0.utf8)) })
  }

  private func check(_ cases: [(name: String, message: [UInt8])]) throws {
    let found = try VerifiedSignature.verify(cases.map(\.message), records: Signing.records)
    #expect(found.count == cases.count)
    for (signatures, item) in zip(found, cases) {
      let ours = signatures.filter { $0.domain == Signing.domain }
      #expect(ours.map(\.algorithm) == ["rsa-sha256", "ed25519-sha256"], "\(item.name)")
      #expect(ours.allSatisfy { $0.isGood }, "\(item.name): \(ours)")
    }
  }
}
