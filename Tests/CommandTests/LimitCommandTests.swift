import MailTesting
import Testing

@Suite struct LimitCommandTests {
  @Test func aTenantsOwnLimitsAreSetShownAndCleared() async throws {
    let fixture = try await CommandFixture()
    _ = try await fixture.addTenant("acme")
    let none = try await fixture.postrider("tenant", "limit", "show", "acme")
    #expect(none.output == "tenant acme has the limits of the settings (limits.*)\n")
    let set = try await fixture.postrider(
      "tenant", "limit", "set", "acme", "tenant.messages=1000/hour,100/minute", "message_size=5MB", "warm_up=off",
      "credential.recipients=unlimited", "sessions.credential=20", "--json")
    let limits = try #require(try set.json()["limits"] as? [String: String])
    #expect(
      limits == [
        "tenant.messages": "100/minute, 1000/hour", "message_size": "5242880", "warm_up": "off",
        "credential.recipients": "unlimited", "sessions.credential": "20",
      ])
    let left = try await fixture.postrider("tenant", "limit", "clear", "acme", "message_size", "warm_up")
    #expect(left.output.contains("tenant.messages        100/minute, 1000/hour\n"))
    #expect(!left.output.contains("message_size"))
    #expect(try await fixture.postrider("tenant", "limit", "clear", "acme").output == none.output)

    for wrong in [
      "tenant.messages=1/second", "frobnicate=1/hour", "warm_up=maybe", "message_size=5", "tenant.messages",
    ] {
      #expect(try await fixture.postrider("tenant", "limit", "set", "acme", wrong).status == 64, "\(wrong)")
    }
    #expect(try await fixture.postrider("tenant", "limit", "set", "nobody", "warm_up=off").status == 66)
  }

  @Test func usageIsReadFromRedis() async throws {
    let fixture = try await CommandFixture()
    let tenant = try await fixture.addTenant("acme")
    try await fixture.postrider("domain", "add", "acme", "acme.example")
    #expect(
      try await fixture.postrider("limits", "acme").output == "tenant acme has no limits of messages and recipients\n")
    let redis = try await RedisServer()
    let settings = [
      "redis.url": redis.url, "limits.tenant.messages": "100/hour", "limits.domain.recipients": "7/minute",
    ]
    let seconds = Int64(try await redis.command("TIME").split(separator: "\n")[0]) ?? 0
    try await redis.command("HSET", "postrider:limit:tenant:\(tenant)", "3600", "\(seconds * 1000) 42 50")
    try await redis.command(
      "HSET", "postrider:limit:domain:\(tenant):acme.example", "60", "\((seconds - 60) * 1000) 5 5")
    let shown = try await fixture.postrider("limits", "acme", settings: settings)
    let lines = shown.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines[0] == ["SCOPE", "NAME", "SPAN", "MESSAGES", "OF", "RECIPIENTS", "OF", "ENDS", "IN"])
    #expect(lines[1].prefix(7) == ["tenant", "acme", "hour", "42", "100", "50", "-"])
    #expect(lines[2].prefix(8) == ["domain", "acme.example", "minute", "0", "-", "0", "7", "-"], "an earlier window's")

    try await redis.kill()
    let away = try await fixture.postrider("limits", "acme", settings: settings)
    #expect(away.status == 69 && away.errors.contains("the counters cannot be read"))
    #expect(try await fixture.postrider("limits", "nobody", settings: settings).status == 66)
  }
}
