import MailModel
import Testing

@testable import BounceRules

private func judge(_ text: String) -> String {
  let info = getBounceInfo(.text(Array(text.utf8)))
  return "\(info.action.rawValue) \(info.category.rawValue)"
}

/// A word alone never decides.
@Suite struct StructureTests {
  @Test(arguments: [
    // In names of hosts, links, people and paths.
    ("550 5.1.1 <joe@rbl.example.org>: user unknown at mx.rbl.blacklist.example.org", "reject user_unknown"),
    ("550 mx.spamhaus.example.org: no such user", "reject user_unknown"),
    ("550 5.1.1 Martin Full <full@example.org> user unknown", "reject user_unknown"),
    ("550 5.1.1 \"Mailbox.Full\" <x@example.org>: Recipient unknown", "reject user_unknown"),
    ("550 5.1.1 recipient 'full' does not exist", "reject user_unknown"),
    ("550 5.1.1 unknown, see https://example.org/mailbox-full/blacklist?spam=1", "reject user_unknown"),
    ("550 5.7.1 the word garbled is no list", "reject policy"),
    ("550 5.1.1 User unknown in blacklist.example", "reject user_unknown"),
    ("550 bob (bob@b.example) not listed in Domino Directory", "reject user_unknown"),
    ("452 4.2.2 Over quota, please empty your spam folder", "retry mailbox_full"),
    ("552 5.2.2 Mailbox full of spam from a blacklisted host", "retry mailbox_full"),
    // After a negation.
    ("550 5.1.1 Your IP is not listed in any blacklist, but the user does not exist", "reject user_unknown"),
    ("550 the mailbox is not full, user unknown", "reject user_unknown"),
    ("554 5.7.1 No spam was found, message refused by policy", "reject policy"),
    // A precise code against a vague word, and clear words against a vague code.
    ("550 5.1.1 rejected", "reject user_unknown"),
    ("550 5.1.1 blocked using zen.spamhaus.org", "slowdown blocklist"),
    ("550 5.7.1 User unknown", "reject user_unknown"),
    ("550 5.2.1 Mailbox is over quota", "retry mailbox_full"),
  ])
  func words(text: String, expected: String) {
    #expect(judge(text) == expected, "\(getBounceInfo(.text(Array(text.utf8))))")
  }

  /// The code is read where it stands.
  @Test(arguments: [
    ("Error message below: 550 - Requested action not taken: no such user here", "5.1.1"),
    ("host mx[192.0.2.1] said: 450 4.2.2 mailbox full (in reply to RCPT TO)", "4.2.2"),
    ("220-laposte 421 4.2.1 Service refuse. LPN006_107", "4.2.1"),
    ("354 End data with <CR><LF>.<CR><LF> 451 4.3.0 Error: queue file write error", "4.3.0"),
    ("Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'", "5.1.10"),
    ("Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <x@example.org>... User Unknown", "5.1.1"),
    ("Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1"),
    ("550 550 5.1.1 user unknown (UserSearch) (state 14).", "5.1.1"),
    (
      "550-5.7.1 [192.0.2.1] Our system has detected that this message is\r\n550 5.7.1 likely unsolicited mail", "5.7.1"
    ),
  ])
  func codes(text: String, status: String) {
    #expect("\(getBounceInfo(.text(Array(text.utf8))).status)" == status)
  }

  @Test func theLineThatDecided() {
    let reply = Reply(
      code: 550, enhanced: nil, lines: [Array("Sorry".utf8), [0xFF, 0x00], Array("mailbox\tFULL".utf8)])
    let info = getBounceInfo(.reply(reply))
    #expect(info.category == .mailboxFull && info.line == "550 mailbox FULL")
    let text = getBounceInfo(.text(Array("550-Dear sender,\r\n550-no such user\r\n550 Bye".utf8)))
    #expect(text.line == "550-no such user")
  }

