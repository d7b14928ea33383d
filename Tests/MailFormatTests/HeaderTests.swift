import MailFormat
import MailModel
import Testing

let sampleID = QueueID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)

func facts(client: String? = nil, helo: String = "mail.example", recipient: String? = nil) -> ReceivedFacts {
  ReceivedFacts(
    helo: helo, clientAddress: client, nodeName: "node.example", protocolName: "ESMTPSA", queueID: sampleID,
    sessionID: "s1", tlsVersion: "TLSv1.3", tlsCipher: "TLS_AES_256_GCM_SHA384", date: 1_795_199_438,
    forRecipient: recipient)
}

/// Rewrites and returns what follows our `Received` field.
func rewrite(_ header: String, limits: HeaderLimits = HeaderLimits()) throws -> String {
  let received = facts()
  let result = try rewriteSubmissionHeader(
    Array(header.utf8), received: received, messageIDDomain: "node.example", limits: limits)
  let text = String(decoding: result, as: UTF8.self)
  #expect(text.hasPrefix(received.field))
  return String(decoding: text.utf8.dropFirst(received.field.utf8.count), as: UTF8.self)
}

private let complete = "Date: x\r\nMessage-ID: <a@b>\r\n"
private let addedDate = "Date: Fri, 20 Nov 2026 18:30:38 +0000\r\n"
private let addedID = "Message-ID: <\(sampleID)@node.example>\r\n"

@Suite struct SubmissionHeaderTests {
  @Test(arguments: [
    // Complete: nothing changes.
    (complete + "Subject: a\r\n  folded\r\n\r\n", complete + "Subject: a\r\n  folded\r\n\r\n"),
    // Names in any case, with obsolete white space before the colon.
    ("DATE : x\r\nmessage-id\t: <a@b>\r\n\r\n", "DATE : x\r\nmessage-id\t: <a@b>\r\n\r\n"),
    // Missing fields come last.
    ("Subject: a\r\n\r\n", "Subject: a\r\n" + addedDate + addedID + "\r\n"),
    ("\r\n", addedDate + addedID + "\r\n"),
    // Removed with their continuation lines, first, in the middle, last, twice.
    ("Bcc: a@b,\r\n\tc@d\r\n" + complete + "\r\n", complete + "\r\n"),
    ("Date: x\r\nbcc : a@b\r\nMessage-ID: <a@b>\r\n\r\n", complete + "\r\n"),
    (complete + "RETURN-PATH: <a@b>\r\n \r\n x\r\n\r\n", complete + "\r\n"),
    ("Resent-Bcc: a\r\nBCC:\r\n" + complete + "\r\n", complete + "\r\n"),
    // Only these names.
    (complete + "X-Bcc: a\r\nBcc2: b\r\n\r\n", complete + "X-Bcc: a\r\nBcc2: b\r\n\r\n"),
    // No end.
    (complete, complete + "\r\n"),
    ("Date: x\r\nMessage-ID: <a@b>", complete + "\r\n"),
    ("", addedDate + addedID + "\r\n"),
    // The body glued to the header.
    (complete + "Hello there\r\nBcc: x\r\n", complete + "\r\nHello there\r\nBcc: x\r\n"),
    ("Hello there\r\n", addedDate + addedID + "\r\nHello there\r\n"),
  ])
  func rewrites(header: String, expected: String) throws {
    #expect(try rewrite(header) == expected)
  }

  @Test func bytesThatAreNotUTF8Stay() throws {
    let header = Array("Date: x\r\nMessage-ID: <a@b>\r\nSubject: ".utf8) + [0xFF, 0xE9, 0x80, 0x0D, 0x0A, 0x0D, 0x0A]
    let result = try rewriteSubmissionHeader(header, received: facts(), messageIDDomain: "d", limits: HeaderLimits())
    #expect(result == Array(facts().field.utf8) + header)
  }

