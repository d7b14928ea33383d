internal import Acceptor
internal import Admission
internal import Cryptography
internal import Limits
internal import NIOCore
internal import NodeMetrics
internal import Redis
internal import Settings

/// What an acceptor counts with: a connection to Redis of its own, whose time limit is that of a decision.
struct AcceptorLimits {
  let limiter: SubmissionLimiter
  let logins: FailedLogins
  private let redis: RedisClient

  init(_ node: Node, master: MasterKey, group: any EventLoopGroup) throws {
    let limits = node.settings.limits
    redis = RedisClient(
      url: try node.redisURL(), configuration: .forLimits(timeout: limits.redisTimeout), group: group)
    let metrics = LimitMetrics()
    let absence = RedisAbsence(logger: node.logger, metrics: metrics)
    let (rules, share) = (LimitRules(limits), limits.shareWithoutRedis)
    limiter = SubmissionLimiter(
      messages: MessageLimits(rules: rules, redis: redis, share: share, absence: absence, metrics: metrics),
      sessions: SessionCounts(redis: redis, share: share, absence: absence, metrics: metrics), rules: rules,
      addressSessionsMax: limits.sessions.address)
    logins = FailedLogins(
      rules: FailedLoginRules(
        address: limits.failedLogins.address, account: limits.failedLogins.account,
        knownFor: limits.failedLogins.knownFor),
      redis: redis, master: master, share: share, absence: absence, metrics: metrics)
  }

  func shutdown() async { await redis.shutdown() }
}

extension LimitRules {
  /// As the settings have them.
  init(_ limits: SettingGroup<LimitsSection>) {
    self.init()
    tenant = Amounts(messages: limits.tenant.messages, recipients: limits.tenant.recipients)
    domain = Amounts(messages: limits.domain.messages, recipients: limits.domain.recipients)
    credential = Amounts(messages: limits.credential.messages, recipients: limits.credential.recipients)
    messageSizeMax = limits.messageSize
    credentialSessionsMax = limits.sessions.credential
    warmUp = limits.warmUp.firstDay.map {
      WarmUp(firstDay: $0, factor: limits.warmUp.factor, days: limits.warmUp.days)
    }
  }
}
