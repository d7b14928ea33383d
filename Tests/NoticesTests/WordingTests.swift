import BounceRules
import MailFormat
import MailModel
import Notices
import Testing

private let bob = Recipient(
  address: MailAddress(localPart: "bob", domain: "b.example"), notify: [.success, .failure, .delay])
private let host = RemoteHost(name: "mx.b.example", address: "192.0.2.1", port: 25)
private let kinds: [DeliveryReport.Kind] = [.failed, .delayed(until: 1_795_631_000), .delivered, .relayed]
private let templateID = QueueID(high: 0x0199_0000_0000_7001, low: 0x8000_0000_0000_0003)

private func told(_ kind: DeliveryReport.Kind, _ recipient: Recipient = bob) -> ToldRecipient {
  let result: AttemptResult =
    switch kind {
    case .failed: .refused(Reply(550, EnhancedStatus(5, 1, 1), "User unknown"), .recipient)
    case .delayed: .refused(Reply(452, EnhancedStatus(4, 2, 2), "Mailbox full"), .recipient)
    case .delivered, .relayed: .delivered(Reply(250, EnhancedStatus(2, 0, 0), "queued"))
    }
  return ToldRecipient(
    recipient, after: Attempt(result: result, remote: host), lastAttempt: 1_795_199_438, attempts: 3)
}

private func notice(
  _ kind: DeliveryReport.Kind, _ wording: NoticeWording, _ recipients: [ToldRecipient]? = nil,
  subject: String = "Hello", contents: ReturnedContents? = nil,
  to sender: MailAddress = MailAddress(localPart: "alice", domain: "a.example")
) throws -> ParsedReport {
  let header = Array("From: alice@a.example\r\nSubject: \(subject)\r\n\r\n".utf8)
  let notice = try #require(
    makeNotice(
      kind,
      about: OriginalMessage(
        id: templateID, reversePath: sender, envelopeID: nil, arrival: 1_795_199_000,
        contents: contents ?? .header(header)),
      recipients: recipients ?? [told(kind)], wording: wording, nodeName: "node.example", id: templateID,
      now: 1_795_199_500))
  return try ParsedReport.parse(notice.content)
}

private func words(_ text: String?) -> String {
  (text ?? "").split { $0.isWhitespace }.joined(separator: " ")
}

@Suite struct LanguageTests {
  static let expected: [(language: String, kind: Int, subject: String, parts: [String])] = [
    ("en", 0, "Not delivered: Hello", ["could not be delivered", "550 5.1.1 User unknown", "Tried 3 times"]),
    ("en", 1, "Not delivered yet: Hello", ["until 25 November 2026, 18:23 UTC", "mx.b.example said: 452 4.2.2"]),
    ("en", 2, "Delivered: Hello", ["Taken by mx.b.example on 20 November 2026, 18:30 UTC"]),
    ("en", 3, "Handed on: Hello", ["does not confirm delivery"]),
    ("nl", 0, "Niet bezorgd: Hello", ["Dit adres bestaat niet", "De mailserver mx.b.example antwoordde: 550"]),
    ("nl", 1, "Nog niet bezorgd: Hello", ["tot 25 november 2026 om 18.23 uur (UTC)", "is vol", "3 pogingen"]),
    ("nl", 2, "Bezorgd: Hello", ["Aangenomen door mx.b.example op 20 november 2026"]),
    ("nl", 3, "Doorgegeven: Hello", ["doorgegeven aan de volgende mailserver"]),
    ("fi", 0, "Viestiä ei toimitettu: Hello", ["ei tunne tätä osoitetta", "Palvelin mx.b.example vastasi: 550"]),
    ("fi", 1, "Viestin toimitus viivästyy: Hello", ["25. marraskuuta 2026 klo 18.23 (UTC) asti", "on täynnä"]),
    ("fi", 2, "Viesti toimitettu: Hello", ["Vastaanottanut palvelin: mx.b.example, 20. marraskuuta 2026"]),
    ("fi", 3, "Viesti välitetty eteenpäin: Hello", ["seuraavalle sähköpostipalvelimelle alla olevaa"]),
  ]

