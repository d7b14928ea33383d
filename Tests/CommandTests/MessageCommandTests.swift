import MailModel
import MailQueue
import MailTesting
import Testing

@Suite struct MessageCommandTests {
  private static let remote = RemoteHost(
    name: "mx.good.example", address: "192.0.2.25", port: 25,
    tls: TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", verified: true))

  private func deliver(_ fixture: CommandFixture) async throws {
    try await fixture.attempt { address in
      if address.domain == "good.example" {
        let reply = Reply(250, EnhancedStatus(2, 0, 0), "queued \u{1B}[31mred")
        return (.delivered, Attempt(result: .delivered(reply), remote: Self.remote, duration: .milliseconds(88)))
      }
      let reply = Reply(451, EnhancedStatus(4, 7, 1), "greylisted")
      return (
        .deferred(.seconds(300)),
        Attempt(
          result: .refused(reply, .recipient), remote: RemoteHost(name: "mx.slow.example", address: "::1", port: 25))
      )
    }
  }

  @Test func aTraceTellsEverything() async throws {
    let fixture = try await CommandFixture()
    let tenant = try await fixture.addTenant("acme")
    let id = try await fixture.enqueue(to: ["bob@good.example", "eve@slow.example"], tenant: tenant)
    try await deliver(fixture)
    let result = try await fixture.postrider("message", "trace", "\(id)")
    #expect(result.status == 0 && result.errors.isEmpty)
    for part in [
      "message   \(id)", "alice@example.com", "acme", "S1 from 192.0.2.7", "accepted   for 2 recipients",
      "delivered  bob@good.example, attempt 1, took 88ms", "by node1, worker session 0000",
      "MX mx.good.example [192.0.2.25]:25, TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified",
      "replied: 250 2.0.0 queued \\x1b[31mred", "deferred   eve@slow.example, attempt 1, took 0ms",
      "MX mx.slow.example [::1]:25, no TLS", "replied: 451 4.7.1 greylisted (at recipient)", ", in 5m 0s",
      "now      deferred   eve@slow.example, due ",
    ] { #expect(result.output.contains(part), "\(part)\n\(result.output)") }

    let json = try await fixture.postrider("message", "trace", "\(id)", "--json").json()
    let attempts = try #require(json["attempts"] as? [[String: any Sendable]])
    #expect(attempts.count == 2 && json["is_final"] as? Bool == false)
    let first = try #require(attempts.first { $0["recipient"] as? Int == 1 })
    #expect(first["mx_host"] as? String == "mx.good.example" && first["duration_ms"] as? Int == 88)
    #expect((first["tls"] as? [String: any Sendable])?["version"] as? String == "TLSv1.3")
  }

  @Test func waitingEndsWithTheMessageOrWithItsOwnCode() async throws {
    let fixture = try await CommandFixture()
    let tenant = try await fixture.addTenant("acme")
    let id = try await fixture.enqueue(to: ["bob@good.example"], tenant: tenant)
    #expect(try await fixture.postrider("message", "trace", "\(id)", "--wait", "0.2").status == 75)
    async let waiting = fixture.postrider("message", "trace", "\(id)", "--wait", "60")
    try await deliver(fixture)
    let result = try await waiting
    #expect(result.status == 0 && result.output.contains("delivered"))
  }

  @Test func showSteerAndCancel() async throws {
    let fixture = try await CommandFixture()
    let tenant = try await fixture.addTenant("acme")
    let id = try await fixture.enqueue(to: ["bob@good.example", "eve@slow.example"], tenant: tenant)
    try await deliver(fixture)
    let shown = try await fixture.postrider("message", "show", "\(id)")
    #expect(shown.status == 0 && shown.output.contains("eve@slow.example  deferred   in 4m"))
    let retried = try await fixture.postrider("message", "retry", "\(id)")
    #expect(retried.status == 0 && retried.output.hasPrefix("1 recipient is due now\n"))
    #expect(try await fixture.postrider("message", "hold", "\(id)").status == 0)
    let again = try await fixture.postrider("message", "retry", "\(id)")
    #expect(again.status == 1 && again.errors.contains("held"))
    let cancelled = try await fixture.postrider("message", "cancel", "\(id)", "--json").json()
    #expect(cancelled["changed"] as? [Int] == [2])
    let late = try await fixture.postrider("message", "cancel", "\(id)")
    #expect(late.status == 1 && late.errors.contains("no recipient is left"))
    #expect(try await fixture.postrider("message", "trace", "\(id)").output.contains("cancelled  eve@slow.example"))
  }

  @Test func whatIsWrongIsSaidWithItsOwnCode() async throws {
    let fixture = try await CommandFixture()
    let missing = try await fixture.postrider("message", "show", "\(QueueID(unixMilliseconds: 5))")
    #expect(missing.status == 66 && missing.errors.contains("there is no message"))
    #expect(try await fixture.postrider("message", "show", "nonsense").status == 64)
    let away = try await fixture.postrider(
      "queue", settings: ["database.url": "postgresql://nobody:s3cret@127.0.0.1:1/none"])
    #expect(away.status == 69 && away.errors.hasPrefix("postrider: the database cannot be reached: "))
    #expect(away.errors.contains("postrider doctor") && !away.errors.contains("s3cret"))
    try await fixture.database.query("DROP SCHEMA postrider CASCADE")
    let empty = try await fixture.postrider("queue")
    #expect(empty.status == 69 && empty.errors.contains("run `postrider migrate` first"))
  }
}
