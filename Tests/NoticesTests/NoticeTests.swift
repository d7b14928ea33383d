import Foundation
import MailFormat
import MailModel
import Notices
import Testing

private let sender = MailAddress(localPart: "alice", domain: "a.example")
private let originalID = QueueID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)
private let noticeID = QueueID(high: 0x0199_0000_0000_7001, low: 0x8000_0000_0000_0002)
private let header = "From: alice@a.example\r\nSubject: Hello\r\n world\r\nMessage-ID: <1@a.example>\r\n\r\n"

private func recipient(_ local: String, _ domain: String = "b.example", notify: NotifyConditions? = nil) -> Recipient {
  Recipient(address: MailAddress(localPart: local, domain: domain), notify: notify)
}

private func refused(_ reply: Reply, at recipient: Recipient) -> ToldRecipient {
  let attempt = Attempt(
    result: .refused(reply, .recipient), remote: RemoteHost(name: "mx.b.example", address: "192.0.2.1", port: 25))
  return ToldRecipient(recipient, after: attempt, lastAttempt: 1_795_199_438)
}

private func composed(
  _ recipients: [ToldRecipient], kind: DeliveryReport.Kind = .failed, from reversePath: MailAddress? = sender,
  header: [UInt8] = Array(header.utf8), envelopeID: String? = nil, wording: NoticeWording = NoticeWording()
) -> Notice? {
  makeNotice(
    kind,
    about: OriginalMessage(
      id: originalID, reversePath: reversePath, envelopeID: envelopeID, arrival: 1_795_199_000,
      contents: .header(header)),
    recipients: recipients, wording: wording, nodeName: "node.example", id: noticeID, now: 1_795_199_500)
}

private let unknown = Reply(550, EnhancedStatus(5, 1, 1), "User unknown")

@Suite struct DecisionTests {
  @Test func noNoticeForANotice() {
    #expect(composed([refused(unknown, at: recipient("bob"))], from: nil) == nil)
    for event in [NoticeEvent.failure, .delay, .success] {
      #expect(
        !wantsNotice(of: event, reversePath: nil, recipient: recipient("b", notify: [.failure, .delay, .success])))
    }
  }

  @Test(
    arguments: [
      (nil, true, true, false), (.never, false, false, false), (.failure, true, false, false),
      ([.success, .delay], false, true, true),
    ] as [(NotifyConditions?, Bool, Bool, Bool)])
  func notifyIsHonoured(notify: NotifyConditions?, failure: Bool, delay: Bool, success: Bool) {
    let recipient = recipient("bob", notify: notify)
    #expect(wantsNotice(of: .failure, reversePath: sender, recipient: recipient) == failure)
    #expect(wantsNotice(of: .delay, reversePath: sender, recipient: recipient) == delay)
    #expect(wantsNotice(of: .success, reversePath: sender, recipient: recipient) == success)
  }

  @Test func thoseWhoDoNotWantToHearAreLeftOut() throws {
    let some = try #require(
      composed([refused(unknown, at: recipient("loud")), refused(unknown, at: recipient("silent", notify: .success))]))
    let text = String(decoding: some.content, as: UTF8.self)
    #expect(text.contains("loud@b.example") && !text.contains("silent@b.example"))
    #expect(composed([refused(unknown, at: recipient("silent", notify: .never))]) == nil)
  }

  @Test func envelopeEndsEveryLoop() throws {
    let notice = try #require(composed([refused(unknown, at: recipient("bob"))]))
    #expect(notice.envelope.reversePath == nil)
    #expect(notice.envelope.recipients == [Recipient(address: sender, notify: .never)])
    #expect(!notice.envelope.smtpUTF8 && notice.envelope.body == .sevenBit)
  }
}

@Suite struct ReportTests {
  private func isTransportable(_ message: [UInt8]) -> Bool {
    let text = String(decoding: message, as: UTF8.self)
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    return message.allSatisfy { $0 < 0x80 && $0 != 0 } && lines.allSatisfy { $0.utf8.count <= 998 }
      && !lines.contains { $0.unicodeScalars.contains { $0 == "\r" || $0 == "\n" } } && text.hasSuffix("\r\n")
  }

