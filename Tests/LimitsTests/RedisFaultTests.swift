import MailModel
import MailTesting
import NIOConcurrencyHelpers
import Redis
import Testing

@testable import Limits

/// What happens to limits when Redis dies, freezes or forgets, in the middle of it.
@Suite(.timeLimit(.minutes(10))) struct RedisFaultTests {
  /// Messages as fast as they go, until told to stop.
  private final class Load: Sendable {
    private let state = NIOLockedValueBox((taken: 0, refused: 0, isEnding: false))

    var taken: Int { state.withLockedValue { $0.taken } }
    var refused: Int { state.withLockedValue { $0.refused } }

    func end() { state.withLockedValue { $0.isEnding = true } }

    func run(_ node: LimitingNode, tenant: Int64) async {
      while !state.withLockedValue({ $0.isEnding }) {
        let isTaken = await node.take(1, tenant: tenant) == 1
        state.withLockedValue { isTaken ? ($0.taken += 1) : ($0.refused += 1) }
        await Task.yield()
      }
    }
  }

  /// Runs a fault under load of several sessions at two acceptors.
  /// - Returns: how many messages were taken in all.
  private func underLoad(
    _ nodes: [LimitingNode], _ fault: (Load) async throws -> Void
  ) async throws -> Int {
    let load = Load()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 { group.addTask { [node = nodes[task % nodes.count]] in await load.run(node, tenant: 1) } }
      do { try await fault(load) } catch {
        load.end()
        throw error
      }
      load.end()
      try await group.waitForAll()
      return load.taken
    }
  }

  @Test func aKilledRedisLeavesEachAcceptorItsShareAndIsUsedAgainByItself() async throws {
    let server = try await RedisServer()
    let rules = LimitRules.tenant(messages: "100/hour")
    let nodes = [try await LimitingNode(server, rules), try await LimitingNode(server, rules)]
    let taken = try await underLoad(nodes) { load in
      try await eventually("100 taken") { load.taken == 100 && load.refused > 0 }
      try await server.kill()
      try await eventually("each has its share") { load.taken == 200 }
      let refused = load.refused
      try await eventually("and no more") { load.refused > refused + 100 }
      try await server.start()
      // It has come back empty.
      try await eventually("counted together again") { load.taken == 300 }
      try await eventually("and no more") { load.refused > refused + 1000 }
    }
    #expect(taken == 300)
  }

  @Test func aFrozenRedisCostsOneWaitAndNotOneForEachMessage() async throws {
    let server = try await RedisServer()
    let node = try await LimitingNode(server, .tenant(messages: "1000/hour"), timeout: .milliseconds(200), share: 0.1)
    try await node.waitUntilConnected()
    let connections = node.redis.status.connectedCount
    await server.freeze()
    let taken = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { await node.take(50) } }
      return await group.reduce(0, +)
    }
    #expect(taken == 100, "the share")
    // Only an answered connection can keep anybody waiting, and there was none after the first.
    #expect(node.redis.status.connectedCount == connections && !node.redis.status.isConnected)
    await server.thaw()
    try await node.waitUntilConnected()
    try await eventually("counted by Redis again") { await node.take(1) == 1 }
  }

  @Test func aRedisThatForgotCountsFromNothing() async throws {
    let server = try await RedisServer()
    let rules = LimitRules.tenant(messages: "100/hour")
    let nodes = [try await LimitingNode(server, rules), try await LimitingNode(server, rules)]
    let taken = try await underLoad(nodes) { load in
      try await eventually("100 taken") { load.taken == 100 }
      try await server.command("FLUSHALL")
      try await eventually("another 100") { load.taken == 200 }
      try await server.command("SCRIPT", "FLUSH")
      try await server.command("FLUSHALL")
      try await eventually("and another 100") { load.taken == 300 }
      let refused = load.refused
      try await eventually("and no more") { load.refused > refused + 100 }
    }
    #expect(taken == 300)
  }

  @Test func withoutRedisALargeMessageStillFitsAnEmptyWindow() async throws {
    let counters = LimitRules.tenant(recipients: "100/hour").counters(
      for: CountedMessage(tenant: 1, credential: nil, domain: nil, recipients: 80, sizeBytes: 1), ageDays: .max)
    let local = LocalCounters(share: 0.5)
    guard case .counted(let starts) = local.reserve(counters, recipients: 80, now: 1000) else {
      Issue.record("refused")
      return
    }
    #expect(starts == [1000])
    #expect(
      local.reserve(counters, recipients: 1, now: 2000)
        == .full(place: 0, kind: .recipients, waitMilliseconds: 3_599_000))
    local.giveBack(counters, starts: [999], recipients: 80)
    #expect(local.reserve(counters, recipients: 1, now: 2000) != .counted(starts: [1000]), "another window's")
    local.giveBack(counters, starts: starts, recipients: 80)
    #expect(local.reserve(counters, recipients: 50, now: 2000) == .counted(starts: [1000]))
    #expect(local.reserve(counters, recipients: 1, now: 3_601_000) == .counted(starts: [3_601_000]))
  }

  @Test func memoryWithoutRedisIsBounded() {
    let local = LocalCounters(share: 1, windowsMax: 1000)
    for tenant in 0..<5000 {
      let counters = LimitRules.tenant(messages: "1/hour").counters(
        for: CountedMessage(tenant: Int64(tenant), credential: nil, domain: nil, recipients: 1, sizeBytes: 1),
        ageDays: .max)
      _ = local.reserve(counters, recipients: 1, now: 1000)
    }
    #expect(local.count <= 1001)
  }
}
