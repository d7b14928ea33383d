package import MailModel
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

  struct Unreachable {
    var failures = 0
    var incident: Int64?
    var since: ContinuousClock.Instant
  }

  struct State {
    var unreachable: [String: Unreachable] = [:]
    var paces: [String: SitePace] = [:]
    var last: [String: Attempt] = [:]
    /// Any site.
    var reachedAt: ContinuousClock.Instant?
    var seen: [String: RecentCompletions] = [:]
    /// Messages that may go to slowed sites now.
    var grants: [String: Int] = [:]
    /// Without Redis: when the next message may go.
    var turns: [String: ContinuousClock.Instant] = [:]
    /// By database: slowed sites for which mail waits.
    var waiting: [Int: Set<String>] = [:]
    /// Incidents that are over, and that Redis has not been told of yet.
    var ended: [String: Int64] = [:]
    /// Workers with the same sending address, as last heard.
    var workers = 1
  }

  let state = NIOLockedValueBox(State())
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
      guard known.failures >= configuration.downAfter, !state.mayBeAlone(now) else { return .counted }
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
      state.reachedAt = now
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
      state.ended[site] = incident
      if state.unreachable[site] == nil, state.paces[site] == nil { state.last[site] = nil }
    }
  }
}

extension SiteBook.State {
  /// Several sites fail and none has answered lately: then it is rather this worker that has no network, and it must not
  /// tell the others that the world is down.
  func mayBeAlone(_ now: ContinuousClock.Instant) -> Bool {
    let lately = Duration.seconds(60)
    if let reachedAt, reachedAt.duration(to: now) < lately { return false }
    return unreachable.values.count { $0.since.duration(to: now) < lately } >= 3
  }

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
