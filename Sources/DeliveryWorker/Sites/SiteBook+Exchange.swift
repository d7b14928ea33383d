package import MailQueue
internal import NIOConcurrencyHelpers
package import RetryPolicy

/// What a worker's book takes from Redis and from the databases, and what it gives to them.
extension SiteBook {
  // MARK: What all workers know

  /// Incidents that are over since the last time: Redis has to hear of it.
  package func takeEnded() -> [String: Int64] {
    state.withLockedValue { state in
      defer { state.ended = [:] }
      return state.ended
    }
  }

  package var paces: [String: SitePace] { state.withLockedValue(\.paces) }

  /// How many messages are wanted for each slowed site that has mail waiting.
  package func wants(now: ContinuousClock.Instant = .now) -> [String: Int] {
    state.withLockedValue { state in
      let waiting = state.waiting.values.reduce(into: Set<String>()) { $0.formUnion($1) }
      var wants: [String: Int] = [:]
      for (site, pace) in state.paces where waiting.contains(site) {
        guard let rate = pace.rate(at: now), rate > 0 else { continue }
        wants[site] = max(0, min(200, Int(rate / 30) + 1) - (state.grants[site] ?? 0))
      }
      return wants
    }
  }

  /// Takes what Redis said in place of what was known.
  /// - Parameter asked: what was known when it was asked: what is not in the answer has recovered.
  package func take(
    _ shared: [(site: String, pace: SitePace, granted: Int)], asked: [String: SitePace], workers: Int
  ) {
    state.withLockedValue { state in
      state.workers = max(1, workers)
      for (site, pace, granted) in shared {
        // A trouble of this very moment is not in the answer yet.
        if let own = state.paces[site], own != asked[site], own.incident == pace.incident, own.troubles > pace.troubles
        {
          continue
        }
        state.set(pace, site)
        if granted > 0 { state.grants[site, default: 0] += granted }
      }
      let named = Set(shared.map(\.site))
      for (site, pace) in asked where !named.contains(site) && state.paces[site] == pace { state.forgetPace(site) }
    }
  }

  /// One site's pace, as Redis has it.
  package func take(_ pace: SitePace, _ site: String) { state.withLockedValue { $0.set(pace, site) } }

  /// Without Redis: this worker's part of what may go.
  package func grantLocally(now: ContinuousClock.Instant = .now) {
    let wants = wants(now: now)
    state.withLockedValue { state in
      for (site, want) in wants where want > 0 {
        guard let pace = state.paces[site], let rate = pace.rate(at: now), rate > 0 else { continue }
        let step = Duration.seconds(60) / rate * state.workers
        let turn = max(state.turns[site] ?? pace.resumesAt, now - .seconds(1))
        guard turn <= now else { continue }
        let count = min(want, 1 + Int(turn.duration(to: now) / step))
        state.turns[site] = turn + step * count
        state.grants[site, default: 0] += count
      }
    }
  }

  /// Forgets what is over, and failures that nothing came of.
  package func tidy(now: ContinuousClock.Instant = .now) {
    state.withLockedValue { state in
      for (site, pace) in state.paces where pace.rate(at: now) == nil { state.forgetPace(site) }
      for (site, known) in state.unreachable where known.since.duration(to: now) > .seconds(3600) {
        state.unreachable[site] = nil
      }
      for site in Array(state.seen.keys) where state.seen[site]?.count(now: now) == 0 { state.seen[site] = nil }
      for site in Array(state.last.keys) where state.paces[site] == nil && state.unreachable[site] == nil {
        state.last[site] = nil
      }
    }
  }

  // MARK: What a database knows

  /// Takes over slowdowns that this worker does not know, and notes for which of them mail waits.
  /// - Returns: those that have recovered: their lanes can go.
  package func learn(_ known: [KnownSlowdown], database: Int, now: ContinuousClock.Instant = .now) -> [String] {
    let own = known.filter { $0.sources.contains(configuration.source) }
    return state.withLockedValue { state in
      state.waiting[database] = Set(own.map(\.site))
      var recovered: [String] = []
      for slowdown in own where state.paces[slowdown.site] == nil {
        let pace = SitePace(
          incident: slowdown.incident, category: slowdown.category, normal: slowdown.normal, rate: slowdown.rate,
          resumesAt: now + slowdown.pauseLeft, troubles: slowdown.times, recovery: configuration.slowdown.recovery)
        if pace.rate(at: now) == nil { recovered.append(slowdown.site) } else { state.set(pace, slowdown.site) }
      }
      return recovered
    }
  }

  /// What may be claimed from parked lanes; what is granted is spent by it.
  package func allowance(database: Int) -> ParkedAllowance {
    state.withLockedValue { state in
      var allowance = ParkedAllowance(source: configuration.source)
      for (site, pace) in state.paces {
        let mayTake = state.waiting[database]?.contains(site) ?? false
        let messages = mayTake ? state.grants[site] ?? 0 : 0
        if mayTake { state.grants[site] = nil }
        allowance.sites.append(.init(name: site, incident: pace.incident, messages: messages))
      }
      return allowance
    }
  }

  /// For gauges: sites that this worker takes for unreachable, and those that it slows down.
  package var counts: (down: Int, slowed: Int) {
    state.withLockedValue { state in (state.unreachable.values.count { $0.incident != nil }, state.paces.count) }
  }
}