  @Test(arguments: [
    ("Subject: a\r\nno colon here\r\n\r\n", "550 5.6.0 Header line 2: not a header field"),
    (" Subject: a\r\n\r\n", "550 5.6.0 Header line 1: continues a field that is not there"),
    ("From someone Mon\r\nSubject: a\r\n\r\n", "550 5.6.0 Header line 1: not a header field"),
    (": a\r\n\r\n", "550 5.6.0 Header line 1: not a header field"),
    ("S\u{FC}bject: a\r\n\r\n", "550 5.6.0 Header line 1: not a header field"),
    ("A: b\r\n c\r\nSubject: a\nb\r\n\r\n", "550 5.6.0 Header line 3: an LF without CR"),
    ("Subject: a\rb\r\n\r\n", "550 5.6.0 Header line 1: a CR without LF"),
    ("Subject: a\0b\r\n\r\n", "550 5.6.0 Header line 1: a NUL character"),
    ("A: \(String(repeating: "x", count: 996))\r\n\r\n", "550 5.6.0 Header line 1: longer than 998 bytes"),
    ("A: x\r\n \(String(repeating: "x", count: 998))\r\n\r\n", "550 5.6.0 Header line 2: longer than 998 bytes"),
  ])
  func refuses(header: String, reply: String) {
    #expect(throws: HeaderFault.self) { try rewrite(header) }
    do { _ = try rewrite(header) } catch let fault as HeaderFault { #expect(fault.reply.text == reply) } catch {}
  }

  @Test func longestLinePasses() throws {
    let line = "A: \(String(repeating: "x", count: 995))\r\n"
    #expect(try rewrite(complete + line + "\r\n") == complete + line + "\r\n")
  }

  @Test func tooLarge() throws {
    let header = complete + "A: x\r\n\r\n"
    #expect(try rewrite(header, limits: HeaderLimits(sizeBytesMax: header.utf8.count)) == header)
    let fault = #expect(throws: HeaderFault.self) {
      try rewrite(header, limits: HeaderLimits(sizeBytesMax: header.utf8.count - 1))
    }
    #expect(fault?.reply.text.hasPrefix("552 5.3.4 ") == true)
  }

  @Test func tooManyReceived() throws {
    let header = { String(repeating: "RECEIVED: from a\r\n by b\r\n", count: $0) + complete + "\r\n" }
    #expect(try rewrite(header(25)) == header(25))
    let fault = #expect(throws: HeaderFault.self) { try rewrite(header(26)) }
    #expect(fault?.reply.text.hasPrefix("554 5.4.6 ") == true)
  }
}

@Suite struct ReceivedFieldTests {
  @Test func hidesTheClient() {
    #expect(
      facts(recipient: "bob@b.example").field
        == "Received: from mail.example\r\n\tby node.example with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        + "\tid \(sampleID) (session s1)\r\n\tfor <bob@b.example>;\r\n\tFri, 20 Nov 2026 18:30:38 +0000\r\n")
    for helo in ["[192.0.2.1]", "192.0.2.1", "[IPv6:2001:db8::1]", "2001:db8::a", ""] {
      #expect(facts(helo: helo).field.hasPrefix("Received: from unknown\r\n"))
    }
  }

  @Test func showsTheClient() {
    #expect(facts(client: "192.0.2.1").field.hasPrefix("Received: from mail.example ([192.0.2.1])\r\n"))
    #expect(facts(client: "2001:db8::1").field.hasPrefix("Received: from mail.example ([IPv6:2001:db8::1])\r\n"))
    #expect(facts(client: "192.0.2.1", helo: "[10.0.0.1]").field.hasPrefix("Received: from [10.0.0.1] ([192.0.2.1])"))
  }

  @Test func hostileNamesCannotLeaveTheirPlace() {
    let field = facts(client: "192.0.2.1", helo: "a)\r\nX: (\u{1B}\u{E4}", recipient: "a\r\nX: y@b").field
    #expect(field.hasPrefix("Received: from a???X:???"))
    #expect(!field.contains("for <"))
    #expect(field.split(separator: "\r\n").dropFirst().allSatisfy { $0.hasPrefix("\t") })
  }

  @Test(
    arguments: [
      (0, "Thu, 1 Jan 1970 00:00:00 +0000"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
      (-1, "Wed, 31 Dec 1969 23:59:59 +0000"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
      (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"), (.max, "Fri, 31 Dec 9999 23:59:59 +0000"),
      (.min, "Mon, 1 Jan 1900 00:00:00 +0000"),
    ] as [(Int64, String)])
  func dates(seconds: Int64, text: String) {
    #expect(MailDate.text(seconds) == text)
  }
}

@Suite struct HeaderSectionFinderTests {
  @Test(arguments: [
    ("a: b\r\n\r\nbody", 8), ("\r\nbody", 2), ("a: b\r\n", nil), ("a\r\r\n\r\n", 6), ("a\n\n\r\n\r\nx", 7),
    ("a\r\n\r\r\n\r\n", 8), ("", nil),
  ])
  func findsTheBlankLine(text: String, end: Int?) {
    var whole = HeaderSectionFinder()
    #expect(whole.consume(Array(text.utf8)) == end)
    // The same, one byte at a time.
    var single = HeaderSectionFinder()
    let found = text.utf8.enumerated().first { single.consume([$0.element]) != nil }
    #expect(found.map { $0.offset + 1 } == end)
  }
}
