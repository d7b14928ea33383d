import MailTesting
import Postgres
import Testing

@testable import Admission

/// Failed logins at the mailbox server count for the account that the database would have opened.
@Suite(.timeLimit(.minutes(10))) struct MailboxNameTests {
  /// Whatever name opens an account there is that account's here: or each spelling would be a fresh start for a guesser.
  @Test func everySpellingThatOpensAnAccountIsThatAccount() async throws {
    let fixture = try await AdmissionFixture()
    let directory = try fixture.directory()
    for name in ["bücher.example", "xn--strae-oqa.example", "lone.example"] {
      try directory.addDomain(name, tenant: "acme", isTrusted: true)
      _ = try directory.addCredential("bob@\(name)", password: Array("secret".utf8))
    }
    _ = try directory.addCredential("bücher.example", password: Array("shared".utf8))
    for name in ["example.com", "bücher.example", "xn--strae-oqa.example", "lone.example"] {
      try directory.setMailboxes(true, of: name)
    }
    let authenticator = fixture.authenticator()
    let locals = [
      "bob", "bob+list", "bob+\u{301}list", "bob+", "+bob", "BOB", "b\u{301}ob", "carol", "bob@bob", "bob@\u{301}bob",
      "'",
      "bob bob", "bob\n", String(repeating: "b", count: 400), "bob\u{1F600}", "",
    ]
    let domains = [
      "example.com", "EXAMPLE.com", "example.com.", "examp\u{2113}e.com", "ex\u{E0}mple.com", "bücher.example",
      "BÜCHER.example", "bu\u{308}cher.example", "xn--bcher-kva.example", "XN--bcher-KVA.example", "straße.example",
      "xn--strae-oqa.example", "STRASSE.example", "lone.exampl\u{212F}", "lone.example", "LONE.EXAMPLE",
      "l\u{FF4F}ne.example", "\u{130}one.example", "example.com\u{301}", " example.com", "nowhere.example", "",
    ]
    let names = locals.flatMap { local in domains.map { "\(local)@\($0)" } } + domains + ["@", "@@", "bob@"]
    var opened = 0
    for name in names {
      var parameters = PostgresParameters()
      parameters.append(name)
      let account = try await fixture.query("SELECT account FROM mailbox.login($1::text, 1)", parameters)
      guard let account else { continue }
      opened += 1
      let counted = await authenticator.mailboxAccount(of: name)
      // What no mail program says may also be counted with all that means nothing.
      #expect(counted == account || counted == "-", "«\(name)» opens \(account) and counts for \(counted)")
      if name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), name.utf8.count < 100 {
        #expect(counted == account, "\(name)")
      }
    }
    #expect(opened > 40)
    #expect(await authenticator.mailboxAccount(of: "bob@BÜCHER.example") == "-")
    #expect(await authenticator.mailboxAccount(of: "nobody@nowhere.example") == "nobody@nowhere.example")
    #expect(await authenticator.account(of: "bob+\u{301}list@example.com") == "bob@example.com", "over SMTP too")
  }
}

extension AdmissionFixture {
  /// - Returns: the first column of the first row; nil without one.
  fileprivate func query(_ sql: String, _ parameters: PostgresParameters) async throws -> String? {
    try await withCheckedThrowingContinuation { continuation in
      pool.submit(writes: false) { connection in
        continuation.resume(
          with: Result {
            let result = try connection.get().query(sql, parameters)
            return result.rowCount == 0 ? nil : result.text(0, 0)
          })
      }
    }
  }
}
