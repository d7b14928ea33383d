import Cryptography
import Logging
import MailModel
import MailTesting
import NIOPosix
import Redis

@testable import Limits

/// One acceptor's limits at a Redis.
struct LimitingNode {
  let redis: RedisClient
  let limits: MessageLimits

  /// - Parameter timeout: longer than any busy machine takes, unless the test wants silence to be noticed.
  init(
    _ server: RedisServer, _ rules: LimitRules, timeout: Duration = .seconds(60), share: Double = 0.5
  ) async throws {
    redis = try await RedisClient.forLimits(server, timeout: timeout)
    limits = MessageLimits(rules: rules, redis: redis, share: share, absence: .quiet)
  }

  /// - Returns: how many of `count` messages were taken, and kept.
  func take(
    _ count: Int, tenant: Int64 = 1, recipients: Int = 1, _ terms: TenantTerms = TenantTerms()
  ) async -> Int {
    var taken = 0
    for _ in 0..<count {
      guard case .reserved(let reservation) = await reserve(tenant: tenant, recipients: recipients, terms) else {
        continue
      }
      reservation.keep()
      taken += 1
    }
    return taken
  }

  func reserve(
    tenant: Int64 = 1, credential: Int64? = 2, domain: String? = "a.example", recipients: Int = 1,
    _ terms: TenantTerms = TenantTerms()
  ) async -> LimitDecision {
    await limits.reserve(
      CountedMessage(
        tenant: tenant, credential: credential, domain: domain, recipients: recipients, sizeBytes: 2000), terms)
  }

  func waitUntilConnected() async throws {
    try await eventually("a connection to Redis") { [redis] in (try? await redis.send(["PING"])) != nil }
  }
}

extension RedisClient {
  static func forLimits(_ server: RedisServer, timeout: Duration = .seconds(60)) async throws -> RedisClient {
    var configuration = RedisConfiguration.forLimits(timeout: timeout)
    configuration.pauseMax = .milliseconds(100)
    let client = RedisClient(
      url: try RedisURL(server.url), configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
    _ = await client.waitUntilConnected(limit: .seconds(180))
    return client
  }
}

extension RedisAbsence {
  static var quiet: RedisAbsence {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return RedisAbsence(logger: logger)
  }
}

extension LimitRules {
  static func tenant(messages: String = "", recipients: String = "") -> LimitRules {
    var rules = LimitRules()
    rules.tenant = Amounts(messages: Rates(messages) ?? Rates(), recipients: Rates(recipients) ?? Rates())
    return rules
  }
}

extension LimitDecision {
  var refusal: LimitRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
  var isReserved: Bool { if case .reserved = self { true } else { false } }
}

extension MasterKey {
  /// A new one, whose file is gone again.
  static func temporary() throws -> MasterKey {
    let directory = try TemporaryDirectory()
    try MasterKey.create(file: directory.path("master.keys"))
    return try MasterKey.load(file: directory.path("master.keys"))
  }
}
