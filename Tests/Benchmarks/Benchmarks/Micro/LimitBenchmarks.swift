import Benchmark
import Foundation
import Limits
import Logging
import MailModel
import NIOPosix
import Redis

/// Counting in the Redis of which POSTRIDER_BENCHMARK_REDIS is the URL. Without it this is left out.
func limitBenchmarks() {
  guard let text = ProcessInfo.processInfo.environment["POSTRIDER_BENCHMARK_REDIS"], let url = try? RedisURL(text)
  else { return }
  for atOnce in [1, 64] {
    Benchmark(
      "limits: count \(atOnce) messages at once, credential, domain and tenant, three spans each",
      configuration: .init(maxDuration: .seconds(3))
    ) { benchmark, limits in
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<atOnce { group.addTask { await limits.count() } }
      }
    } setup: {
      await CountedLimits(url: url)
    }
  }
}

/// Limits that nobody reaches.
final class CountedLimits: Sendable {
  private let redis: RedisClient
  private let limits: MessageLimits

  init(url: RedisURL) async {
    redis = RedisClient(
      url: url, configuration: .forLimits(timeout: .seconds(10)), group: MultiThreadedEventLoopGroup.singleton)
    _ = await redis.waitUntilConnected(limit: .seconds(10))
    let rates = Rates("100000000/minute, 100000000/hour, 100000000/day") ?? Rates()
    var rules = LimitRules()
    rules.credential = LimitRules.Amounts(messages: rates, recipients: rates)
    (rules.domain, rules.tenant) = (rules.credential, rules.credential)
    limits = MessageLimits(
      rules: rules, redis: redis, share: 1, absence: RedisAbsence(logger: Logger(label: "benchmark")))
  }

  func count() async {
    let message = CountedMessage(tenant: 1, credential: 1, domain: "inbox.example", recipients: 1, sizeBytes: 10_000)
    if case .reserved(let reservation) = await limits.reserve(message, TenantTerms()) { reservation.keep() }
  }
}
