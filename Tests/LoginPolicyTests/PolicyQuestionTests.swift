import Testing

@testable import LoginPolicy

@Suite struct PolicyQuestionTests {
  private static let allow = #"{"login":"bob@sender.example","pwhash":"0a1","remote":"192.0.2.1"}"#

  private func read(_ command: PolicyQuestion.Command, _ text: String) -> PolicyQuestion? {
    PolicyQuestion(command, Array(text.utf8))
  }

  @Test func whatDovecotSendsIsRead() throws {
    let asked = try #require(read(.allow, Self.allow))
    #expect(asked.login == "bob@sender.example" && asked.passwordHash == "0a1" && asked.remote == "192.0.2.1")
    #expect(asked.outcome == nil)
    let endings: [(String, PolicyQuestion.Outcome)] = [
      (#""success":true,"policy_reject":false"#, .right), (#""success":false,"policy_reject":false"#, .wrong),
      (#""success":false,"policy_reject":true"#, .refused), (#""success":true"#, .right),
    ]
    for (ending, outcome) in endings {
      #expect(read(.report, Self.allow.dropLast() + "," + ending + "}")?.outcome == outcome, "\(ending)")
    }
    let more = #"{"device_id":"","login":"a\"\\\u0000\u00e9","protocol":"imap","pwhash":"","remote":"","tls":true}"#
    #expect(read(.allow, more)?.login == "a\"\\\0é")
  }

  @Test(arguments: [
    "", "{", "{}", "[]", "null", "\"x\"", " " + allow, allow + "x", allow + allow, String(allow.dropLast()),
    #"{"login":"bob","pwhash":"0a1"}"#, #"{"login":1,"pwhash":"0a1","remote":""}"#,
    #"{"login":null,"pwhash":"0a1","remote":""}"#, #"{"login":["bob"],"pwhash":"0a1","remote":""}"#,
    #"{'login':'bob','pwhash':'0a1','remote':''}"#, "\u{FEFF}" + allow, allow + "\0",
    #"{"login":"\ud800","pwhash":"0a1","remote":""}"#,
    #"{"login":"bob","pwhash":"0a1","remote":"","x":\#(String(repeating: "[", count: 8000))}"#,
  ])
  func anythingElseIsRefused(text: String) {
    #expect(read(.allow, text) == nil)
    #expect(read(.report, text) == nil)
  }

  @Test func hostileOctetsAreRefused() {
    let whole = Array(Self.allow.utf8)
    #expect(PolicyQuestion(.allow, whole) != nil)
    #expect(PolicyQuestion(.report, whole) == nil, "a report says how it ended")
    #expect(PolicyQuestion(.allow, Array(#"{"login":""#.utf8) + [0xFF, 0xC0, 0x80] + whole.dropFirst(10)) == nil)
    // The same in UTF-16.
    #expect(PolicyQuestion(.allow, whole.flatMap { [$0, 0] }) == nil)
    let padding = Array(repeating: UInt8(ascii: " "), count: PolicyQuestion.sizeMax - whole.count)
    #expect(PolicyQuestion(.allow, whole + padding) != nil)
    #expect(PolicyQuestion(.allow, whole + padding + [0x20]) == nil)
  }

  /// Whatever comes is read or refused.
  @Test func brokenOnesEndNothing() {
    var generator = SystemRandomNumberGenerator()
    let whole = Array((Self.allow.dropLast() + #","success":false,"policy_reject":true}"#).utf8)
    for _ in 0..<5_000 {
      var octets = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) where !octets.isEmpty {
        let place = Int.random(in: octets.indices, using: &generator)
        switch Int.random(in: 0...3, using: &generator) {
        case 0: octets.remove(at: place)
        case 1: octets[place] = .random(in: .min ... .max, using: &generator)
        case 2: octets.insert(octets[.random(in: octets.indices, using: &generator)], at: place)
        default: octets.removeSubrange(place...)
        }
      }
      if let question = PolicyQuestion(.report, octets) { #expect(question.outcome != nil) }
    }
  }

  @Test func onlyTheTwoCommandsAreKnown() {
    #expect(PolicyQuestion.command("/?command=allow") == .allow)
    #expect(PolicyQuestion.command("/any/path?command=report") == .report)
    for uri in [
      "", "/", "?", "/?", "/?command", "/?command=", "/?command=Allow", "/?command=allow&x=1", "/?x=1&command=allow",
      "/?command=allow?", "/?command=drop", "/command=allow", "/?command=allow%20",
    ] { #expect(PolicyQuestion.command(uri) == nil, "\(uri)") }
  }
}
