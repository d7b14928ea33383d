import MailFormat
import MailModel
import Testing

/// What a header becomes, without our `Received` field; or the refusal.
func judged(_ header: [UInt8], _ mode: CheckMode, allowsUTF8: Bool = false) -> String {
  var judge = HeaderJudge(mode, allowsUTF8: allowsUTF8)
  do throws(HeaderFault) {
    let received = facts()
    let result = try rewriteSubmissionHeader(
      header, received: received, messageIDDomain: "d", limits: HeaderLimits(), judge: &judge)
    return String(decoding: result.dropFirst(received.field.utf8.count), as: UTF8.self)
  } catch {
    return error.reply.text
  }
}

private let complete = "Date: x\r\nMessage-ID: <a@b>\r\n"

private func judged(_ fields: String, _ mode: CheckMode, allowsUTF8: Bool = false) -> String {
  judged(Array((complete + fields + "\r\n\r\n").utf8), mode, allowsUTF8: allowsUTF8)
}

@Suite struct HeaderJudgeTests {
  @Test(arguments: [
    "From", "Sender", "Reply-To", "To", "Cc", "In-Reply-To", "References", "Subject", "date", "MESSAGE-ID",
  ])
  func whatMayStandOnceStandsOnce(_ name: String) {
    let own = ["date", "MESSAGE-ID"].contains(name)
    let fields = own ? "\(name): <a@b>" : "\(name): <a@b>\r\nX: y\r\n\(name.uppercased()): <a@b>"
    let line = own ? 3 : 5
    for mode in [CheckMode.strict, .repair] {
      #expect(judged(fields, mode) == "550 5.6.0 Header line \(line): a second \(own ? name : name.uppercased()) field")
    }
    #expect(judged(fields, .pass) == complete + fields + "\r\n\r\n")
  }

  @Test func othersMayStandOften() {
    let fields = "Received: x\r\nReceived: y\r\nX-A: 1\r\nX-A: 2\r\nComments: a\r\nComments: b"
    for mode in CheckMode.allCases { #expect(judged(fields, mode) == complete + fields + "\r\n\r\n") }
  }

  /// A header goes through unchanged when nothing is wrong with it, in every mode.
  @Test func whatIsInOrderStays() {
    let fields =
      "From: \"A, B\" <a@b.example>\r\nTo: =?utf-8?q?=C3=BC?= <c@d.example>,\r\n\te@f.example\r\nSubject: a\r\n  b\r\n"
      + "MIME-Version: 1.0 (made by hand)\r\nContent-Type: text/plain;\r\n charset=\"utf-8\"\r\n"
      + "Content-Transfer-Encoding: quoted-printable"
    for mode in CheckMode.allCases { #expect(judged(fields, mode) == complete + fields + "\r\n\r\n") }
  }

  @Test func fieldsOfMIME() {
    let plain = "MIME-Version: 1.0\r\nContent-Type: text/plain"
    let twice = plain + "\r\ncontent-type:  text/plain"
    let different = plain + "\r\nContent-Type: text/html"
    #expect(judged(twice, .repair) == complete + plain + "\r\n\r\n")
    #expect(judged(twice, .strict) == "550 5.6.0 Header line 5: a second content-type field")
    for mode in [CheckMode.strict, .repair] {
      #expect(judged(different, mode) == "550 5.6.0 Header line 5: a second Content-Type field")
    }
    #expect(judged(different, .pass) == complete + different + "\r\n\r\n")
  }

  @Test func aVersionIsAdded() {
    let fields = "Content-Type: text/html"
    #expect(judged(fields, .repair) == complete + fields + "\r\nMIME-Version: 1.0\r\n\r\n")
    #expect(judged(fields, .strict).hasPrefix("550 5.6.0 The message's header: Content-Type without MIME-Version"))
    #expect(judged(fields, .pass) == complete + fields + "\r\n\r\n")
  }

  @Test func blanksBeforeTheColonGo() {
    #expect(judged("Subject \t: a\r\n b", .repair) == complete + "Subject: a\r\n b\r\n\r\n")
    #expect(judged("Subject : a", .strict) == "550 5.6.0 Header line 3: white space before the colon")
    #expect(judged("Subject : a", .pass) == complete + "Subject : a\r\n\r\n")
  }

  @Test func aMissingBlankLine() {
    let glued = Array((complete + "Hello there\r\n").utf8)
    #expect(judged(glued, .repair) == complete + "\r\nHello there\r\n")
    #expect(
      judged(glued, .strict) == "550 5.6.0 Header line 3: neither a header field nor the blank line before the text")
  }

  @Test(arguments: [
    ("Subject: Grüße aus Köln", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?q?K=C3=B6ln?="),
    ("Subject: é é", "Subject: =?utf-8?q?=C3=A9_=C3=A9?="),
    ("To: Jürgen Öz <a@b.example>", "To: =?utf-8?q?J=C3=BCrgen_=C3=96z?= <a@b.example>"),
    ("To: \"Öz, \\\"J\\\"\" <a@b>, c@d, X <e@f>", "To: =?utf-8?q?=C3=96z=2C_=22J=22?= <a@b>, c@d, X <e@f>"),
    ("Reply-To: a@b (plain), é\r\n <c@d>", "Reply-To: a@b (plain), =?utf-8?q?=C3=A9?= <c@d>"),
    ("X-Note: é", "X-Note: =?utf-8?q?=C3=A9?="),
  ])
  func textOutsideASCIIIsEncoded(field: String, expected: String) {
    #expect(judged(field, .repair) == complete + expected + "\r\n\r\n")
    let name = field.prefix { $0 != ":" }
    #expect(judged(field, .strict).hasPrefix("550 5.6.9 Header line 3: \(name) has characters outside ASCII"))
    for mode in CheckMode.allCases { #expect(judged(field, mode, allowsUTF8: true) == complete + field + "\r\n\r\n") }
    #expect(judged(field, .pass) == complete + field + "\r\n\r\n")
  }

  @Test(arguments: [
    "To: jürgen@b.example", "To: a <jürgen@b.example>", "To: a@b (é)", "To: (é) <a@b>", "To: \"é <a@b>",
    "To: é =?utf-8?q?x?= <a@b>", "To: é: a@b;", "To: é <a@b", "References: <é@b>", "Content-Type: text/plain; name=é",
  ])
  func whatCannotBeEncodedIsRefused(field: String) {
    let name = field.prefix { $0 != ":" }
    for mode in [CheckMode.strict, .repair] {
      #expect(judged(field, mode).hasPrefix("550 5.6.9 Header line 3: \(name) has characters outside ASCII"))
    }
  }

  @Test func octetsOfNoKnownCharset() {
    let header = Array((complete + "Subject: caf").utf8) + [0xE9] + Array(" au lait\r\n\r\n".utf8)
    #expect(judged(header, .repair) == complete + "Subject: =?unknown-8bit?q?caf=E9?= au lait\r\n\r\n")
    #expect(
      judged(header, .strict, allowsUTF8: true) == "550 5.6.9 Header line 3: Subject is not valid UTF-8 text")
  }

  @Test func longTextIsFolded() {
    let result = judged("Subject: " + String(repeating: "ü", count: 300), .repair)
    #expect(result.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    #expect(result.utf8.allSatisfy { $0 < 0x80 })
  }
}
