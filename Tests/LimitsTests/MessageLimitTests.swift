import MailModel
import MailTesting
import Redis
import Testing

@testable import Limits

/// Messages and recipients, counted in a real Redis.
@Suite(.timeLimit(.minutes(10))) struct MessageLimitTests {
  @Test func aLimitOf100AdmitsExactly100FromManyAtOnce() async throws {
    let server = try await RedisServer()
    var rules = LimitRules.tenant(messages: "100/hour")
    rules.credential.messages = Rates("1000/day") ?? Rates()
    var nodes: [LimitingNode] = []
    for _ in 0..<3 { nodes.append(try await LimitingNode(server, rules)) }
    let taken = await withTaskGroup(of: Int.self) { group in
      for task in 0..<50 { group.addTask { [node = nodes[task % 3]] in await node.take(5) } }
      return await group.reduce(0, +)
    }
    #expect(taken == 100)
    #expect(try await server.command("HGET", "postrider:limit:tenant:1", "3600").hasSuffix(" 100 100"))
    #expect(try await server.command("HGET", "postrider:limit:credential:2", "86400").hasSuffix(" 100 100"))
  }

  @Test func recipientsAreCountedWithTheirMessages() async throws {
    let server = try await RedisServer()
    let node = try await LimitingNode(server, .tenant(messages: "1000/hour", recipients: "100/hour, 500/day"))
    #expect(await node.take(20, recipients: 7) == 14)
    #expect(await node.take(3) == 2, "what is left is for smaller ones")
    let refusal = try #require(await node.reserve(recipients: 3).refusal)
    #expect(refusal.reply.code == 452 && refusal.label == "tenant_recipients_hour")
    #expect(refusal.reply.text.contains("4.7.1 Limit reached: 100 recipients an hour for this tenant; try again in "))
    // Later would not help.
    let never = try #require(await node.reserve(recipients: 101).refusal)
    #expect(never.reply.text == "554 5.5.3 101 recipients at once are more than the 100 an hour for this tenant")
  }

  @Test func aRefusalSaysWhichLimitAndWhenToComeBack() async throws {
    let server = try await RedisServer()
    var rules = LimitRules.tenant(messages: "5/minute, 5/hour, 5/day")
    rules.domain.messages = Rates("5/hour") ?? Rates()
    let node = try await LimitingNode(server, rules)
    #expect(await node.take(6) == 5)
    let refusal = try #require(await node.reserve().refusal)
    guard case .full(.tenant, .messages, .day, 5, false, let wait) = refusal else {
      Issue.record("the one that is full for longest, not \(refusal)")
      return
    }
    #expect(wait > .seconds(86_000) && wait <= .seconds(86_400))
    #expect(
      refusal.reply.text
        == "451 4.7.1 Limit reached: 5 messages a day for this tenant; try again in \(wait.secondsUp) seconds")
    // Another tenant's domain of the same name, and another tenant, have counts of their own.
    #expect(await node.take(6, tenant: 7) == 5)
  }

  @Test func aRefusedMessageIsCountedNowhere() async throws {
    let server = try await RedisServer()
    var rules = LimitRules.tenant(messages: "3/hour")
    rules.credential.messages = Rates("100/hour") ?? Rates()
    let node = try await LimitingNode(server, rules)
    #expect(await node.take(20) == 3)
    #expect(try await server.command("HGET", "postrider:limit:credential:2", "3600").hasSuffix(" 3 3"))
  }

  @Test func aWindowEndsByTheClockOfRedisAndTheKeyWithIt() async throws {
    let server = try await RedisServer()
    let node = try await LimitingNode(server, .tenant(messages: "2/hour, 100/day"))
    #expect(await node.take(3) == 2)
    let key = "postrider:limit:tenant:1"
    let expiry = Int(try await server.command("PTTL", key)) ?? 0
    #expect(expiry > 3_600_000 && expiry <= 86_400_000)
    #expect(try await server.command("OBJECT", "ENCODING", key) == "listpack", "small")
    let seconds = Int64(try await server.command("TIME").split(separator: "")[0]) ?? 0
    try await server.command("HSET", key, "3600", "\((seconds - 3600) * 1000) 2 2")
    #expect(await node.take(3) == 2)
    #expect(try await server.command("HGET", key, "86400").hasSuffix(" 4 4"))
    // A clock that was set back leaves nobody locked out for longer than a window.
    try await server.command("HSET", key, "3600", "\((seconds + 100_000) * 1000) 2 2")
    #expect(await node.take(1) == 1)
  }

  @Test func whatIsNotQueuedIsGivenBack() async throws {
    let server = try await RedisServer()
    let node = try await LimitingNode(server, .tenant(messages: "10/hour", recipients: "100/hour"))
    do {
      var held: [LimitDecision] = []
      for _ in 0..<10 { held.append(await node.reserve(recipients: 4)) }
      #expect(held.count { $0.isReserved } == 10)
      #expect(await node.take(1) == 0)
    }
    // All ten were let go of.
    try await eventually("nothing is counted") {
      try await server.command("HGET", "postrider:limit:tenant:1", "3600").hasSuffix(" 0 0")
    }
    #expect(await node.take(11) == 10)
  }

  @Test func whatIsGivenBackNeverHitsALaterWindow() async throws {
    let server = try await RedisServer()
    let counters = SharedCounters(redis: try await .forLimits(server))
    let windows = LimitRules.tenant(messages: "10/minute, 10/hour").windows(of: .tenant, ageDays: .max)
    let counter = Counter(scope: .tenant, key: "postrider:limit:tenant:1", windows: windows)
    guard case .counted(let starts) = try await counters.reserve([counter], recipients: 2) else {
      Issue.record("nothing was counted")
      return
    }
    counters.giveBack([counter], starts: [starts[0] - 60_000, starts[1]], recipients: 2)
    _ = try await counters.redis.send(["PING"])
    #expect(try await server.command("HGET", counter.key, "60").hasSuffix(" 1 2"))
    #expect(try await server.command("HGET", counter.key, "3600").hasSuffix(" 0 0"))
  }

  @Test func withoutLimitsNobodyIsAsked() async throws {
    let server = try await RedisServer()
    let node = try await LimitingNode(server, LimitRules())
    try await server.kill()
    guard case .unlimited = await node.reserve() else {
      Issue.record("asked")
      return
    }
    #expect(node.limits.isUnlimited(TenantTerms()))
    let limited = TenantTerms(overrides: LimitOverrides(lines: "tenant.messages=5/hour"))
    #expect(!node.limits.isUnlimited(limited))
  }

  @Test func aTenantsOwnLimitsGoBeforeTheSettings() async throws {
    let server = try await RedisServer()
    var rules = LimitRules.tenant(messages: "2/hour", recipients: "50/hour")
    rules.messageSizeMax = 1000
    let node = try await LimitingNode(server, rules)
    #expect(await node.reserve().refusal == .tooLarge(limit: 1000))
    let own = TenantTerms(
      overrides: LimitOverrides(
        lines: """
          tenant.messages=4/hour
          message_size=5000
          tenant.recipients=unlimited
          frobnicate=1
          credential.messages=nonsense
          """))
    #expect(await node.take(10, recipients: 60, own) == 4)
    let lifted = TenantTerms(overrides: LimitOverrides(lines: "tenant.messages=unlimited\nmessage_size=unlimited"))
    #expect(await node.take(10, tenant: 3, lifted) == 10)
  }

  @Test func aNewTenantGrows() async throws {
    let growth = WarmUp(firstDay: 200, factor: 2, days: 5)
    #expect((0..<6).map { growth.limit(age: $0) } == [200, 400, 800, 1600, 3200, nil])
    #expect(WarmUp(firstDay: 1_000_000, factor: 10, days: 365).limit(age: 300) == Rates.countMax)
    let server = try await RedisServer()
    var rules = LimitRules.tenant(messages: "10/day")
    rules.warmUp = WarmUp(firstDay: 3, factor: 2, days: 14)
    let node = try await LimitingNode(server, rules)
    #expect(await node.take(5, TenantTerms(ageDays: 0)) == 3)
    let refusal = try #require(await node.reserve(TenantTerms(ageDays: 0)).refusal)
    #expect(refusal.label == "warm_up")
    #expect(refusal.reply.text.contains("Limit reached: 3 messages a day for this new tenant; try again in "))
    #expect(await node.take(5, TenantTerms(ageDays: 1)) == 3, "6 in all")
    #expect(await node.take(9, TenantTerms(ageDays: 2)) == 4, "what holds for all tenants holds for a new one too")
    let excepted = TenantTerms(overrides: LimitOverrides(lines: "warm_up=off"), ageDays: 0)
    #expect(await node.take(12, tenant: 5, excepted) == 10)
  }
}
