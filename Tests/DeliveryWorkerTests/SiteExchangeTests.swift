import DeliveryWorker
import Logging
import MailModel
import MailQueue
import MailTesting
import NIOPosix
import Redis
import RetryPolicy
import Testing

/// Workers that share the paces of slowed sites through a real Redis.
@Suite struct SiteExchangeTests {
  private static let less = Attempt(result: .refused(Reply(421, EnhancedStatus(4, 7, 0), "slow down"), .mail))

  private func worker(_ client: RedisClient?, pause: Duration = .milliseconds(100)) -> SiteExchange {
    var configuration = SiteConfiguration()
    configuration.source = "192.0.2.1"
    configuration.slowdown = SlowdownPolicy(
      pause: pause, pauseMax: .seconds(3600), recovery: .seconds(3600), normalMin: 1200)
    return SiteExchange(SiteBook(configuration), redis: client, logger: Logger(label: "test"))
  }

  private func client(_ redis: RedisServer) async throws -> RedisClient {
    var configuration = RedisConfiguration()
    configuration.commandTimeout = .seconds(60)
    configuration.connectTimeout = .seconds(60)
    let client = RedisClient(
      url: try RedisURL(redis.url), configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
    #expect(await client.waitUntilConnected(limit: .seconds(180)))
    return client
  }

  /// Mail waits for the site, as the worker's database says.
  private func mailWaits(_ worker: SiteExchange, _ pace: SitePace) {
    _ = worker.book.learn(
      [
        KnownSlowdown(
          site: "mx", incident: pace.incident, category: pace.category, times: 1, rate: pace.rate, normal: pace.normal,
          sources: ["192.0.2.1"], pauseLeft: .zero)
      ], database: 0)
  }

  private func slowDown(_ worker: SiteExchange) async throws -> SitePace {
    let pace = try #require(worker.book.slowDown("mx", category: "rate_limit", isListed: false, Self.less))
    return await worker.slowedDown("mx", pace, isListed: false)
  }

  @Test func twoWorkersThatAreToldAtOnceSlowDownOnce() async throws {
    let redis = try await RedisServer()
    let workers = [
      worker(try await client(redis), pause: .seconds(600)), worker(try await client(redis), pause: .seconds(600)),
    ]
    let first = try await slowDown(workers[0])
    let second = try await slowDown(workers[1])
    #expect(first.incident == second.incident && second.troubles == 1, "it is one incident")
    #expect(
      abs(first.resumesAt.duration(to: second.resumesAt) / .seconds(1)) < 300, "two incidents would pause twice as long"
    )
    let third = worker(try await client(redis))
    await third.step()
    #expect(third.book.trouble(of: "mx")?.incident == first.incident, "a new worker hears of it")
    third.book.forget("mx", incident: first.incident + 1)
    await third.step()
    #expect(third.book.trouble(of: "mx") != nil, "another incident is over, not this one")
    third.book.forget("mx", incident: first.incident)
    await third.step()
    #expect(try await redis.command("HLEN", "postrider:paces:192.0.2.1").contains("0"))
    for worker in workers { await worker.step() }
    #expect(
      try await redis.command("HLEN", "postrider:paces:192.0.2.1").contains("1"), "who still believes in it says so")
  }

  /// Ten a second between them, however often each asks.
  @Test func whatIsDealtOutKeepsToTheRate() async throws {
    let redis = try await RedisServer()
    var workers: [SiteExchange] = []
    for _ in 0..<3 { workers.append(worker(try await client(redis))) }
    let pace = try await slowDown(workers[0])
    for worker in workers { await worker.step() }
    var granted = 0
    while granted < 25 {
      for worker in workers {
        mailWaits(worker, pace)
        await worker.step()
        granted += worker.book.allowance(database: 0).sites.reduce(0) { $0 + $1.messages }
        let seconds = pace.resumesAt.duration(to: .now) / .seconds(1)
        #expect(Double(granted) <= 13 + 11 * max(0, seconds), "after \(seconds) s")
      }
    }
  }

  @Test func withoutRedisTheBookGoesOnAndRedisLearnsItAgain() async throws {
    let redis = try await RedisServer()
    let client = try await client(redis)
    let worker = worker(client)
    let pace = try await slowDown(worker)
    await worker.step()
    try await redis.kill()
    try await eventually("it deals out by itself") {
      mailWaits(worker, pace)
      await worker.step()
      return worker.book.allowance(database: 0).sites.contains { $0.messages > 0 }
    }
    try await redis.start()
    try await eventually("Redis knows it again") {
      await worker.step()
      return (try? await redis.command("HLEN", "postrider:paces:192.0.2.1").contains("1")) ?? false
    }
    #expect(worker.book.paces["mx"]?.incident == pace.incident)
  }

  /// Another trouble after the pause is noted by whoever meets it, on top of what all know.
  @Test func aFurtherTroubleHalvesForAll() async throws {
    let redis = try await RedisServer()
    let (one, other) = (worker(try await client(redis)), worker(try await client(redis)))
    let first = try await slowDown(one)
    await other.step()
    // By Redis' clock: it began to count only when the command had arrived there.
    try await eventually("the pause is over") { .now > first.resumesAt + .seconds(3) }
    let second = try await slowDown(other)
    #expect(second.troubles == 2 && second.rate < first.rate * 0.6 && second.incident == first.incident)
    await one.step()
    #expect(one.book.paces["mx"]?.troubles == 2)
  }
}
