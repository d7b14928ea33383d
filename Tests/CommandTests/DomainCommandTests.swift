import Foundation
import MailTesting
import Testing

/// What an operator sees of domains' records, with a real name server.
@Suite(.timeLimit(.minutes(10))) struct DomainCommandTests {
  private func settings(_ names: NameServer) -> [String: String] {
    [
      "dns.servers": names.address, "domains.spf_include": "spf.node.example",
      "inbound.hostname": "in.node.example", "smtp.hostname": "mail.node.example",
    ]
  }

  /// The lines that `domain records` prints are a zone that a name server serves and the node then finds in order.
  @Test func whatIsPrintedIsWhatIsWanted() async throws {
    let fixture = try await CommandFixture()
    let names = try await NameServer(zones: ["": "@ TXT root\n"])
    _ = try await fixture.addTenant("acme")
    try await fixture.postrider("tenant", "set", "acme", "--return-path-host", "returns.acme.example")
    let added = try await fixture.postrider("domain", "add", "acme", "acme.example")
    #expect(added.output.contains("_postrider-challenge.acme.example. IN TXT ( \"postrider-verification="))
    #expect(try await fixture.postrider("dkim", "add", "acme.example", "--after", "0s").status == 0)

    func run(_ words: String...) async throws -> CommandFixture.Result {
      try await fixture.postrider(["domain"] + words, settings: settings(names))
    }
    let before = try await run("verify", "acme.example")
    #expect(before.status == 2, "\(before.errors)")
    #expect(before.output.contains("acme.example is not verified: its token was not found"))
    #expect(before.output.contains("there is no DMARC record") && before.output.contains("there is no SPF record"))

    let records = try await run("records", "acme.example")
    let lines = records.output.split(separator: "\n")
    #expect(lines.count == 6, "\(records.output)")
    #expect(lines.contains("returns.acme.example. IN MX 10 in.node.example."))
    #expect(lines.contains("returns.acme.example. IN TXT ( \"v=spf1 include:spf.node.example ~all\" )"))
    try await names.replace(zones: ["": "@ TXT root\n", "acme.example": records.output])

    let after = try await run("verify", "ACME.example")
    #expect(after.status == 0, "\(after.output)")
    #expect(after.output.contains("acme.example is tenant acme's: by its record"))
    let shown = try await run("show", "acme.example", "--json").json()
    #expect(shown["is_proven"] as? Bool == true && shown["proof"] as? String == "record")
    let findings = try #require(shown["findings"] as? [[String: any Sendable]])
    #expect(findings.count == 6 && findings.allSatisfy { $0["verdict"] as? String == "good" }, "\(findings)")
    #expect(try await run("list").output.contains("good"))
  }

  @Test func whatIsWrongIsSaidInWords() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    try await fixture.postrider("domain", "add", "acme", "acme.example")
    try await fixture.postrider("dkim", "add", "acme.example", "--selector", "one", "--algorithm", "ed25519")
    let names = try await NameServer(zones: [
      "": "@ TXT root\n",
      "acme.example": """
      @ TXT "v=spf1 mx -all"
      @ TXT "v=spf1 a -all"
      one._domainkey TXT "v=DKIM1; k=ed25519; p="
      _dmarc TXT "v=DMARC1; p=maybe"
      _postrider-challenge TXT "postrider-verification=stale"

      """,
    ])
    let result = try await fixture.postrider(["domain", "verify", "acme.example"], settings: settings(names))
    #expect(result.status == 2)
    for words in [
      "there are 2 SPF records", "the key is revoked", "p=maybe is none of none, quarantine, reject",
      "the token is another one",
    ] { #expect(result.output.contains(words), "\(words)\n\(result.output)") }
    let keys = try await fixture.postrider("dkim", "list", "acme.example")
    #expect(keys.output.contains("pending") && keys.output.contains("when its record is there"), "\(keys.output)")
    #expect(
      try await fixture.postrider("domain", "list").output.contains("dkim wrong, spf wrong, dmarc wrong"))
    let doctor = try await fixture.postrider(["doctor"], settings: settings(names))
    #expect(doctor.output.contains("a domain is not verified: acme.example since "), "\(doctor.output)")
    #expect(doctor.output.contains("1 DKIM keys do not sign"))
  }

  /// Nothing is known then, and nothing changes.
  @Test func withoutNameServers() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    try await fixture.postrider("domain", "add", "acme", "new.example")
    let silent = ["dns.servers": "127.0.0.1@1", "dns.timeout": "1s"]
    let unknown = try await fixture.postrider(["domain", "verify", "new.example"], settings: silent)
    #expect(unknown.status == 2 && unknown.output.contains("the name servers did not answer"), "\(unknown.output)")
    #expect(try await fixture.postrider("domain", "verify", "new.example", "--trust").status == 0)
    let known = try await fixture.postrider(["domain", "verify", "new.example", "--json"], settings: silent)
    #expect(known.status == 0)
    #expect(try known.json()["proof"] as? String == "operator")
    #expect(try await fixture.postrider(["domain", "verify", "no.example"], settings: silent).status == 66)
    #expect(try await fixture.postrider("domain", "records", "no.example").status == 66)
    #expect(try await fixture.postrider("domain", "show", "no.example").status == 66)
  }

  @Test func trustAndClaims() async throws {
    let fixture = try await CommandFixture()
    for tenant in ["acme", "rival"] { _ = try await fixture.addTenant(tenant) }
    let trusted = try await fixture.postrider("domain", "add", "acme", "acme.example", "--trust")
    #expect(trusted.output.contains("it is verified: by the operator's word"))
    #expect(
      try await fixture.postrider("domain", "add", "acme", "shop.acme.example").output.contains("by a domain above it"))
    #expect(try await fixture.postrider("domain", "add", "rival", "acme.example").status == 73)
    try await fixture.postrider("domain", "add", "acme", "new.example")
    let claimed = try await fixture.postrider("domain", "add", "rival", "new.example")
    #expect(claimed.status == 0 && claimed.output.contains("tenant acme has new.example and has not proven it"))
    #expect(try await fixture.postrider("domain", "show", "new.example").output.contains("claimed by  rival"))
    #expect(try await fixture.postrider("domain", "add", "rival", "new.example", "--trust").status == 73)
  }
}