  /// The same words in the charsets that servers send.
  @Test(
    arguments: [
      // ISO-2022-JP, Shift_JIS and EUC-JP: «メールボックスがいっぱい».
      (
        [0x1B, 0x24, 0x42] + [
          0x25, 0x61, 0x21, 0x3C, 0x25, 0x6B, 0x25, 0x5C, 0x25, 0x43, 0x25, 0x2F, 0x25, 0x39, 0x24, 0x2C, 0x24, 0x24,
          0x24, 0x43, 0x24, 0x51, 0x24, 0x24,
        ] + [0x1B, 0x28, 0x42], "mailbox_full"
      ),
      (
        [
          0x83, 0x81, 0x81, 0x5B, 0x83, 0x8B, 0x83, 0x7B, 0x83, 0x62, 0x83, 0x4E, 0x83, 0x58, 0x82, 0xAA, 0x82, 0xA2,
          0x82, 0xC1, 0x82, 0xCF, 0x82, 0xA2,
        ], "mailbox_full"
      ),
      // GBK: «收件人不存在».
      ([0xCA, 0xD5, 0xBC, 0xFE, 0xC8, 0xCB, 0xB2, 0xBB, 0xB4, 0xE6, 0xD4, 0xDA], "user_unknown"),
      // KOI8-R and Windows-1251: «Пользователь не найден».
      (
        [
          0xF0, 0xCF, 0xCC, 0xD8, 0xDA, 0xCF, 0xD7, 0xC1, 0xD4, 0xC5, 0xCC, 0xD8, 0x20, 0xCE, 0xC5, 0x20, 0xCE, 0xC1,
          0xCA, 0xC4, 0xC5, 0xCE,
        ], "user_unknown"
      ),
      (
        [
          0xCF, 0xEE, 0xEB, 0xFC, 0xE7, 0xEE, 0xE2, 0xE0, 0xF2, 0xE5, 0xEB, 0xFC, 0x20, 0xED, 0xE5, 0x20, 0xED, 0xE0,
          0xE9, 0xE4, 0xE5, 0xED,
        ], "user_unknown"
      ),
      // Latin-1: «Boîte pleine», «buzón lleno».
      ([0x42, 0x6F, 0xEE, 0x74, 0x65, 0x20, 0x70, 0x6C, 0x65, 0x69, 0x6E, 0x65], "mailbox_full"),
      ([0x62, 0x75, 0x7A, 0xF3, 0x6E, 0x20, 0x6C, 0x6C, 0x65, 0x6E, 0x6F], "mailbox_full"),
      // EUC-KR: «존재하지 않는 사용자».
      (
        [
          0xC1, 0xB8, 0xC0, 0xE7, 0xC7, 0xCF, 0xC1, 0xF6, 0x20, 0xBE, 0xCA, 0xB4, 0xC2, 0x20, 0xBB, 0xE7, 0xBF, 0xEB,
          0xC0, 0xDA,
        ], "user_unknown"
      ),
    ] as [([UInt8], String)])
  func charsets(bytes: [UInt8], category: String) {
    let prefix = Array("550 <x@example.org>: ".utf8)
    #expect(getBounceInfo(.text(prefix + bytes)).category.rawValue == category)
    // Taken for Latin-1 and encoded again on its way.
    let twice = Array(String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })).utf8)
    #expect(getBounceInfo(.text(prefix + twice)).category.rawValue == category)
  }
}

@Suite struct BouncePropertyTests {
  /// No bytes break it, and a 4yz reply is never made permanent.
  @Test func anyBytes() {
    var generator = SystemRandomNumberGenerator()
    let words = allRules.flatMap { $0.phrases.split(separator: "|").map { Array($0.utf8) } }
    for _ in 0..<3000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0..<12, using: &generator) {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes += words.randomElement(using: &generator) ?? []
        case 1:
          bytes += (0..<Int.random(in: 0..<20, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
          }
        case 2:
          bytes +=
            [[0x0A], [0x00], [0x1B, 0x24, 0x42], [0x0D, 0x0A], [0xE3, 0x81], [0x27], [0x22]].randomElement(
              using: &generator) ?? []
        case 3:
          bytes += Array(
            " 5.\(Int.random(in: 0..<8, using: &generator)).\(Int.random(in: 0..<700, using: &generator)) ".utf8)
        default: bytes += Array(": 550 ".utf8)
        }
        bytes.append(0x20)
      }
      let code = Int.random(in: 400..<500, using: &generator)
      for stage in AttemptStage.allCases {
        let reply = Reply(code: code, enhanced: nil, lines: bytes.split(separator: 10).map { Array($0) })
        #expect(getBounceInfo(.reply(reply), situation: BounceSituation(stage: stage)).isTemporary, "\(code) \(bytes)")
      }
      #expect(getBounceInfo(.text(Array("\(code) ".utf8) + bytes)).isTemporary, "\(code) \(bytes)")
      _ = getBounceInfo(.text(bytes))
    }
  }

  @Test func everyExampleAsTemporary() {
    for rule in allRules {
      let reply = Reply(451, nil, rule.reference.example)
      #expect(getBounceInfo(.reply(reply)).isTemporary, "\(rule.id)")
    }
  }

  /// The work is bounded by the size, and the size by what is read at all.
  @Test func hostileRepliesAreCheap() {
    let phrases = allRules.map(\.phrases).joined(separator: "|").replacing("|", with: " ").replacing("*", with: " ")
    let hostile = [
      String(repeating: "a", count: 65536), String(repeating: "user mailbox ", count: 5041),
      String(repeating: "<@[\"'", count: 13107), String(repeating: "5.1.1 550 ", count: 6553),
      String(repeating: "no such user over quota blocked using listed in ", count: 1365),
      String(repeating: phrases, count: 65536 / phrases.utf8.count + 1), String(repeating: "é", count: 32768),
      String(repeating: "http://", count: 9362), String(repeating: "\n", count: 65536),
    ]
    for text in hostile {
      let reading = ReplyReading(Array(text.utf8), BounceSituation())
      // One step for each byte of the text, of its normal form, and for each phrase met.
      #expect(reading.steps < ReplyReading.sizeMax * 8, "\(text.prefix(40)): \(reading.steps)")
      _ = reading.judge()
      #expect(
        ReplyReading(
          Reply(code: 550, enhanced: nil, lines: text.utf8.split(separator: 10).map { Array($0) }), BounceSituation()
        ).steps < ReplyReading.sizeMax * 8)
    }
  }
}