  @Test(arguments: expected.indices)
  func everyKindInEveryLanguage(row: Int) throws {
    let (language, kind, subject, parts) = Self.expected[row]
    let report = try notice(kinds[kind], NoticeWording(language: language))
    #expect(report.defects.isEmpty)
    #expect(report.headers["Subject"] == subject)
    #expect(report.parts[0].language == language)
    let text = words(report.parts[0].text)
    for part in parts { #expect(text.contains(part), "«\(part)» is not in «\(text)»") }
    #expect(text.contains("<bob@b.example>") && text.contains("node.example"))
    #expect(!text.contains("{{") && !text.contains("}}"))
    #expect(report.parts[1].blocks?[1]["Action"] == kinds[kind].action)
  }

  /// What people read has short lines; only a word of its own may be longer.
  @Test(arguments: NoticeWording.shipped)
  func linesAreShort(language: String) throws {
    for kind in kinds {
      let report = try notice(kind, NoticeWording(language: language), subject: String(repeating: "long ", count: 40))
      for line in try #require(report.parts[0].text).split(separator: "\r\n") { #expect(line.utf8.count <= 78) }
    }
  }

  @Test func everyCauseIsTranslated() throws {
    // Names that look alike in two languages do not occur in whole sentences.
    let attempts: [AttemptResult] = [
      .refused(Reply(550, EnhancedStatus(5, 1, 1), "User unknown"), .recipient),
      .refused(Reply(552, EnhancedStatus(5, 2, 2), "Mailbox full"), .recipient),
      .refused(Reply(550, EnhancedStatus(5, 7, 23), "SPF validation failed"), .recipient),
      .refused(Reply(554, EnhancedStatus(5, 7, 1), "Service unavailable; blocked using zen.spamhaus.org"), .recipient),
      .failed(.noSuchDomain, .route), .failed(.nullMX, .route), .failed(.connection("refused"), .connect),
      .failed(.timeout("waiting"), .connect), .failed(.system(""), .route), .failed(.mailLoop(""), .route),
    ]
    for attempt in attempts {
      var seen: Set<String> = []
      for language in NoticeWording.shipped {
        let recipient = ToldRecipient(bob, after: Attempt(result: attempt, remote: host), lastAttempt: 0)
        seen.insert(words(try notice(.failed, NoticeWording(language: language), [recipient]).parts[0].text))
      }
      #expect(seen.count == 3)
    }
  }

  @Test func theSubjectIsRead() throws {
    func subject(_ text: String) throws -> String? {
      try notice(.failed, NoticeWording(), subject: text).headers["Subject"]
    }
    #expect(try subject("=?UTF-8?B?R3LDvMOfZQ==?=") == "Not delivered: Grüße")
    #expect(try subject("=?utf-8?q?Gr=C3=BC?= =?utf-8?q?=C3=9Fe?= aan allen") == "Not delivered: Grüße aan allen")
    #expect(try subject("=?iso-8859-1?q?caf=E9?=") == "Not delivered: café")
    #expect(try subject("a\r\n b") == "Not delivered: a b")
    // What cannot be read with certainty is left out.
    #expect(try subject("=?koi8-r?b?8NLJ?=") == "Not delivered")
    #expect(try subject("=?utf-8?q?=FF?=") == "Not delivered")
    #expect(try subject("") == "Not delivered")
    #expect(try subject("a\u{202E}b") == "Not delivered: a?b")
    #expect(try subject(String(repeating: "é", count: 100))?.count == 15 + 80)
  }
}

@Suite struct TemplateTests {
  private let good = """
    Subject: {{count}} × niet

    Beste,
    {{#recipients}}
    - {{address}}: {{{explanation}}}
    {{/recipients}}
    """

  @Test func anOwnTextIsUsed() throws {
    let report = try notice(.failed, NoticeWording(language: "nl", templates: ["nl": good]))
    #expect(report.headers["Subject"] == "1 × niet")
    #expect(report.parts[0].text == "Beste,\r\n- bob@b.example: Dit adres bestaat niet bij de ontvangende partij.\r\n")
    // Of another language: not this one's.
    let other = try notice(.failed, NoticeWording(language: "en", templates: ["nl": good]))
    #expect(other.headers["Subject"] == "Not delivered: Hello")
  }

