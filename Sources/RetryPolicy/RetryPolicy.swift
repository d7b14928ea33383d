// When a recipient is tried again, and how fast a site is sent to after it asked for less.
//
// Pure functions: no clock, no random source, no state. The queue stores only how many attempts have failed, so a
// restart of everything changes nothing of the schedule. When the retry period ends is not decided here: it is fixed
// at acceptance.
package import BounceRules

/// The operator's choice (`retry.*`).
package struct RetrySchedule: Sendable, Hashable {
  /// The wait after the first failed attempt, where its cause has no wait of its own.
  package var first: Duration
  /// How much longer each wait is than the one before.
  package var factor: Double
  /// No wait is longer.
  package var max: Duration
  /// The share of a wait that chance may take away, 0 to 0.9.
  package var jitter: Double
  /// The waits of a cause after the first failed attempts, in rising order. After the last of them the ordinary
  /// schedule goes on, but no wait is shorter than that last one.
  package var waits: [RetryCause: [Duration]]

  package init(
    first: Duration = .seconds(300), factor: Double = 2, max: Duration = .seconds(4 * 3600), jitter: Double = 0.2,
    waits: [RetryCause: [Duration]] = RetryCause.usualWaits
  ) {
    self.first = first
    self.factor = factor
    self.max = max
    self.jitter = jitter
    self.waits = waits
  }

  /// How long to wait for the next attempt.
  /// - Parameters:
  ///   - failures: failed attempts of this recipient so far, 1 after the first, whatever their causes were.
  ///   - cause: what kind of failure the last one was.
  ///   - random: a fresh random number in 0..<1. Chance only shortens a wait, so that recipients that failed together
  ///     do not come back together and no wait exceeds `max`.
  /// - Returns: at least a second, at most `max`.
  package func wait(afterFailures failures: Int, cause: RetryCause = .other, random: Double) -> Duration {
    let longest = seconds(max)
    let whole = Swift.min(whole(Swift.max(failures, 1), waits[cause] ?? []), longest)
    let chance = random.isNaN ? 0 : Swift.min(Swift.max(random, 0), 1)
    let share = jitter.isNaN ? 0 : Swift.min(Swift.max(jitter, 0), 0.9)
    let wait = Swift.max(whole * (1 - share * chance), Swift.min(1, longest))
    return .milliseconds(Int64(wait * 1000))
  }

  private func whole(_ failures: Int, _ own: [Duration]) -> Double {
    if failures <= own.count { return seconds(own[failures - 1]) }
    let ordinary = seconds(first) * power(Swift.max(factor, 1), Double(failures - 1))
    return Swift.max(ordinary, own.last.map(seconds) ?? 0)
  }

  private func seconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return Double(seconds) + Double(attoseconds) / 1e18
  }

  /// `base` to a whole power; beyond what any wait can be it stops growing.
  private func power(_ base: Double, _ exponent: Double) -> Double {
    var (result, left) = (1.0, exponent)
    while left >= 1, result < 1e12, base > 1 {
      result *= base
      left -= 1
    }
    return result
  }
}

/// Kinds of failure that differ in how soon another attempt is worth it. The raw values are the names of the settings
/// `retry.waits.*`.
package enum RetryCause: String, Sendable, Hashable, CaseIterable {
  /// The server wants to see us again in some minutes.
  case greylist
  /// Mailboxes empty in hours.
  case mailboxFull = "mailbox_full"
  /// Lists forget in hours.
  case blocklist
  /// The other side asked for less: at once again would make it worse.
  case rateLimit = "rate_limit"
  /// No connection, or one that broke.
  case network
  case dns, tls
  /// The server says that it is not able just now.
  case system
  /// A relay refuses our login: a person has to do something.
  case login
  /// Trouble of our own, likely to be over soon.
  case local
  case other

  package init(for info: BounceInfo) {
    self =
      switch (info.category, info.detail) {
      case (_, .local): .local
      case (.auth, .login): .login
      case (.greylist, _): .greylist
      case (.mailboxFull, _): .mailboxFull
      case (.blocklist, _): .blocklist
      case (.rateLimit, _): .rateLimit
      case (.network, _): .network
      case (.dns, _): .dns
      case (.tls, _): .tls
      case (.system, _): .system
      default: .other
      }
  }

  /// The defaults of `retry.waits.*`; the causes that are not there have the ordinary schedule.
  package static let usualWaits: [RetryCause: [Duration]] = [
    // Greylisting asks for five minutes as a rule: shortened by chance, seven are still longer.
    .greylist: minutes(7, 15), .mailboxFull: minutes(60, 120, 240), .blocklist: minutes(30, 60, 120, 240),
    .rateLimit: minutes(15, 30, 60), .login: minutes(30, 60), .local: minutes(1, 2, 4),
  ]

  private static func minutes(_ numbers: Int...) -> [Duration] { numbers.map { .seconds(60 * $0) } }
}
