package import CoreMetrics

/// What a keeper counts.
package struct KeeperMetrics: Sendable {
  package let leading: Meter
  package let round: Timer
  package let delayed: Counter
  package let expired: Counter
  package let notices: Counter
  package let redacted: Counter
  package let sessionsEnded: Counter
  package let lanesWoken: Counter
  private let factory: any MetricsFactory

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    leading = Metric.leading.gauge(factory)
    round = Metric.round.timer(factory)
    delayed = Metric.delayed.counter(factory)
    expired = Metric.expired.counter(factory)
    notices = Metric.notices.counter(factory)
    redacted = Metric.redacted.counter(factory)
    sessionsEnded = Metric.sessionsEnded.counter(factory)
    lanesWoken = Metric.lanesWoken.counter(factory)
    self.factory = factory
  }

  /// - Parameter duty: one of our own names, a few words.
  package func failed(_ duty: String) { Metric.dutyFailures.counter(factory, duty).increment() }
}

/// The queue, as the leading keeper sees it. When it no longer leads it shows nothing.
package final class QueueMetrics: Sendable {
  /// What one look found.
  package struct Look: Sendable {
    package var estimate: Int64 = 0
    package var delay: Duration = .zero
    package var readyLanes = 0
    package var waitingLanes = 0
    package var isComplete = true
    package var took: Duration = .zero
    package var tenants: [Part] = []
    package var destinations: [Part] = []
    package var workerSessions = 0
    package var oldestLease: Duration = .zero
    package var sitesDown = 0
    package var sitesSlowed = 0
    package var parkedLanes = 0

    package init() {}
  }

  /// One tenant's or one destination's share of the queue.
  package struct Part: Sendable {
    package var name: String
    package var recipients: Int
    /// How long the most overdue of them has been due; zero when none is.
    package var delay: Duration

    package init(name: String, recipients: Int, delay: Duration) {
      self.name = name
      self.recipients = recipients
      self.delay = delay
    }
  }

  private let totals: GaugeFamilies
  private let tenants: GaugeFamilies
  private let destinations: GaugeFamilies
  private let partsMax: Int

  /// - Parameter partsMax: how many tenants, and how many destinations, are told apart; the rest is `(other)`.
  package init(_ factory: any MetricsFactory = MetricsSystem.factory, partsMax: Int = 50) {
    totals = GaugeFamilies(factory)
    tenants = GaugeFamilies(factory)
    destinations = GaugeFamilies(factory)
    self.partsMax = partsMax
  }

  package func show(_ look: Look) {
    totals.replace([
      .init(.queueEstimate, [], Double(look.estimate)), .init(.queueDelay, [], look.delay.inSeconds),
      .init(.queueLanes, ["ready"], Double(look.readyLanes)),
      .init(.queueLanes, ["waiting"], Double(look.waitingLanes)),
      .init(.queueIsComplete, [], look.isComplete ? 1 : 0), .init(.queueLook, [], look.took.inSeconds),
      .init(.workerSessions, [], Double(look.workerSessions)), .init(.oldestLease, [], look.oldestLease.inSeconds),
      .init(.sites, ["down"], Double(look.sitesDown)), .init(.sites, ["slowed"], Double(look.sitesSlowed)),
      .init(.parkedLanes, [], Double(look.parkedLanes)),
    ])
    tenants.replace(samples(of: look.tenants, .tenantRecipients, .tenantDelay))
    destinations.replace(samples(of: look.destinations, .destinationRecipients, .destinationDelay))
  }

  package func hide() { for family in [totals, tenants, destinations] { family.replace([]) } }

  /// The most overdue and the largest by name, the others together.
  private func samples(of parts: [Part], _ recipients: Metric, _ delay: Metric) -> [GaugeFamilies.Sample] {
    let sorted = parts.sorted { ($0.delay, $0.recipients, $1.name) > ($1.delay, $1.recipients, $0.name) }
    var shown = Array(sorted.prefix(partsMax))
    let rest = sorted.dropFirst(partsMax)
    if let worst = rest.first {
      shown.append(Part(name: "(other)", recipients: rest.reduce(0) { $0 + $1.recipients }, delay: worst.delay))
    }
    return shown.flatMap {
      [.init(recipients, [$0.name], Double($0.recipients)), .init(delay, [$0.name], $0.delay.inSeconds)]
    }
  }
}

extension Duration {
  package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
