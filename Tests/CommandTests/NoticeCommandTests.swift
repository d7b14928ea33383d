import MailTesting
import Testing

@Suite struct NoticeCommandTests {
  private static let text = "Subject: {{count}} kaputt\n\nHallo,\n{{#recipients}}{{address}}{{/recipients}}\n"

  @Test func aTextIsTriedTakenAndForgotten() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    let file = try fixture.directory.write(Self.text, to: "failed.txt")
    let shipped = try await fixture.postrider("notice", "text", "--kind", "failed", "--language", "nl")
    #expect(shipped.output.hasPrefix("Subject: Niet bezorgd{{#subject}}: {{subject}}{{/subject}}\n\nUw bericht"))

    let preview = try await fixture.postrider("notice", "preview", "--kind", "failed", file)
    #expect(preview.output == "Subject: 2 kaputt\n\nHallo,\nbob@recipient.examplecarol@recipient.example\n")
    let dutch = try await fixture.postrider("notice", "preview", "--kind", "delayed", "--language", "nl")
    let words = dutch.output.split { $0.isWhitespace }.joined(separator: " ")
    #expect(words.contains("tot 25 november 2026 om 18.30 uur (UTC) wordt het opnieuw"))

    let set = ["notice", "set", "--kind", "failed", "--language", "nl", "--tenant", "acme"]
    #expect(try await fixture.postrider(set + [file]).status == 0)
    let shown = try await fixture.postrider("notice", "show", "--tenant", "acme", "--json").json()
    let texts = try #require(shown["texts"] as? [[String: String]])
    #expect(texts.count == 12)
    #expect(texts.filter { $0["origin"] == "tenant" } == [["kind": "failed", "language": "nl", "origin": "tenant"]])
    #expect(
      try await fixture.postrider("notice", "text", "--kind", "failed", "--language", "nl", "--tenant", "acme").output
        == Self.text + "\n")
    let other = try await fixture.postrider("notice", "text", "--kind", "failed", "--language", "nl")
    #expect(other.output == shipped.output, "the others keep theirs")

    let reset = ["notice", "reset", "--kind", "failed", "--language", "nl", "--tenant", "acme"]
    #expect(try await fixture.postrider(reset).status == 0)
    let again = try await fixture.postrider(reset)
    #expect(again.status == 66 && again.errors.contains("tenant acme has no own text for failed in nl"))
  }

  @Test func aBrokenTextIsRefused() async throws {
    let fixture = try await CommandFixture()
    let file = try fixture.directory.write("Subject: x\n\n{{#recipients}}{{adress}}{{/recipients}}", to: "broken.txt")
    let result = try await fixture.postrider("notice", "set", "--kind", "failed", file)
    #expect(result.status == 65)
    #expect(result.errors.contains("broken.txt is no template for a notice: line 3: there is no {{adress}}; known are"))
    #expect(try await fixture.database.query("SELECT count(*) FROM postrider.notice_template") == "0")
    let nobody = try await fixture.postrider(
      "notice", "text", "--kind", "failed", "--tenant", "nobody")
    #expect(nobody.status == 66 && nobody.errors.contains("there is no tenant nobody"))
    #expect(try await fixture.postrider("notice", "text", "--kind", "failed", "--language", "N!").status == 64)
  }

  @Test func aTenantChooses() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    let chosen = try await fixture.postrider(
      "notice", "choose", "acme", "--language", "fi", "--delay-after", "90m", "--success")
    #expect(
      chosen.output == "notices of tenant acme: language fi, delays after 1h30m, success always\n", "\(chosen.errors)")
    #expect(
      try await fixture.database.query("SELECT notice_language, notice_delay, notice_success FROM postrider.tenant")
        == "fi|5400|t")
    let shown = try await fixture.postrider("notice", "--tenant", "acme")
    #expect(shown.output.hasPrefix("language   fi\ndelay      told after 1h30m\nsuccess    told always\n"))
    _ = try await fixture.postrider("notice", "choose", "acme", "--delay-after", "never")
    _ = try await fixture.postrider("notice", "choose", "acme", "--language", "default", "--no-success")
    let plain = try await fixture.postrider("notice", "show", "--tenant", "acme")
    #expect(plain.output.hasPrefix("language   en\ndelay      never told\nsuccess    told when the sender asks\n"))

    let missing = try await fixture.postrider("notice", "choose", "acme", "--language", "de")
    #expect(missing.status == 66)
    #expect(missing.errors.contains("there is no text in de for failed, delayed, delivered, relayed"))
    let file = try fixture.directory.write(Self.text, to: "de.txt")
    for kind in ["failed", "delayed", "delivered", "relayed"] {
      _ = try await fixture.postrider("notice", "set", "--kind", kind, "--language", "de", file)
    }
    #expect(try await fixture.postrider("notice", "choose", "acme", "--language", "de").status == 0)
    #expect(try await fixture.postrider("notice", "choose", "acme").status == 64)
  }
}
