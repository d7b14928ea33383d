import Authorship
import MailModel
import Testing

@Suite struct AuthorCheckTests {
  let alice = SenderScope(credential: "alice@example.com", others: ["news@example.com", "shop.example"])

  private func refusal(
    _ from: [String], sender: [String] = [], scope: SenderScope? = nil, isPlain: Bool = true
  ) -> String? {
    var check = AuthorCheck(scope ?? alice)
    for body in from { check.takeFrom(Array(body.utf8)[...], isPlain: isPlain) }
    for body in sender { check.takeSender(Array(body.utf8)[...], isPlain: isPlain) }
    return check.refusal?.text
  }

  @Test(arguments: [
    " alice@example.com", "alice@example.com", " Alice <alice@example.com>", " <alice@example.com>",
    " \"Alice A.\" <ALICE@Example.COM>", " Alice B. Example <alice+news@example.com>",
    " =?utf-8?q?Al=C3=ACce?= <alice@example.com>", " Älice <alice@example.com>", " \"alice\"@example.com",
    "\r\n Alice\r\n\t<alice@example.com>", " Alice (at work) <alice@example.com> (now)", " alice@example.com (Alice)",
    " Alice <alice@example.com>, News <news@example.com>, anyone@shop.example",
    " \"alice@example.com\" <alice@example.com>", " \"Alice, for news@example.com\" <alice@example.com>",
    " \"Alice @ Example\" <alice@example.com>", " \"@alice\" <alice@example.com>",
    " =?iso-8859-1?Q?Ren=E9_=40_home?= <alice@example.com>", " محمد <alice@example.com>", " 👩‍💻 <alice@example.com>",
  ])
  func ownNamesAreTaken(from: String) {
    #expect(refusal([from]) == nil)
  }

