/// How much came to an end lately: a measure of how fast a destination is.
///
/// By Little's law what is under way is the rate times the time that each takes. So whoever has twice its recent
/// completions under way takes one to two seconds for each; less, and it could take more.
package struct RecentCompletions: Sendable {
  private var windowStart: ContinuousClock.Instant
  private var inWindow = 0
  private var inWindowBefore = 0

  package init(now: ContinuousClock.Instant) { windowStart = now }

  package mutating func note(_ count: Int, now: ContinuousClock.Instant) {
    advance(to: now)
    inWindow += count
  }

  /// Completions of the last one to two seconds.
  package mutating func count(now: ContinuousClock.Instant) -> Int {
    advance(to: now)
    return inWindow + inWindowBefore
  }

  private mutating func advance(to now: ContinuousClock.Instant) {
    let age = windowStart.duration(to: now)
    guard age >= .seconds(1) else { return }
    inWindowBefore = age < .seconds(2) ? inWindow : 0
    inWindow = 0
    windowStart = now
  }
}
