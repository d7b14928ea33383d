import BounceRules
import MailModel
import Testing

private func reply(_ text: String) -> Reply {
  let words = text.split(separator: " ", maxSplits: 2).map(String.init)
  let code = Int(words[0]) ?? 0
  if words.count > 1, let enhanced = EnhancedStatus(words[1]) {
    return Reply(code, enhanced, words.count > 2 ? words[2] : "")
  }
  return Reply(code, nil, words.dropFirst().joined(separator: " "))
}

private func judge(_ text: String, _ stage: AttemptStage = .recipient) -> String {
  guard let verdict = verdict(on: .refused(reply(text), stage)) else { return "nil" }
  return "\(verdict.action.rawValue) \(verdict.cause.rawValue) \(verdict.status)"
}

@Suite struct RefusedTests {
  @Test(arguments: [
    // The code decides.
    ("550 no such user", "bounce refused 5.0.0"),
    ("550 5.1.1 User unknown", "bounce recipientUnknown 5.1.1"),
    ("550 5.7.1 Message rejected by policy", "bounce policy 5.7.1"),
    ("554 5.6.0 bad content", "bounce contentRefused 5.6.0"),
    ("553 5.1.3 bad address", "bounce addressSyntax 5.1.3"),
    ("550 5.4.6 routing loop", "bounce mailLoop 5.4.6"),
    ("599 whatever", "bounce refused 5.0.0"),
    ("451 local error", "retry deferredByServer 4.0.0"),
    ("450 4.2.0 later", "retry deferredByServer 4.2.0"),
    ("421 4.3.2 shutting down", "retry deferredByServer 4.3.2"),
    // 4yz stays temporary whatever else is said; 5yz with 4.x.x is not sure of itself.
    ("450 5.1.1 User unknown", "retry recipientUnknown 4.1.1"),
    ("550 4.4.7 expired", "retry deferredByServer 4.4.7"),
    // A full mailbox is retried.
    ("552 5.2.2 Mailbox full", "retry mailboxFull 4.2.2"),
    ("550 5.2.2 user over quota", "retry mailboxFull 4.2.2"),
    ("552 Requested mail action aborted: exceeded storage allocation", "retry mailboxFull 4.2.2"),
    ("552", "retry mailboxFull 4.2.2"),
    ("550 Mailbox is full", "retry mailboxFull 4.2.2"),
    ("554 5.7.1 Sorry, the user is OVER  QUOTA", "retry mailboxFull 4.7.1"),
    ("552 5.3.1 mail system full", "retry mailboxFull 4.3.1"),
    ("452 4.2.2 quota", "retry mailboxFull 4.2.2"),
    // A message that is too large is not.
    ("552 Message size exceeds fixed maximum message size", "bounce messageTooLarge 5.3.4"),
    ("552 5.3.4 Message too big", "bounce messageTooLarge 5.3.4"),
    ("552 5.2.3 too long", "bounce messageTooLarge 5.2.3"),
    ("552 5.7.0 blocked because its content presents a potential security issue", "bounce policy 5.7.0"),
    // Block lists are retried.
    (
      "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "retry blocklisted 4.7.1"
    ),
    ("550 Your IP is on our blacklist", "retry blocklisted 4.7.1"),
    ("550 5.7.606 Access denied, banned sending IP", "retry blocklisted 4.7.606"),
    ("550 5.7.1 rejected by RBL", "retry blocklisted 4.7.1"),
    ("553 5.7.1 poor reputation", "retry blocklisted 4.7.1"),
    ("550 5.7.1 the word garbled is no list", "bounce policy 5.7.1"),
    ("550 5.1.1 User unknown in blacklist.example", "bounce recipientUnknown 5.1.1"),
    ("550 bob (bob@b.example) not listed in Domino Directory", "bounce refused 5.0.0"),
    ("550 5.7.23 SPF failed for your IP", "bounce policy 5.7.23"),
    (
      "550 5.7.1 messages from [192.0.2.1] weren't sent, part of their network is on our block list (S3140)",
      "retry blocklisted 4.7.1"
    ),
    // There is no mail service.
    ("556 5.1.10 null MX", "bounce domainTakesNoMail 5.1.10"),
    ("521 no mail here", "bounce domainTakesNoMail 5.1.10"),
    // Others.
    ("451 4.7.1 Greylisted, come back", "retry greylisted 4.7.1"),
    ("421 4.7.0 Too many connections", "retry throttled 4.7.0"),
  ])
  func atRecipient(text: String, expected: String) {
    #expect(judge(text) == expected)
  }

