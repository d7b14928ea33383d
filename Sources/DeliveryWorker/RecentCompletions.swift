/// How much came to an end in the last two seconds: a measure of how fast a destination is.
///
/// By Little's law what is under way is the rate times the time that each takes. So whoever has twice as much under
/// way as it completed in two seconds takes four seconds for each.
struct RecentCompletions: Sendable {
  /// Quarters of a second, by the number of the quarter; what is older is overwritten.
  private var quarters = [Int](repeating: 0, count: 8)
  private var newest = 0
  private let start: ContinuousClock.Instant

  init(now: ContinuousClock.Instant) { start = now }

  mutating func note(_ count: Int, now: ContinuousClock.Instant) {
    advance(to: now)
    quarters[newest % quarters.count] += count
  }

  mutating func count(now: ContinuousClock.Instant) -> Int {
    advance(to: now)
    return quarters.reduce(0, +)
  }

  private mutating func advance(to now: ContinuousClock.Instant) {
    let quarter = Int(start.duration(to: now) / .milliseconds(250))
    guard quarter > newest else { return }
    for passed in max(newest + 1, quarter - quarters.count + 1)...quarter { quarters[passed % quarters.count] = 0 }
    newest = quarter
  }
}