  @Test func aLanguageOfOnesOwnHasOwnTextsOrTheNearest() throws {
    let german = try notice(.failed, NoticeWording(language: "de", templates: ["de": good]))
    #expect(german.headers["Subject"] == "1 × niet" && german.parts[0].language == "de")
    #expect(german.parts[0].text?.contains("The address does not exist") == true)
    let flemish = try notice(.failed, NoticeWording(language: "nl-BE"))
    #expect(flemish.headers["Subject"] == "Niet bezorgd: Hello" && flemish.parts[0].language == "nl")
  }

  @Test func whatHasBrokenSinceGivesWayToTheShippedText() throws {
    for broken in ["", "{{#recipients}}", "no subject", "Subject: x\n\n{{address"] {
      let report = try notice(.failed, NoticeWording(language: "nl", templates: ["nl": broken]))
      #expect(report.headers["Subject"] == "Niet bezorgd: Hello")
    }
  }

  @Test func valuesAreNotTemplates() throws {
    let hostile = Recipient(address: MailAddress(localPart: "{{#recipients}}{{node}}<&\"", domain: "b.example"))
    let report = try notice(.failed, NoticeWording(), [told(.failed, hostile)], subject: "{{id}} <b>&amp;")
    #expect(report.headers["Subject"] == "Not delivered: {{id}} <b>&amp;")
    #expect(report.parts[0].text?.contains("<{{#recipients}}{{node}}<&\"@b.example>") == true)
  }

  @Test(
    arguments: [
      ("", "it must name the recipients"),
      ("Subject: x\n\ntext", "it must name the recipients"),
      ("{{#recipients}}{{address}}{{/recipients}}", "it must begin with a line «Subject: …»"),
      ("Subject: x\n{{#recipients}}{{address}}{{/recipients}}", "it must begin with a line «Subject: …»"),
      ("Subject:\n\n{{#recipients}}{{address}}{{/recipients}}", "it must begin with a line «Subject: …»"),
      ("Subject: x\n\n{{adress}}", "line 3: there is no {{adress}}; known are accepted, address"),
      ("Subject: x\n\n{{address}}", "line 3: {{address}} is known between {{#recipients}}"),
      ("Subject: x\n\n{{#recipients}}\n{{address}\n{{/recipients}}", "line 4: a tag is not closed"),
      ("Subject: x\n\n{{#recipients}}{{address}}", "a section is not closed"),
      ("Subject: x\n\n{{#recipients}}{{address}}{{/recipient}}", "line 3: {{/recipient}} closes another section"),
      ("Subject: x\n\n{{#recipients}}{{#recipients}}{{address}}", "{{#recipients}} stands within itself"),
      ("Subject: x\n\n{{> file}}", "line 3: there is no {{> file}}"),
      ("Subject: x\n\n{{=<% %>=}}", "line 3: there is no {{=<% %>=}}"),
      ("Subject: x\n\n{{% CONTENT_TYPE:HTML}}", "line 3: there is no {{% CONTENT_TYPE:HTML}}"),
    ] as [(String, String)])
  func brokenOnesAreRefused(source: String, why: String) throws {
    let fault = #expect(throws: NoticeTemplateFault.self) { try NoticeTemplate(source) }
    #expect(fault?.description.contains(why) == true, "\(fault?.description ?? "")")
  }

  @Test func aLargeOneIsRefused() {
    let fault = #expect(throws: NoticeTemplateFault.self) { try NoticeTemplate(String(repeating: "x", count: 16385)) }
    #expect(fault?.description.contains("it is larger than 16384 bytes") == true)
  }

  @Test func theShippedOnesCanBeTakenAsTheyAre() throws {
    for language in NoticeWording.shipped {
      for kind in kinds {
        _ = try NoticeTemplate(try #require(NoticeWording.shippedSource(kind, language: language)))
      }
    }
    #expect(NoticeWording.shipped == ["en", "nl", "fi"])
  }
}

@Suite struct ReturnedContentTests {
  @Test func aWholeMessageComesBackAsItWas() throws {
    let message = "Subject: x\r\nMessage-ID: <7@a.example>\r\n\r\nbody é\r\n--=_postrider\r\n.\r\n"
    let report = try notice(.failed, NoticeWording(), contents: .whole(Array(message.utf8)))
    #expect(report.defects.isEmpty)
    #expect(report.headers["Content-Transfer-Encoding"] == "8bit")
    #expect(report.parts[2].type == "message/rfc822" && report.parts[2].encoding == "8bit")
    #expect(report.parts[2].text == message)
    #expect(report.headers["In-Reply-To"] == "<7@a.example>")
    let ascii = try notice(.failed, NoticeWording(), contents: .whole(Array("Subject: x\r\n\r\nbody\u{1B}$B".utf8)))
    #expect(ascii.parts[2].encoding == "7bit" && ascii.headers["Content-Transfer-Encoding"] == nil)
    #expect(ascii.parts[0].text?.contains("Your message comes back") == true)
    let global = try notice(.failed, NoticeWording(), contents: .whole(Array("Subject: ö\r\n\r\nbody\r\n".utf8)))
    #expect(global.parts[2].type == "message/global" && global.parts[2].text == "Subject: ö\r\n\r\nbody\r\n")
  }

