import Cryptography
import Foundation
import MailModel
import MailQueue
import MailTesting
import Supervision
import Testing

@Suite struct DoctorCommandTests {
  /// Check and status of each finding.
  private func checks(_ result: CommandFixture.Result) throws -> [String: String] {
    let list = try #require(try result.json()["checks"] as? [[String: any Sendable]])
    return list.reduce(into: [:]) { $0[$1["check"] as? String ?? ""] = $1["status"] as? String ?? "" }
  }

  @Test func anInstallationInOrder() async throws {
    let fixture = try await CommandFixture()
    let redis = try await RedisServer()
    let names = try await NameServer(zones: ["node.example": "@ A 127.0.0.1\n"])
    let files = try CertificateMaker.ensure(directory: try certificateDirectory(fixture), names: ["node.example"])
    try await fixture.attempt { _ in (.delivered, Attempt(result: .notTried(""))) }
    let listen = "127.0.0.1:\(LoopbackPort.free())"
    let settings = [
      "redis.url": redis.url, "dns.servers": names.address, "node.name": "node.example",
      "smtp.certificate_file": files.certificate, "smtp.key_file": files.key,
      "delivery.ca_file": files.authorityCertificate, "smtp.implicit_tls.listen": listen,
      "smtp.starttls.listen": "127.0.0.1:\(LoopbackPort.free())", "spool.directory": "/var/tmp",
    ]
    let result = try await fixture.postrider(["doctor", "--json"], settings: settings)
    let found = try checks(result)
    for check in [
      "settings", "durability", "clock", "schema", "partitions", "workers", "redis", "dns", "master key",
      "certificate", "trust", "port \(listen)",
    ] { #expect(found[check] == "ok", "\(check)\n\(result.output)") }
    // How quick it is is the machine's matter.
    #expect(found["database"] == "ok" || result.output.contains(": slow"), "\(result.output)")
    #expect(found["purpose"] == "warning" && found["keeper"] == "warning")
    #expect(result.status == 0)
    let text = try await fixture.postrider(["doctor"], settings: settings)
    #expect(text.output.contains("covers node.example") && text.output.contains("→ start `postrider keeper`"))

    let mismatch = try await fixture.postrider(
      ["doctor", "--json"],
      settings: settings.merging([
        "smtp.key_file": files.authorityKey, "node.name": "missing.node.example", "spool.directory": "/proc",
      ]) { $1 })
    let failed = try checks(mismatch)
    #expect(failed["certificate"] == "failed" && failed["dns"] == "warning" && failed["spool"] == "failed")
    #expect(mismatch.status == 2)
    let otherName = try await fixture.postrider(
      ["doctor"], settings: settings.merging(["smtp.hostname": "other.example"]) { $1 })
    #expect(otherName.status == 2 && otherName.output.contains("does not cover other.example"))
  }

  @Test func nothingIsThere() async throws {
    let fixture = try await CommandFixture()
    let result = try await fixture.postrider(
      ["doctor", "--json"],
      settings: [
        "database.url": "postgresql://nobody@127.0.0.1:1/none", "redis.url": "redis://127.0.0.1:1",
        "dns.servers": "127.0.0.1@1", "dns.timeout": "1s", "keys.master_file": "/nonexistent/keys",
        "smtp.implicit_tls.listen": "192.0.2.1:2465",
      ])
    let found = try checks(result)
    #expect(found["database"] == "failed" && found["redis"] == "warning" && found["master key"] == "failed")
    #expect(found["dns"] == "failed" && found["certificate"] == "warning")
    #expect(found["port 192.0.2.1:2465"] == "failed")
    #expect(found["schema"] == nil && result.status == 2)
    try await fixture.database.query("DROP SCHEMA postrider CASCADE")
    let empty = try await fixture.postrider("doctor")
    #expect(empty.status == 2 && empty.output.contains("→ run `postrider migrate`"))
  }

  @Test func theSecretOfTheLoginPolicyIsLookedAt() async throws {
    let fixture = try await CommandFixture()
    let port = LoopbackPort.free()
    let file = fixture.directory.path("policy.key")
    let settings = ["mailboxes.policy.listen": "127.0.0.1:\(port)", "mailboxes.policy.key_file": file]
    let missing = try await fixture.postrider(["doctor", "--json"], settings: settings)
    #expect(try checks(missing)["login policy"] == "failed" && missing.status == 2)
    try PrivateDirectory.write("a-secret-of-24-characters\n", to: file, owner: nil)
    let found = try checks(try await fixture.postrider(["doctor", "--json"], settings: settings))
    #expect(found["login policy"] == "ok" && found["port 127.0.0.1:\(port)"] == "ok")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    let open = try await fixture.postrider("doctor", settings: settings)
    #expect(open.output.contains("login policy") && open.output.contains("mode 0600"), "\(open.output)")
  }

  @Test func blockListsAreAskedAboutUs() async throws {
    let fixture = try await CommandFixture()
    let entry = "2.0.0.127 IN A 127.0.0.2\n"
    let names = try await NameServer(zones: [
      "bl.test": entry + "9.100.51.198 IN A 127.0.0.4\n9.100.51.198 IN TXT \"a leak of ours\"\n",
      "clean.test": entry, "everybody.test": "* IN A 127.0.0.2\n", "clients.test": entry,
    ])
    let settings = [
      "dns.servers": names.address, "blocklists.own": "key.bl.test=bl.test,bl.test=ours,clean.test,everybody.test",
      "blocklists.own_addresses": "198.51.100.9", "blocklists.clients": "clients.test",
    ]
    let result = try await fixture.postrider(["doctor", "--json"], settings: settings)
    let found = try checks(result)
    #expect(found["block list ours"] == "warning" && found["block list clean.test"] == "ok")
    #expect(found["block list everybody.test"] == "warning" && found["block list clients.test"] == "ok")
    #expect(found["block list bl.test"] == "warning", "a zone that does not have what each must have")
    #expect(result.output.contains("names 198.51.100.9 (a leak of ours): others refuse our mail"))
    #expect(result.output.contains("it lists 127.0.0.1, so it lists everything"))
    try await names.stop()
  }

  private func certificateDirectory(_ fixture: CommandFixture) throws -> String {
    let path = fixture.directory.path("tls")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}