  @Test(arguments: [
    (" ceo@bank.example", "names ceo@bank.example, who is not you"),
    (" alice@bank.example", "who is not you"), (" bob@example.com", "who is not you"),
    (" alice@sub.example.com", "who is not you"), (" alice@xexample.com", "who is not you"),
    (" alice@example.com, ceo@bank.example", "who is not you"), (" ceo@bank.example (alice@example.com)", "not you"),
    (" \"alice@example.com\" <ceo@bank.example>", "who is not you"),
    (" \"alice@example.com>\" <ceo@bank.example>", "who is not you"),
    (" alice@example.com <ceo@bank.example>", "something behind an address"),
    (" <alice@example.com> <ceo@bank.example>", "something behind an address"),
    (" <alice@example.com>ceo@bank.example", "something behind an address"),
    (" ceo@bank.example, <alice@example.com", "an address without its >"), (" Ceo alice@example.com", "behind a name"),
    (" alice@example.com@bank.example", "a malformed address"), (" alice@example.com,", "an empty place"),
    (" , alice@example.com", "an empty place"), ("", "an empty place"), ("\r\n ", "an empty place"),
    (" <>", "a malformed address"), (" Friends: alice@example.com;", "a group"), (" alice", "an empty place"),
    (" undisclosed:;", "a group"), (" <@bank.example:alice@example.com>", "a malformed address"),
    (" <alice @example.com>", "a malformed address"), (" <alice@example.com\r\n >", "a malformed address"),
    (" alice(x)@example.com", "a character that does not belong there"),
    (" alice@(x)example.com", "a malformed address"),
    (" <alice(x)@example.com>", "a malformed address"), (" ((x)) <alice@example.com>", "a comment within another"),
    (" (x <alice@example.com>", "a comment that does not end"), (" \"x <alice@example.com>", "that does not end"),
    (" \"\u{1}\" <alice@example.com>", "programs show in different ways"),
    (" \u{202E}moc <alice@example.com>", "programs show in different ways"),
    (" ceo@bank\u{200B}.example <alice@example.com>", "behind an address"),
    (" \"ceo@bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" \"Ceo (ceo@bank.example)\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" Ceo (ceo@bank.example) <alice@example.com>", "looks like the address ceo@bank.example"),
    (" alice@example.com (ceo@bank.example)", "looks like the address"),
    (" alice@example.com (<ceo@bank.example@ )", "looks like the address ceo@bank.example"),
    (" \"@ceo@bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-8?q?ceo=40bank.example?= <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-8?B?Y2VvQGJhbmsuZXhhbXBsZQ==?= <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-8?q?ceo?= =?utf-8?q?=40bank?=\r\n =?iso-8859-1*en?q?.example?= <alice@example.com>", "ceo@bank.example"),
    (" \"=?utf-8?q?ceo=40bank.example?=\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-7?q?ceo+AEA-bank.example?= <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-16be?B?AGMAZQBvAEAAYgAuAGU=?= <alice@example.com>", "looks like the address ceo@b.e"),
    (" =?utf-8?q?ceo=40bank.example x?= <alice@example.com>", "programs show in different ways"),
    (" =?utf-8?q?ceo=40bank.example(x)?= <alice@example.com>", "programs show in different ways"),
    (" =?utf-8?q?=3D=3Futf-8=3Fq=3Fceo=3D40b.e=3F=3D?= <alice@example.com>", "programs show in different ways"),
    (" \"ceo@\"\"bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-8?q?ceo=40?=\"bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" \"ceo@\u{34F}bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" \"ceo@\u{200D}bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" \"ceo\u{FE0F}@\u{FE0F}bank.example\" <alice@example.com>", "looks like the address ceo@bank.example"),
    (" \"alice+ceo@bank.example@example.com\" <alice@example.com>", "looks like the address alice+ceo@bank.example@"),
    (" <alice+=?utf-8?q?ceo=40bank.example=00?=@example.com>", "who is not you"),
    (" <\"alice+> <ceo@bank.example> \"@example.com>", "who is not you"),
    (" <\"ceo@bank.example> \"@shop.example>", "who is not you"), (" <alice+\u{202E}x@example.com>", "not you"),
    (" <alice+ceo＠bank.example@example.com>", "who is not you"),
    (" ceo＠bank．example <alice@example.com>", "looks like the address ceo@bank.example"),
    (" =?utf-8?q?=3Cceo=40bank.example=3E?= <alice@example.com>", "looks like the address ceo@bank.example"),
  ])
  func tricksAreNot(from: String, why: String) throws {
    let text = try #require(refusal([from]), "it was taken")
    #expect(text.hasPrefix("550 5.7.1 From "))
    #expect(text.contains(why), "\(text)")
    #expect(text.hasSuffix(": this login sends as alice@example.com, news@example.com, shop.example"))
  }

  @Test func oneFromIsEnoughAndNeeded() {
    #expect(refusal([])?.hasPrefix("550 5.7.1 There is no From field: this login sends as alice@") == true)
    #expect(refusal([" alice@example.com", " alice@example.com"])?.contains("There are 2 From fields") == true)
    #expect(refusal([" alice@example.com"], isPlain: false)?.contains("From has white space before its colon") == true)
  }

  @Test func aSenderIsOneAndOnesOwn() {
    let from = [" alice@example.com"]
    #expect(refusal(from, sender: [" News <news@example.com>"]) == nil)
    #expect(refusal(from, sender: [" ceo@bank.example"])?.contains("Sender names ceo@bank.example") == true)
    #expect(refusal(from, sender: [" alice@example.com", " alice@example.com"])?.contains("2 Sender fields") == true)
    #expect(
      refusal(from, sender: [" alice@example.com, news@example.com"])?.contains("Sender has 2 addresses") == true)
  }

  @Test func bytesThatAreNoTextAreRefused() {
    var check = AuthorCheck(alice)
    check.takeFrom([0x20, 0xFF, 0x20] + Array("<alice@example.com>".utf8), isPlain: true)
    #expect(check.refusal?.text.contains("From is not valid UTF-8 text") == true)
  }

