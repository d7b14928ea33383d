import MailModel
import MailQueue
import MailTesting
import Testing

/// What is asked for one tenant reaches nothing of another, although they write to the same people.
@Suite struct TenantScopeTests {
  @Test func steeringKeepsToItsTenant() async throws {
    let fixture = try await CommandFixture()
    let acme = try await fixture.addTenant("acme")
    let other = try await fixture.addTenant("other")
    for tenant in [acme, other] { _ = try await fixture.enqueue(to: ["bob@slow.example"], tenant: tenant) }
    let held = {
      try await fixture.database.query(
        "SELECT l.tenant FROM postrider.job j JOIN postrider.lane l ON l.id = j.lane WHERE j.held")
    }
    #expect(try await fixture.postrider("queue", "hold", "--tenant", "acme").output == "1 recipient is held\n")
    #expect(try await held() == "\(acme)")
    #expect(try await fixture.postrider("queue", "release", "--tenant", "other").output.hasPrefix("0 recipients"))
    #expect(try await held() == "\(acme)")
    let summary = try await fixture.postrider("queue", "--tenant", "other", "--json").json()
    let destinations = try #require(summary["destinations"] as? [[String: any Sendable]])
    #expect(destinations.count == 1 && destinations.first?["held"] as? Int == 0)
    #expect(try await fixture.postrider("queue", "release", "--tenant", "acme").output == "1 recipient is released\n")
    #expect(try await held().isEmpty)
  }

  @Test func suppressionsKeepToTheirTenant() async throws {
    let fixture = try await CommandFixture()
    _ = (try await fixture.addTenant("acme"), try await fixture.addTenant("other"))
    for tenant in ["acme", "other"] {
      #expect(try await fixture.postrider("suppression", "add", "x@y.example", "--tenant", tenant).status == 0)
    }
    #expect(try await fixture.postrider("suppression", "remove", "x@y.example", "--tenant", "acme").status == 0)
    #expect(try await !fixture.postrider("suppression", "list", "--tenant", "acme").output.contains("x@y.example"))
    #expect(try await fixture.postrider("suppression", "list", "--tenant", "other").output.contains("x@y.example"))
  }

  /// A domain, and with it every address and key of it, is one tenant's.
  @Test func namesBelongToOneTenant() async throws {
    let fixture = try await CommandFixture()
    _ = (try await fixture.addTenant("acme"), try await fixture.addTenant("other"))
    #expect(try await fixture.postrider("domain", "add", "acme", "acme.example", "--trust").status == 0)
    #expect(try await fixture.postrider("domain", "add", "other", "acme.example").status == 73)
    #expect(try await fixture.postrider("credential", "add", "other", "app@acme.example").status == 66)
    #expect(try await fixture.postrider("credential", "add", "acme", "app@acme.example").status == 0)
    #expect(try await !fixture.postrider("credential", "list", "--tenant", "other").output.contains("app@"))
  }
}
