import Foundation
import MailTesting
import Testing

@Suite struct DKIMCommandTests {
  @Test func theLifeOfKeys() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    #expect(try await fixture.postrider("domain", "add", "acme", "acme.example").status == 0)
    let added = try await fixture.postrider("dkim", "add", "acme.example", "--selector", "one")
    #expect(added.status == 0, "\(added.errors)")
    let lines = added.output.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("publish these records; the keys sign from "))
    #expect(lines[1].hasPrefix("one-rsa._domainkey.acme.example. IN TXT ( \"v=DKIM1; k=rsa; p="))
    #expect(lines[2].hasPrefix("one-ed._domainkey.acme.example. IN TXT ( \"v=DKIM1; k=ed25519; p="))
    let record = try await fixture.postrider("dkim", "record", "acme.example")
    #expect(record.output == lines.dropFirst().joined(separator: "\n") + "\n")

    #expect(try await fixture.postrider("dkim", "add", "acme.example").status == 73)
    let early = try await fixture.postrider("dkim", "rotate", "acme.example")
    #expect(early.status == 73 && early.errors.contains("does not sign yet"))
    try await fixture.database.query("UPDATE postrider.installation SET schedule_offset = '1 hour'")
    let rotated = try await fixture.postrider("dkim", "rotate", "acme.example", "--selector", "two", "--after", "1d")
    #expect(rotated.status == 0, "\(rotated.errors)")
    let list = try await fixture.postrider("dkim", "list", "acme.example")
    let rows = list.output.split(separator: "\n").map { $0.split(separator: " ").prefix(4).joined(separator: " ") }
    #expect(
      rows.dropFirst() == [
        "acme.example one-rsa rsa-sha256 signing", "acme.example one-ed ed25519-sha256 signing",
        "acme.example two-rsa rsa-sha256 pending", "acme.example two-ed ed25519-sha256 pending",
      ])
    let refused = try await fixture.postrider("dkim", "remove", "acme.example", "one-rsa")
    #expect(refused.status == 64 && refused.errors.contains("one-rsa signs the mail of acme.example: rotate it first"))
    #expect(try await fixture.postrider("dkim", "remove", "acme.example", "two-rsa").status == 0)
    #expect(try await fixture.postrider("dkim", "remove", "acme.example", "two-rsa").status == 66)
    #expect(try await fixture.postrider("dkim", "record", "nobody.example").status == 66)
  }

  @Test func aKeyOfOnesOwn() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    _ = try await fixture.postrider("domain", "add", "acme", "acme.example")
    let file = fixture.directory.path("own.pem")
    _ = try await run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", file])
    let add = ["dkim", "add", "acme.example", "--key", file]
    #expect(try await fixture.postrider(add).status == 64, "it needs a selector")
    let added = try await fixture.postrider(add + ["--selector", "own"])
    #expect(added.status == 0 && added.output.contains("own._domainkey.acme.example."), "\(added.errors)")
    let broken = try fixture.directory.write("no key", to: "broken.pem")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: broken)
    let refused = try await fixture.postrider("dkim", "add", "acme.example", "--key", broken, "--selector", "b")
    #expect(refused.status == 65 && refused.errors.contains("no private key without pass phrase"))
  }
}