  @Test func aDomainIsEverybodyInIt() {
    let scope = SenderScope(credential: "bücher.example")
    #expect(refusal([" anybody@BÜCHER.example"], scope: scope) == nil)
    #expect(refusal([" anybody@xn--bcher-kva.example"], scope: scope) == nil)
    let other = refusal([" anybody@buecher.example"], scope: scope)
    #expect(
      other
        == "550 5.7.1 From names anybody@buecher.example, who is not you: this login sends as any address at b?cher.example"
    )
    let tenant = SenderScope(domains: ["a.example", "b.example"], of: "acme")
    #expect(refusal([" x@a.example, y@b.example"], scope: tenant) == nil)
    #expect(
      refusal([" x@c.example"], scope: tenant)?.hasSuffix(": only domains of the tenant acme send from here") == true)
    #expect(refusal([" x@a.example"], scope: SenderScope(domains: [], of: "acme")) != nil)
  }

  @Test(arguments: [
    ("alice@example.com", true), ("Alice+x@EXAMPLE.com", true), ("anyone@shop.example", true),
    ("bob@example.com", false), ("alice@example.com.evil.example", false), ("\"ali\\ce\"@example.com", true),
    ("\"alice+<x>\"@example.com", false), ("\"a b\"@shop.example", false),
    ("d'arc.jeanne_x@shop.example", true), ("müller@shop.example", true),
    ("+alice@example.com", false), ("shop.example@x.example", false),
  ])
  func reversePathsToo(path: String, isOwn: Bool) throws {
    let refusal = AuthorCheck.refusal(of: try #require(MailAddress(trusted: path)), in: alice)
    #expect((refusal == nil) == isOwn)
    #expect(refusal?.text.hasPrefix("553 5.7.1 This sender address is not yours: this login sends as ") ?? true)
  }
}

@Suite struct AuthorFuzzTests {
  /// Whatever is taken is understood the same by a plain reading: the only address between < and >, or the whole.
  @Test func whatIsTakenHasNoOtherAddress() {
    let pieces = [
      "alice@example.com", "ceo@bank.example", "<", ">", "\"", "\\", "(", ")", ",", ":", ";", " ", "\r\n ", "@", ".",
      "x",
      "=?utf-8?q?", "?=", "=40", "=?", "ceo", "\t", "é", "[", "]",
    ]
    let scope = SenderScope(credential: "alice@example.com")
    var generator = SystemRandomNumberGenerator()
    var taken = 0
    for _ in 0..<60_000 {
      let body = (0..<Int.random(in: 1...7, using: &generator)).map { _ in pieces.randomElement(using: &generator)! }
        .joined()
      var check = AuthorCheck(scope)
      check.takeFrom(Array(body.utf8)[...], isPlain: true)
      guard check.refusal == nil else { continue }
      taken += 1
      #expect(!body.contains("ceo@bank.example"), "\(body.debugDescription)")
      #expect(body.contains("alice@example.com"), "\(body.debugDescription)")
    }
    #expect(taken > 0)
  }

  /// A bound on growth, not on the machine: what is quadratic takes minutes.
  @Test func longFieldsEnd() {
    let scope = SenderScope(credential: "alice@example.com")
    let pieces = ["=?", "=?utf-8?q?", "=?utf-8?q?x?= ", "(", "\"", "\\", "<", "alice@example.com,", "a ", "@", "x@y "]
    for piece in pieces {
      let body = Array(repeatElement(Array(piece.utf8), count: 256 << 10).joined().prefix(256 << 10))
      var check = AuthorCheck(scope)
      check.takeFrom(body[...], isPlain: true)
      #expect(check.refusal?.text.contains("From is longer than 32768 octets") == true)
      check = AuthorCheck(scope)
      check.takeFrom(body[..<(32 << 10)], isPlain: true)
      #expect(check.refusal != nil)
    }
  }
}