  @Test func oneThatNoMessageMayBeIsCutToItsHeader() throws {
    for body in ["a\0b", "a\rb", "a\nb", String(repeating: "x", count: 999)] {
      let report = try notice(.failed, NoticeWording(), contents: .whole(Array("Subject: x\r\n\r\n\(body)\r\n".utf8)))
      #expect(report.parts[2].type == "text/rfc822-headers" && report.parts[2].text == "Subject: x\r\n")
    }
  }

  /// RFC 6533: who has a UTF-8 address reads UTF-8.
  @Test func theInternationalForm() throws {
    var recipient = Recipient(
      address: MailAddress(localPart: "böb", domain: "bücher.example"), notify: [.failure],
      originalRecipient: "utf-8;b\\x{F6}b\\x{2B}x@b\\x{FC}cher.example")
    let sender = MailAddress(localPart: "älice", domain: "a.example")
    let reply = Attempt(result: .refused(Reply(550, EnhancedStatus(5, 1, 1), "größe"), .recipient), remote: host)
    let report = try notice(
      .failed, NoticeWording(language: "fi"), [ToldRecipient(recipient, after: reply, lastAttempt: 0)],
      subject: "Grüße", to: sender)
    #expect(report.defects.isEmpty)
    #expect(report.reportType == "global-delivery-status")
    #expect(report.headers["To"] == "älice@a.example")
    #expect(report.headers["Subject"] == "Viestiä ei toimitettu: Grüße")
    #expect(report.parts.map(\.type) == ["text/plain", "message/global-delivery-status", "message/global-headers"])
    #expect(report.parts.map(\.encoding) == ["8bit", "8bit", "8bit"])
    let block = try #require(report.parts[1].blocks?[1])
    #expect(block["Final-Recipient"] == "utf-8; böb@bücher.example")
    #expect(block["Original-Recipient"] == "utf-8; böb+x@bücher.example")
    #expect(block["Diagnostic-Code"] == "smtp; 550 5.1.1 größe")
    // An ASCII sender gets the same in seven bits.
    recipient.originalRecipient = nil
    let plain = try notice(
      .failed, NoticeWording(language: "fi"), [ToldRecipient(recipient, after: reply, lastAttempt: 0)])
    #expect(plain.reportType == "delivery-status")
    #expect(plain.parts[1].blocks?[1]["Final-Recipient"] == "utf-8; b\\x{F6}b@b\\x{FC}cher.example")
  }

  @Test func aBounceParserAgrees() throws {
    let carol = Recipient(address: MailAddress(localPart: "carol", domain: "c.example"), notify: bob.notify)
    func failures(_ kind: DeliveryReport.Kind) throws -> ParsedReport.Failures {
      let notice = try #require(
        makeNotice(
          kind,
          about: OriginalMessage(
            id: templateID, reversePath: MailAddress(localPart: "alice", domain: "a.example"), envelopeID: "e",
            arrival: 0, contents: .whole(Array("Subject: x\r\n\r\nbody\r\n".utf8))),
          recipients: [told(kind), told(kind, carol)], nodeName: "node.example", id: templateID, now: 0))
      return try ParsedReport.failures(notice.content)
    }
    let both = ["bob@b.example", "carol@c.example"]
    #expect(try failures(.failed) == ParsedReport.Failures(temporary: [], permanent: both))
    #expect(try failures(.delayed(until: 1)) == ParsedReport.Failures(temporary: both, permanent: []))
    #expect(try failures(.delivered) == ParsedReport.Failures(temporary: [], permanent: []))
    #expect(try failures(.relayed) == ParsedReport.Failures(temporary: [], permanent: []))
  }
}
