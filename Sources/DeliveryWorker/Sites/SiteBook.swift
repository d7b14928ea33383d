package import MailModel
package import MailQueue
internal import NIOConcurrencyHelpers
package import RetryPolicy

/// What one worker knows of the sites in trouble: enough to go on without Redis, and for the database to be asked about
/// them alone. Nothing is kept of a site that is well, but how much went there in the last two seconds.
package final class SiteBook: Sendable {
  package enum Trouble: Sendable {
    case down(incident: Int64)
    case slowed(SitePace)

    package var incident: Int64 {
      switch self {
      case .down(let incident): incident
      case .slowed(let pace): pace.incident
      }
    }
  }

  /// What a delivery without a connection means.
  package enum Failure: Sendable, Hashable {
    /// It is this message's failure, as far as anybody knows.
    case counted
    /// The site is down from now on.
    case nowDown(incident: Int64)
    /// The site was down already: nothing was learnt about this message.
    case stillDown(incident: Int64)
  }

  fileprivate struct Unreachable {
    var failures = 0
    var incident: Int64?
    var since: ContinuousClock.Instant
  }


  fileprivate struct State {
    var unreachable: [String: Unreachable] = [:]
    var paces: [String: SitePace] = [:]
    var last: [String: Attempt] = [:]
    var seen: [String: RecentCompletions] = [:]
    /// Messages that may go to slowed sites now.
    var grants: [String: Int] = [:]
    /// Without Redis: when the next message may go.
    var turns: [String: ContinuousClock.Instant] = [:]
    /// By database: slowed sites for which mail waits.
    var waiting: [Int: Set<String>] = [:]
    /// Workers with the same sending address, as last heard.
    var workers = 1
  }

  private let state = NIOLockedValueBox(State())
  package let configuration: SiteConfiguration

  package init(_ configuration: SiteConfiguration) { self.configuration = configuration }

  private static func newIncident() -> Int64 { Int64.random(in: 1..<1_000_000_000_000) }

  // MARK: What deliveries ask and tell

  /// Why a site's mail has to wait; nil: it need not.
  package func trouble(of site: String, now: ContinuousClock.Instant = .now) -> Trouble? {
    state.withLockedValue { state in
      if let incident = state.unreachable[site]?.incident { return .down(incident: incident) }
      guard let pace = state.paces[site], pace.rate(at: now) != nil else { return nil }
      return .slowed(pace)
    }
  }

  /// What went wrong last at a site in trouble, as far as this worker has seen it.
  package func lastAttempt(_ site: String) -> Attempt? { state.withLockedValue { $0.last[site] } }

  /// A delivery found no connection to any of the site's hosts.
  package func failedToReach(_ site: String, _ attempt: Attempt, now: ContinuousClock.Instant = .now) -> Failure {
    state.withLockedValue { state in
      var known = state.unreachable[site] ?? Unreachable(since: now)
      defer { state.unreachable[site] = known }
      known.since = now
      known.failures += 1
      if let incident = known.incident { return .stillDown(incident: incident) }
      guard known.failures >= configuration.downAfter else { return .counted }
      let incident = Self.newIncident()
      known.incident = incident
      state.last[site] = attempt
      return .nowDown(incident: incident)
    }
  }

  /// Some server of the site has spoken.
  package func reached(_ site: String, messages: Int = 1, now: ContinuousClock.Instant = .now) {
    state.withLockedValue { state in
      if state.unreachable[site] != nil { state.unreachable[site] = nil }
      state.seen[site, default: RecentCompletions(now: now)].note(messages, now: now)
    }
  }

  /// The site said that it wants less.
  /// - Returns: nil when it was just told: the answer is to something that was sent before.
  package func slowDown(
    _ site: String, category: String, isListed: Bool, _ attempt: Attempt, now: ContinuousClock.Instant = .now
  ) -> SitePace? {
    let policy = configuration.slowdown
    return state.withLockedValue { state in
      let known = state.paces[site].flatMap { $0.rate(at: now) == nil ? nil : $0 }
      if let known, now < known.resumesAt { return nil }
      let seen = Double(state.seen[site]?.count(now: now) ?? 0) * 30 * Double(state.workers)
      var pace =
        known
        ?? SitePace(
          incident: Self.newIncident(), category: category, isListed: isListed, seen: seen, policy: policy, now: now)
      if known != nil { pace.slowDown(isListed: isListed, policy: policy, now: now) }
      state.set(pace, site)
      state.last[site] = attempt
      return pace
    }
  }

  /// An incident is over: somebody has lifted it, or a probe has come through.
  package func forget(_ site: String, incident: Int64) {
    state.withLockedValue { state in
      if state.unreachable[site]?.incident == incident { state.unreachable[site] = nil }
      if state.paces[site]?.incident == incident { state.forgetPace(site) }
      if state.unreachable[site] == nil, state.paces[site] == nil { state.last[site] = nil }
    }
  }

  // MARK: What all workers know

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
        if let own = state.paces[site], own != asked[site], own.incident == pace.incident, own.troubles > pace.troubles {
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

extension SiteBook.State {
  mutating func set(_ pace: SitePace, _ site: String) {
    // What was granted before another pause is not for after it.
    if let known = paces[site], known.resumesAt < pace.resumesAt, known.troubles != pace.troubles {
      grants[site] = nil
      turns[site] = nil
    }
    paces[site] = pace
  }

  mutating func forgetPace(_ site: String) {
    paces[site] = nil
    grants[site] = nil
    turns[site] = nil
  }
}
