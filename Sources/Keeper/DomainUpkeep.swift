internal import Admission
package import DNS
package import DomainRecords
internal import CoreMetrics
package import Logging
package import NodeMetrics
package import Postgres
internal import ServiceLifecycle

/// Looks domains' records up, and writes down what was found: whose they are, and what is wrong with the others.
///
/// It has a task of its own, because name servers are slow. Every keeper does it: who takes a look on moves the domain's
/// next one ahead, so that they share the work and none does another's. A few at once, a bounded number in a round.
package struct DomainUpkeep: Service {
  private let interval: Duration
  /// From one look at a proven domain to the next.
  private let checkInterval: Duration
  private let wishes: RecordWishes
  private let home: PostgresPool
  private let makeResolver: @Sendable () throws -> DNSResolver
  private let logger: Logger
  private let metrics: DomainMetrics
  private let whenUsable: @Sendable () async -> Void

  /// Looks at once, and in a round.
  private static let atOnce: Int32 = 8
  private static let roundMax = 80

  /// - Parameters:
  ///   - interval: between two rounds.
  ///   - home: one thread is enough.
  ///   - makeResolver: one without a memory: what was not there a minute ago may be there now.
  ///   - whenUsable: returns when the database may be used.
  package init(
    interval: Duration, checkInterval: Duration, wishes: RecordWishes, home: PostgresPool, logger: Logger,
    metrics: DomainMetrics = DomainMetrics(), whenUsable: @escaping @Sendable () async -> Void = {},
    makeResolver: @escaping @Sendable () throws -> DNSResolver
  ) {
    self.interval = interval
    self.checkInterval = checkInterval
    self.wishes = wishes
    self.home = home
    self.logger = logger
    self.metrics = metrics
    self.whenUsable = whenUsable
    self.makeResolver = makeResolver
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown { await whenUsable() }
    var shownAt: ContinuousClock.Instant?
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      await cancelWhenGracefulShutdown { await round() }
      if shownAt.map({ $0.duration(to: .now) > .seconds(60) }) ?? true {
        shownAt = .now
        await show()
      }
      let pause = interval * Double.random(in: 0.8...1.0)
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
  }

  private func round() async {
    var looked = 0
    do {
      var resolver: DNSResolver?
      while looked < Self.roundMax, !Task.isCancelled {
        let due = try await home.run { try DomainChecks.takeDue(limit: Self.atOnce, $0) }
        guard !due.isEmpty else { return }
        let asked = try resolver ?? makeResolver()
        resolver = asked
        await withDiscardingTaskGroup { group in
          for check in due { group.addTask { await look(check, asked) } }
        }
        looked += due.count
        if due.count < Self.atOnce { return }
      }
    } catch {
      metrics.failed.increment()
      logger.warning("domains cannot be looked at", metadata: ["error": "\(error)"])
    }
  }

  private func look(_ check: DomainCheck, _ resolver: DNSResolver) async {
    let look = await DomainLook(check, wishes, asking: resolver)
    // Cut short by the end of the process: nothing was seen, and the next keeper looks in two minutes.
    guard !Task.isCancelled else { return }
    do {
      let (sight, interval) = (look.sight, checkInterval)
      let news = try await home.run { try DomainChecks.write(sight, of: check, interval: interval, $0) }
      count(look.owner)
      tell(news, check)
    } catch {
      metrics.failed.increment()
      logger.warning(
        "what was found about a domain cannot be written", metadata: ["domain": "\(check.name)", "error": "\(error)"])
    }
  }

  private func count(_ owner: DomainSight.Owner) {
    switch owner {
    case .tenant: metrics.seen.increment()
    case .nobody: metrics.absent.increment()
    case .unknown: metrics.unknown.increment()
    }
  }

  private func tell(_ news: DomainNews, _ check: DomainCheck) {
    switch news {
    case .outdated, .unchanged: break
    case .proven(let proof, let tenant):
      let owner = check.claims.first { $0.tenant == tenant }?.name ?? check.tenantName
      logger.notice(
        "a domain is verified",
        metadata: ["domain": "\(check.name)", "tenant": "\(owner)", "reason": "\(proof.rawValue)"])
      if tenant != check.tenant {
        logger.warning(
          "a domain went to the tenant that has proven it; logins and keys of the one before are gone",
          metadata: ["domain": "\(check.name)", "tenant": "\(owner)"])
      }
    case .vanished(let time): tellVanished(time, check)
    }
  }

  /// Many take a record out once it has done its work: that is told when it is noticed, and again when it lasts.
  private func tellVanished(_ time: Duration, _ check: DomainCheck) {
    guard time < .seconds(1) || time > .seconds(3 * 86_400) else { return }
    let effect = check.isHosted ? ", and mail for it goes on coming to its mailboxes here" : ""
    logger.log(
      level: time < .seconds(1) ? .notice : .warning,
      "the record that has proven a domain is gone; its mail goes on\(effect)",
      metadata: [
        "domain": "\(check.name)", "tenant": "\(check.tenantName)",
        "reason": "gone for \(time.components.seconds / 86_400) days",
      ])
  }

  private func show() async {
    do {
      let health = try await home.run { try DomainHealth.look($0) }
      metrics.show(
        proven: health.proven, unproven: health.unproven, vanished: health.vanished, keysWaiting: health.keysWaiting)
    } catch {
      logger.warning("domains cannot be counted", metadata: ["error": "\(error)"])
    }
  }
}