  @Test func severalRecipientsInOneReport() throws {
    var second = recipient("carol", "c.example")
    second.originalRecipient = "rfc822;carol+2Bx+40c.example"
    let connection = Attempt(
      result: .failed(.connection("refused"), .connect),
      remote: RemoteHost(name: "mx.c.example", address: "192.0.2.2", port: 25))
    let notice = try #require(
      composed(
        [
          refused(unknown, at: recipient("bob")),
          ToldRecipient(second, after: connection, hasExpired: true, lastAttempt: 1_795_199_438),
        ], envelopeID: "QQ314159"))
    #expect(isTransportable(notice.content))
    let report = try ParsedReport.parse(notice.content)
    #expect(report.defects.isEmpty)
    #expect(report.type == "multipart/report" && report.reportType == "delivery-status")
    #expect(report.headers["From"] == "Mail Delivery System <mailer-daemon@node.example>")
    #expect(report.headers["To"] == "alice@a.example")
    #expect(report.headers["Auto-Submitted"] == "auto-replied")
    #expect(report.headers["Date"] == "Fri, 20 Nov 2026 18:31:40 +0000")
    #expect(report.headers["Message-ID"] == "<\(noticeID)@node.example>")
    #expect(report.headers["In-Reply-To"] == "<1@a.example>")
    #expect(report.parts.map(\.type) == ["text/plain", "message/delivery-status", "text/rfc822-headers"])
    let text = try #require(report.parts.first?.text).split { $0.isWhitespace }.joined(separator: " ")
    #expect(text.contains("The address does not exist at the destination."))
    #expect(text.contains("550 5.1.1 User unknown"))
    #expect(text.contains("<carol@c.example>") && text.contains("could not be reached. (connection failed: refused)"))
    let blocks = try #require(report.parts[1].blocks)
    #expect(
      blocks == [
        [
          "Original-Envelope-Id": "QQ314159", "Reporting-MTA": "dns; node.example",
          "X-Postrider-Queue-ID": "\(originalID)", "Arrival-Date": "Fri, 20 Nov 2026 18:23:20 +0000",
        ],
        [
          "Final-Recipient": "rfc822; bob@b.example", "Action": "failed", "Status": "5.1.1",
          "Remote-MTA": "dns; mx.b.example", "Diagnostic-Code": "smtp; 550 5.1.1 User unknown",
          "Last-Attempt-Date": "Fri, 20 Nov 2026 18:30:38 +0000",
        ],
        [
          "Original-Recipient": "rfc822; carol+x@c.example", "Final-Recipient": "rfc822; carol@c.example",
          "Action": "failed", "Status": "4.4.1", "Remote-MTA": "dns; mx.c.example",
          "Last-Attempt-Date": "Fri, 20 Nov 2026 18:30:38 +0000",
        ],
      ])
    #expect(report.parts[2].text?.hasPrefix("From: alice@a.example\r\nSubject: Hello\r\n world\r\n") == true)
  }

  @Test func internationalAddressesAndHeaders() throws {
    let utf8 = "From: älice@a.example\r\nSubject: Grüße \(String(repeating: "ü", count: 400))\r\n\r\n"
    let notice = try #require(
      composed([refused(unknown, at: recipient("böb", "bücher.example"))], header: Array(utf8.utf8)))
    #expect(isTransportable(notice.content))
    let report = try ParsedReport.parse(notice.content)
    #expect(report.defects.isEmpty)
    #expect(report.parts[0].text?.contains("<böb@bücher.example>") == true)
    #expect(report.parts[1].blocks?[1]["Final-Recipient"] == "utf-8; b\\x{F6}b@b\\x{FC}cher.example")
    #expect(report.parts[2].type == "message/global-headers")
    #expect(report.parts[2].text?.contains("Subject: Grüße üü") == true)

    let toUTF8 = try #require(
      makeNotice(
        .failed,
        about: OriginalMessage(
          id: originalID, reversePath: MailAddress(localPart: "älice", domain: "a.example"), envelopeID: nil,
          arrival: 0, contents: .header([])), recipients: [refused(unknown, at: recipient("bob"))],
        nodeName: "node.example", id: noticeID,
        now: 0))
    #expect(toUTF8.envelope.smtpUTF8 && toUTF8.envelope.body == .eightBit)
    #expect(try ParsedReport.parse(toUTF8.content).headers["To"] == "älice@a.example")
  }

  @Test func hostileRepliesStayInTheirField() throws {
    let lines: [[UInt8]] = [
      Array("no\r\n\r\n--=_postrider_\(noticeID)--\r\nAction: delivered\u{202E}\u{1B}[2J".utf8), [0xFF, 0xE9, 0x00],
      [UInt8](repeating: 0x78, count: 5000), Array("größe (".utf8),
    ]
    let hostile = Reply(code: 550, enhanced: EnhancedStatus(5, 7, 1), lines: lines)
    let latin =
      Array("Subject: caf".utf8) + [0xE9, 0x0D, 0x0A] + Array("X: \(String(repeating: "y", count: 2000))\r\n".utf8)
    let notice = try #require(composed([refused(hostile, at: recipient("bob\r\nX: y"))], header: latin))
    #expect(isTransportable(notice.content))
    let report = try ParsedReport.parse(notice.content)
    #expect(report.defects.isEmpty)
    #expect(report.parts.count == 3)
    #expect(report.parts[1].blocks?.count == 2)
    #expect(report.parts[1].blocks?[1]["Action"] == "failed")
    #expect(report.parts[1].blocks?[1]["X"] == nil)
    #expect(report.parts[1].blocks?[1]["Diagnostic-Code"]?.contains("\\x{202E} [2J") == true)
    #expect(report.parts[0].text?.unicodeScalars.contains { [0x1B, 0x202E].contains($0.value) } == false)
    #expect(report.parts[2].type == "text/rfc822-headers" && report.parts[2].encoding == "quoted-printable")
  }

  @Test func otherKinds() throws {
    let delivered = Attempt(
      result: .delivered(Reply(250, EnhancedStatus(2, 0, 0), "ok")),
      remote: RemoteHost(name: "mx.b.example", address: "192.0.2.1", port: 25))
    let wanted = recipient("bob", notify: [.success, .delay])
    let success = try #require(composed([ToldRecipient(wanted, after: delivered, lastAttempt: 0)], kind: .relayed))
    let block = try #require(try ParsedReport.parse(success.content).parts[1].blocks?[1])
    #expect(block["Action"] == "relayed" && block["Status"] == "2.0.0")
    let busy = Reply(450, EnhancedStatus(4, 2, 0), "busy")
    let delay = try #require(composed([refused(busy, at: wanted)], kind: .delayed(until: 1_795_631_000)))
    let report = try ParsedReport.parse(delay.content)
    #expect(report.parts[1].blocks?[1]["Action"] == "delayed")
    #expect(report.parts[1].blocks?[1]["Will-Retry-Until"] == "Wed, 25 Nov 2026 18:23:20 +0000")
    #expect(report.headers["Subject"] == "Not delivered yet: Hello world")
  }

  @Test func headersWithoutEndOrContent() throws {
    for bytes in [[], Array("\r\n".utf8), Array("X: y".utf8), Array("X: y\r\n\r\nbody".utf8), [0x0D], [0x0A]] {
      let notice = try #require(composed([refused(unknown, at: recipient("bob"))], header: bytes))
      #expect(isTransportable(notice.content))
      let report = try ParsedReport.parse(notice.content)
      #expect(report.defects.isEmpty && report.parts.count == 3)
      #expect(report.parts[2].text?.contains("body") == false)
    }
    let large = Array(String(repeating: "X-Long: \(String(repeating: "y", count: 90))\r\n", count: 5000).utf8)
    let bounded = try #require(composed([refused(unknown, at: recipient("bob"))], header: large))
    #expect(bounded.content.count < 70_000)
  }
}
