package import CoreMetrics

/// How an attempt ended, as it is counted.
package enum CountedOutcome: String, CaseIterable, Sendable {
  case delivered
  case deferred
  case bounced
  /// Nothing was tried.
  case handedBack = "handed_back"
  case held
  /// The claim was no longer ours.
  case late
}

/// What a worker counts.
package struct WorkerMetrics: Sendable {
  package let delivery: Timer
  private let claimBatch: Recorder
  private let claimTime: Timer
  package let claimFailures: Counter
  private let completionBatch: Recorder
  private let completionTime: Timer
  package let heartbeatFailures: Counter
  /// These three are set before each rendering, by whoever has the number.
  package let jobsInFlight: Meter
  package let completionsWaiting: Meter
  package let leaseAge: Meter
  private let rateLimited: Counter
  private let listed: Counter
  private let probesReached: Counter
  private let probesFailed: Counter
  /// Sites in trouble as this worker knows them; set before each rendering.
  package let sitesDown: Meter
  package let sitesSlowed: Meter
  private let delivered: Counter
  private let deferred: Counter
  private let bounced: Counter
  private let handedBack: Counter
  private let held: Counter
  private let late: Counter

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    delivery = Metric.delivery.timer(factory)
    claimBatch = Metric.claimBatch.recorder(factory)
    claimTime = Metric.claimTime.timer(factory)
    claimFailures = Metric.claimFailures.counter(factory)
    completionBatch = Metric.completionBatch.recorder(factory)
    completionTime = Metric.completionTime.timer(factory)
    heartbeatFailures = Metric.heartbeatFailures.counter(factory)
    jobsInFlight = Metric.jobsInFlight.gauge(factory)
    completionsWaiting = Metric.completionsWaiting.gauge(factory)
    leaseAge = Metric.leaseAge.gauge(factory)
    rateLimited = Metric.slowdowns.counter(factory, "rate_limit")
    listed = Metric.slowdowns.counter(factory, "blocklist")
    probesReached = Metric.probes.counter(factory, "reached")
    probesFailed = Metric.probes.counter(factory, "failed")
    sitesDown = Metric.sitesKnown.gauge(factory, "down")
    sitesSlowed = Metric.sitesKnown.gauge(factory, "slowed")
    func attempts(_ outcome: CountedOutcome) -> Counter { Metric.attempts.counter(factory, outcome.rawValue) }
    delivered = attempts(.delivered)
    deferred = attempts(.deferred)
    bounced = attempts(.bounced)
    handedBack = attempts(.handedBack)
    held = attempts(.held)
    late = attempts(.late)
  }

  /// One claim that was answered. Most of an idle worker's bring nothing, and say nothing about sizes.
  package func claimed(recipients: Int, in time: Duration) {
    claimTime.record(time)
    if recipients > 0 { claimBatch.record(recipients) }
  }

  /// One transaction of outcomes.
  package func completed(recipients: Int, in time: Duration) {
    completionTime.record(time)
    completionBatch.record(recipients)
  }

  /// A site was slowed down, or further down.
  package func slowedDown(isListed: Bool) { (isListed ? listed : rateLimited).increment() }

  package func probed(hasReached: Bool) { (hasReached ? probesReached : probesFailed).increment() }

  package func attempted(_ outcome: CountedOutcome) {
    switch outcome {
    case .delivered: delivered.increment()
    case .deferred: deferred.increment()
    case .bounced: bounced.increment()
    case .handedBack: handedBack.increment()
    case .held: held.increment()
    case .late: late.increment()
    }
  }
}
