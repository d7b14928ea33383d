import MailModel
import MailQueue
import MailTesting
import Testing

@Suite struct QueueCommandTests {
  @Test func summaryAndSteering() async throws {
    let fixture = try await CommandFixture()
    #expect(try await fixture.postrider("queue").output == "The queue is empty.\n")
    let acme = try await fixture.addTenant("acme")
    let other = try await fixture.addTenant("other")
    _ = try await fixture.enqueue(to: ["bob@slow.example", "eve@slow.example"], tenant: acme)
    try await fixture.attempt { _ in
      (.deferred(.seconds(7200)), Attempt(result: .failed(.connection("refused"), .connect)))
    }
    _ = try await fixture.enqueue(to: ["joe@new.example"], tenant: other)
    try await fixture.postrider("tenant", "disable", "other")

    let result = try await fixture.postrider("queue")
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(lines.first == "TENANT WAITING DUE IN FLIGHT HELD OLDEST NEXT DUE STATE")
    #expect(lines.contains { $0.hasPrefix("acme 2 0 0 0 ") && $0.contains("in 1h 59m") }, "\(result.output)")
    #expect(lines.contains { $0.hasPrefix("other 0 1 0 0 ") && $0.hasSuffix("now disabled") }, "\(result.output)")
    #expect(lines.contains { $0.hasPrefix("slow.example acme 2 0 0 0 ") && $0.hasSuffix("connection failed: refused") })

    let some = try await fixture.postrider("queue", "--tenant", "acme", "--json").json()
    let destinations = try #require(some["destinations"] as? [[String: any Sendable]])
    #expect(destinations.count == 1 && destinations.first?["waiting"] as? Int == 2)
    #expect(destinations.first?["last_error"] as? String == "connection failed: refused")

    #expect(try await fixture.postrider("queue", "retry").status == 64)
    #expect(try await fixture.postrider("queue", "retry", "--tenant", "nobody").status == 66)
    #expect(
      try await fixture.postrider("queue", "retry", "--tenant", "acme").output == "2 recipients are due now\n")
    #expect(
      try await fixture.postrider("queue", "hold", "--destination", "new.example").output == "1 recipient is held\n")
    #expect(try await fixture.postrider("queue", "release", "--all").output == "1 recipient is released\n")
  }

  @Test func tenantsDomainsAndCredentials() async throws {
    let fixture = try await CommandFixture()
    #expect(try await fixture.postrider("tenant", "add", "acme").output == "added tenant acme\n")
    let again = try await fixture.postrider("tenant", "add", "acme")
    #expect(again.status == 73 && again.errors.contains("already"))
    #expect(try await fixture.postrider("tenant", "add", "not a name").status == 64)
    #expect(try await fixture.postrider("domain", "add", "acme", "Acme.example").status == 0)
    #expect(try await fixture.postrider("domain", "add", "nobody", "x.example").status == 66)
    #expect(try await fixture.postrider("credential", "add", "acme", "app@other.example").status == 66)

    let made = try await fixture.postrider("credential", "add", "acme", "app@acme.example", "--json").json()
    let password = try #require(made["password"] as? String)
    #expect(password.utf8.count >= 16)
    let file = try fixture.directory.write("correct horse\n", to: "password")
    let given = try await fixture.postrider("credential", "add", "acme", "acme.example", "--password-file", file)
    #expect(given.status == 0 && !given.output.contains("horse") && !given.output.contains("password:"))
    let changed = try await fixture.postrider("credential", "password", "app@acme.example")
    #expect(changed.output.contains("password: ") && !changed.output.contains(password))

    #expect(try await fixture.postrider("credential", "disable", "app@acme.example").status == 0)
    let list = try await fixture.postrider("credential", "list", "--tenant", "acme").output
    #expect(list.contains("disabled since") && list.contains("every address") && !list.contains("$7$"))
    #expect(try await fixture.postrider("tenant", "disable", "acme").status == 0)
    #expect(try await fixture.postrider("tenant").output.contains("disabled since"))
    #expect(try await fixture.postrider("tenant", "enable", "acme").status == 0)
    #expect(try await fixture.postrider("domain", "disable", "acme.example").status == 0)
    #expect(try await fixture.postrider("domain", "list", "--json").output.contains("disabled_at"))
  }
}