  @Test(arguments: [
    ("554 no", AttemptStage.greeting, "retry connectionRefused 4.4.2"),
    ("554 blocked using dnsbl", .greeting, "retry blocklisted 4.7.1"),
    ("521 no mail here", .greeting, "bounce domainTakesNoMail 5.1.10"),
    ("550 bad name", .hello, "retry connectionRefused 4.4.2"),
    ("535 5.7.8 wrong", .login, "retry loginRefused 4.7.8"),
    ("530 5.7.0 Must authenticate", .mail, "retry loginRefused 4.7.0"),
    ("501 no TLS", .tls, "retry tls 4.7.5"),
    ("550 no", .mail, "bounce refused 5.0.0"),
    ("554 no", .data, "bounce refused 5.0.0"),
    ("554 no", .finalDot, "bounce refused 5.0.0"),
  ])
  func atOtherStages(text: String, stage: AttemptStage, expected: String) {
    #expect(judge(text, stage) == expected)
  }

  @Test func everyLineIsRead() {
    let reply = Reply(
      code: 550, enhanced: nil, lines: [Array("Sorry".utf8), [0xFF, 0x00], Array("mailbox\tFULL".utf8)])
    #expect(verdict(on: .refused(reply, .recipient))?.cause == .mailboxFull)
  }

  @Test func everyTemporaryCodeIsRetriedAndHugeRepliesAreCheap() {
    for code in 400..<500 {
      for text in ["", " 4.1.1 x", " 5.7.1 blacklist", " message size exceeds", " mailbox full"] {
        for stage in AttemptStage.allCases { #expect(judge("\(code)\(text)", stage).hasPrefix("retry ")) }
      }
    }
    let huge = Reply(code: 550, enhanced: nil, lines: [[UInt8](repeating: 0x41, count: 1_000_000)])
    #expect(verdict(on: .refused(huge, .recipient))?.action == .bounce)
  }
}

@Suite struct LocalFailureTests {
  @Test(arguments: [
    (LocalFailure.noSuchDomain, "bounce domainUnknown 5.1.2"), (.nullMX, "bounce domainTakesNoMail 5.1.10"),
    (.noAddress, "bounce noMailServer 5.4.4"), (.dns("x"), "retry dns 4.4.3"),
    (.forbiddenAddress("x"), "bounce forbiddenAddress 5.4.4"), (.mailLoop("x"), "bounce mailLoop 5.4.6"),
    (.connection("x"), "retry connection 4.4.1"), (.timeout("x"), "retry timeout 4.4.2"),
    (.tls("x"), "retry tls 4.7.5"),
    (.protocolViolation("x"), "retry protocolViolation 4.5.0"),
    (.missingExtension("SMTPUTF8"), "bounce needsSMTPUTF8 5.6.7"),
    (.missingExtension("8BITMIME"), "bounce needsExtension 5.6.3"),
    (.missingExtension("SIZE for 99 bytes"), "bounce messageTooLarge 5.3.4"),
    (.system("x"), "retry localTrouble 4.3.0"), (.expired, "bounce expired 4.4.7"),
  ])
  func judged(failure: LocalFailure, expected: String) throws {
    let judged = try #require(verdict(on: .failed(failure, .route)))
    #expect("\(judged.action.rawValue) \(judged.cause.rawValue) \(judged.status)" == expected)
  }

  @Test func nothingFailed() {
    #expect(verdict(on: .delivered(Reply(250, nil, "ok"))) == nil)
    #expect(verdict(on: .notTried("shutdown")) == nil)
  }

  @Test func explanationsAreSentences() {
    for cause in FailureCause.allCases {
      #expect(cause.explanation.hasSuffix(".") && cause.explanation.first?.isUppercase == true)
      #expect(cause.explanation.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
    }
  }
}
