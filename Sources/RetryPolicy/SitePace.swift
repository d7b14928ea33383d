/// How a site that asked for less is slowed down (`retry.slowdown.*`): a pause, then half of the rate, then back to
/// normal in a straight line. Each further trouble halves again and doubles the pause.
package struct SlowdownPolicy: Sendable, Hashable {
  /// Nothing is sent for so long after a rate limit.
  package var pause: Duration
  /// The same after a block list entry, which nobody takes back within a minute.
  package var blocklistPause: Duration
  /// No pause is longer.
  package var pauseMax: Duration
  /// From a standstill to the normal rate.
  package var recovery: Duration
  /// Messages a minute that count as normal where fewer were seen.
  package var normalMin: Double

  package init(
    pause: Duration = .seconds(60), blocklistPause: Duration = .seconds(600), pauseMax: Duration = .seconds(3600),
    recovery: Duration = .seconds(3600), normalMin: Double = 60
  ) {
    self.pause = pause
    self.blocklistPause = blocklistPause
    self.pauseMax = max(pause, blocklistPause, pauseMax)
    self.recovery = max(recovery, .milliseconds(1))
    self.normalMin = max(normalMin, SitePace.slowest)
  }

  /// The pause after so many troubles in a row.
  package func pause(isListed: Bool, troubles: Int) -> Duration {
    let first = isListed ? blocklistPause : pause
    return min(first * (1 << min(max(troubles - 1, 0), 20)), pauseMax)
  }
}

/// How fast one site may be sent to. A value that says it for every later moment: nothing has to be written while it
/// recovers.
package struct SitePace: Sendable, Hashable {
  /// No rate is halved below one message in ten minutes.
  package static let slowest = 0.1

  /// The number of this trouble, the same on every worker.
  package var incident: Int64
  /// The category that began it.
  package var category: String
  /// Messages a minute when all is well.
  package var normal: Double
  /// Messages a minute when the pause ends.
  package var rate: Double
  /// When the pause ends.
  package var resumesAt: ContinuousClock.Instant
  /// How often it was slowed down in a row.
  package var troubles: Int
  /// How long the way from a standstill to `normal` takes.
  package var recovery: Duration

  package init(
    incident: Int64, category: String, normal: Double, rate: Double, resumesAt: ContinuousClock.Instant, troubles: Int,
    recovery: Duration
  ) {
    self.incident = incident
    self.category = category
    self.normal = max(normal, Self.slowest)
    self.rate = min(max(rate, Self.slowest), self.normal)
    self.resumesAt = resumesAt
    self.troubles = max(troubles, 1)
    self.recovery = max(recovery, .milliseconds(1))
  }

  /// The first trouble.
  /// - Parameter seen: messages a minute that went there lately.
  package init(
    incident: Int64, category: String, isListed: Bool, seen: Double, policy: SlowdownPolicy,
    now: ContinuousClock.Instant
  ) {
    let normal = max(seen, policy.normalMin)
    self.init(
      incident: incident, category: category, normal: normal, rate: normal / 2,
      resumesAt: now + policy.pause(isListed: isListed, troubles: 1), troubles: 1, recovery: policy.recovery)
  }

  /// Messages a minute at a moment: 0 in the pause; nil: back to normal.
  package func rate(at now: ContinuousClock.Instant) -> Double? {
    guard now >= resumesAt else { return 0 }
    let reached = rate + normal * (resumesAt.duration(to: now) / recovery)
    return reached < normal ? reached : nil
  }

  /// From now until the rate is back to normal.
  package func timeLeft(at now: ContinuousClock.Instant) -> Duration {
    max(.zero, now.duration(to: resumesAt) + recovery * ((normal - rate) / normal))
  }

  /// Another trouble. In the pause it is one of before: what was under way is answered then.
  package mutating func slowDown(isListed: Bool, policy: SlowdownPolicy, now: ContinuousClock.Instant) {
    guard let reached = rate(at: now), now >= resumesAt else { return }
    troubles += 1
    rate = max(reached / 2, Self.slowest)
    resumesAt = now + policy.pause(isListed: isListed, troubles: troubles)
    recovery = policy.recovery
  }
}
