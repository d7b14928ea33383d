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
  let info = getBounceInfo(.reply(reply(text)), situation: BounceSituation(stage: stage))
  return "\(info.action.rawValue) \(info.category.rawValue) \(info.status)"
}

/// What stands above the codes.
@Suite struct PromiseTests {
  @Test(arguments: [
    // The code decides.
    ("550 5.1.1 User unknown", "reject user_unknown 5.1.1"),
    ("550 no such user", "reject user_unknown 5.1.1"),
    ("550 5.7.1 Message rejected by policy", "reject policy 5.7.1"),
    ("554 5.6.0 bad content", "reject content 5.6.0"),
    ("553 5.1.3 bad address", "reject user_unknown 5.1.3"),
    ("550 5.4.6 routing loop", "reject network 5.4.6"),
    ("599 whatever", "reject other 5.0.0"),
    ("451 whatever", "retry system 4.3.0"),
    ("450 4.2.0 something", "retry policy 4.2.0"),
    // 4yz stays temporary whatever else is said; 5yz with 4.x.x is not sure of itself.
    ("450 5.1.1 User unknown", "retry user_unknown 4.1.1"),
    ("550 4.7.1 well", "retry policy 4.7.1"),
    // A full mailbox is retried.
    ("552 5.2.2 Mailbox full", "retry mailbox_full 4.2.2"),
    ("550 5.2.2 user over quota", "retry mailbox_full 4.2.2"),
    ("552 Requested mail action aborted: exceeded storage allocation", "retry mailbox_full 4.2.2"),
    ("552", "retry mailbox_full 4.2.2"),
    ("550 Mailbox is full", "retry mailbox_full 4.2.2"),
    ("554 5.7.1 Sorry, the user is OVER  QUOTA", "retry mailbox_full 4.7.1"),
    ("552 5.3.1 mail system full", "retry system 4.3.1"),
    ("452 4.2.2 quota", "retry mailbox_full 4.2.2"),
    // A message that is too large is not.
    ("552 Message size exceeds fixed maximum message size", "reject size 5.3.4"),
    ("552 5.3.4 Message too big", "reject size 5.3.4"),
    ("552 5.2.3 too long", "reject size 5.2.3"),
    ("552 5.7.0 blocked because its content presents a potential security issue", "reject content 5.7.0"),
    // A list entry is retried, and slows down.
    (
      "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
      "slowdown blocklist 4.7.1"
    ),
    ("550 Your IP is on our blacklist", "slowdown blocklist 4.7.1"),
    ("550 5.7.606 Access denied, banned sending IP", "slowdown blocklist 4.7.606"),
    ("550 5.7.1 rejected by RBL", "slowdown blocklist 4.7.1"),
    ("553 5.7.1 poor reputation", "slowdown blocklist 4.7.1"),
    ("550 5.7.23 SPF failed for your IP", "reject auth 5.7.23"),
    // Network trouble and an unavailable server too.
    ("554 connection timed out", "retry network 4.4.1"),
    ("554 5.3.0 internal server error", "retry system 4.3.0"),
    // There is no such domain, or no mail service.
    ("550 5.1.2 Host unknown", "reject dns 5.1.2"),
    ("556 5.1.10 null MX", "reject dns 5.1.10"),
    ("521 no mail here", "reject dns 5.1.10"),
    // A policy that names no list is permanent.
    ("550 5.7.1 Access denied", "reject policy 5.7.1"),
    // Others.
    ("451 4.7.1 Greylisted, come back", "retry greylist 4.7.1"),
    ("421 4.7.0 Too many connections", "slowdown rate_limit 4.7.0"),
  ])
  func atRecipient(text: String, expected: String) {
    #expect(judge(text) == expected)
  }

  @Test(arguments: [
    ("554 no", AttemptStage.greeting, "slowdown blocklist 4.4.2"),
    ("554 blocked using dnsbl", .greeting, "slowdown blocklist 4.7.1"),
    ("521 no mail here", .greeting, "reject dns 5.1.10"),
    ("550 bad name", .hello, "slowdown blocklist 4.4.2"),
    ("535 5.7.8 wrong", .login, "retry auth 4.7.8"),
    ("530 5.7.0 Must authenticate", .mail, "retry auth 4.7.0"),
    ("501 no TLS", .tls, "retry tls 4.7.5"),
    ("550 no", .mail, "reject policy 5.7.1"),
    ("554 no", .data, "reject policy 5.7.1"),
    ("554 no", .finalDot, "reject policy 5.7.1"),
  ])
  func atOtherStages(text: String, stage: AttemptStage, expected: String) {
    #expect(judge(text, stage) == expected)
  }

  /// Whichever address a list names: only ours makes us send less.
  @Test func whoseAddressIsListed() {
    let text = "550 5.7.1 [192.0.2.7] is listed in zen.spamhaus.org"
    func judged(_ ours: String?) -> BounceInfo {
      getBounceInfo(.reply(reply(text)), situation: BounceSituation(ourAddress: ours))
    }
    #expect(judged("192.0.2.7").detail == .addressListed && judged("192.0.2.7").action == .slowdown)
    #expect(judged("192.0.2.8").detail == .otherAddressListed && judged("192.0.2.8").action == .retry)
    #expect(judged(nil).action == .slowdown)
  }
}

@Suite struct LocalFailureTests {
  @Test(arguments: [
    (LocalFailure.noSuchDomain, "reject dns 5.1.2"), (.nullMX, "reject dns 5.1.10"), (.noAddress, "reject dns 5.4.4"),
    (.dns("x"), "retry dns 4.4.3"), (.forbiddenAddress("x"), "reject network 5.4.4"),
    (.mailLoop("x"), "reject network 5.4.6"), (.connection("x"), "retry network 4.4.1"),
    (.timeout("x"), "retry network 4.4.2"), (.tls("x"), "retry tls 4.7.5"),
    (.protocolViolation("x"), "retry protocol 4.5.0"), (.missingExtension("SMTPUTF8"), "reject content 5.6.7"),
    (.missingExtension("8BITMIME"), "reject content 5.6.3"),
    (.missingExtension("SIZE for 99 bytes"), "reject size 5.3.4"),
    (.system("x"), "retry system 4.3.0"), (.expired, "reject expired 4.4.7"),
  ])
  func judged(failure: LocalFailure, expected: String) {
    let info = getBounceInfo(.local(failure))
    #expect("\(info.action.rawValue) \(info.category.rawValue) \(info.status)" == expected)
    #expect(info.line == failure.explanation)
  }

  @Test func nothingFailed() {
    #expect(getBounceInfo(AttemptResult.delivered(Reply(250, nil, "ok"))) == nil)
    #expect(getBounceInfo(AttemptResult.notTried("shutdown")) == nil)
  }

  @Test func sentencesAreSentences() {
    for category in BounceCategory.allCases {
      for detail in BounceDetail.allCases.map(Optional.some) + [nil] {
        let sentence = BounceInfo.sentence(category, detail)
        #expect(sentence.hasSuffix(".") && sentence.first?.isUppercase == true)
        #expect(sentence.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
      }
    }
  }
}
