// When a recipient is tried again.
//
// A pure function: no clock, no random source, no state. The queue stores only how many attempts have failed, so a
// restart of everything changes nothing of the schedule. When the retry period ends is not decided here: it is fixed
// at acceptance.
package import BounceRules

/// The operator's choice (`retry.*`).
package struct RetrySchedule: Sendable, Hashable {
  /// The wait after the first failed attempt.
  package var first: Duration
  /// How much longer each wait is than the one before.
  package var factor: Double
  /// No wait is longer.
  package var max: Duration
  /// The share of a wait that chance may take away, 0 to 0.9.
  package var jitter: Double

  package init(
    first: Duration = .seconds(300), factor: Double = 2, max: Duration = .seconds(4 * 3600), jitter: Double = 0.2
  ) {
    self.first = first
    self.factor = factor
    self.max = max
    self.jitter = jitter
  }

  /// How long to wait for the next attempt.
  /// - Parameters:
  ///   - failures: failed attempts of this recipient so far, 1 after the first.
  ///   - pace: what kind of failure the last one was.
  ///   - random: a fresh random number in 0..<1. Chance only shortens a wait, so that recipients that failed together
  ///     do not come back together and no wait exceeds `max`.
  /// - Returns: at least a second, at most `max`.
  package func wait(afterFailures failures: Int, pace: RetryPace = .ordinary, random: Double) -> Duration {
    let step = Double(Swift.max(failures, 1) - 1)
    let longest = seconds(max)
    let grown = seconds(first) * pace.start * power(Swift.max(factor, 1), step)
    let whole = Swift.min(grown, longest)
    let chance = random.isNaN ? 0 : Swift.min(Swift.max(random, 0), 1)
    let share = jitter.isNaN ? 0 : Swift.min(Swift.max(jitter, 0), 0.9)
    let wait = Swift.max(whole * (1 - share * chance), Swift.min(1, longest))
    return .milliseconds(Int64(wait * 1000))
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

/// How the schedule begins, by kind of failure. All grow alike and meet at the same longest wait.
package enum RetryPace: String, Sendable, Hashable, CaseIterable {
  /// Trouble of our own that is likely to be over soon.
  case quick
  case ordinary
  /// The other side asked for less: at once again would make it worse.
  case slow
  /// Mailboxes empty and block lists forget in hours, not in minutes.
  case patient

  /// The first wait as a multiple of the ordinary one.
  package var start: Double {
    switch self {
    case .quick: 0.2
    case .ordinary: 1
    case .slow: 2
    case .patient: 6
    }
  }

  package init(for info: BounceInfo) {
    switch (info.category, info.detail) {
    case (_, .local): self = .quick
    case (.rateLimit, _), (_, .connectionRefused): self = .slow
    case (.mailboxFull, _), (.blocklist, _), (.auth, .login): self = .patient
    default: self = .ordinary
    }
  }
}
