import Benchmark
import Foundation
import Limits
import Logging
import MailModel
import NIOPosix
import Redis

/// The script that counts a message, at the Redis of which POSTRIDER_BENCHMARK_REDIS is the URL. Without it they are left
/// out.
func limitBenchmarks() {
  guard let url = ProcessInfo.processInfo.environment["POSTRIDER_BENCHMARK_REDIS"] else { return }

  Benchmark("limits: count a message in nine windows", configuration: .init(maxDuration: .seconds(3))) { _, limiter in
    try await limiter.count(1)
  } setup: {
    try await Limiter(url: url)
  }

  Benchmark("limits: count 50 messages at once", configuration: .init(maxDuration: .seconds(3))) { _, limiter in
    try await limiter.count(50)
  } setup: {
    try await Limiter(url: url)
  }
}

/// One acceptor's limits, which are far away: of a credential, its domain and its tenant, each by minute, hour and day.
struct Limiter: Sendable {
  struct Trouble: Error {
    let text: String
  }

  private let limits: MessageLimits

  init(url: String) async throws {
    let redis = RedisClient(
      url: try RedisURL(url), configuration: .forLimits(timeout: .seconds(60)),
      group: MultiThreadedEventLoopGroup.singleton)
    guard await redis.waitUntilConnected(limit: .seconds(60)) else { throw Trouble(text: "no Redis at \(url)") }
    var rules = LimitRules()
    let rates = Rates("100000000/minute, 100000000/hour, 100000000/day")
    guard let rates else { throw Trouble(text: "rates that are none") }
    rules.credential = .init(messages: rates, recipients: rates)
    rules.domain = rules.credential
    rules.tenant = rules.credential
    limits = MessageLimits(
      rules: rules, redis: redis, share: 0, absence: RedisAbsence(logger: Logger(label: "benchmark")))
  }

  /// As sessions do that end a message in the same moment: pipelined on the one connection.
  func count(_ messages: Int) async throws {
    try await withThrowingTaskGroup { group in
      for _ in 0..<messages {
        group.addTask {
          let message = CountedMessage(
            tenant: 1, credential: 2, domain: "a.example", recipients: 1, sizeBytes: 10_240)
          guard case .reserved(let reservation) = await limits.reserve(message, TenantTerms()) else {
            throw Trouble(text: "a message was not counted")
          }
          reservation.keep()
        }
      }
      try await group.waitForAll()
    }
  }
}
