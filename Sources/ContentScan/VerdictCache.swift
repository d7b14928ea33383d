import NIOConcurrencyHelpers

/// What was found lately, by the content that it was found in: at most so much, for so long.
final class VerdictCache<Key: Hashable & Sendable, Verdict: Sendable>: Sendable {
  private let entries = NIOLockedValueBox<[Key: (verdict: Verdict, end: ContinuousClock.Instant)]>([:])
  private let lifetime: Duration
  private let countMax: Int
  private let now: @Sendable () -> ContinuousClock.Instant

  init(lifetime: Duration, countMax: Int, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.lifetime = lifetime
    self.countMax = max(4, countMax)
    self.now = now
  }

  var count: Int { entries.withLockedValue(\.count) }

  subscript(_ key: Key) -> Verdict? {
    let moment = now()
    return entries.withLockedValue { entries in
      guard let entry = entries[key], entry.end > moment else { return nil }
      return entry.verdict
    }
  }

  func insert(_ verdict: Verdict, for key: Key) {
    let moment = now()
    entries.withLockedValue { entries in
      if entries.count >= countMax {
        entries = entries.filter { $0.value.end > moment }
        // A quarter at once, so that a full cache does not look through itself at each insertion.
        let excess = entries.count - countMax * 3 / 4
        if excess > 0 { for key in Array(entries.keys.prefix(excess)) { entries[key] = nil } }
      }
      entries[key] = (verdict, moment + lifetime)
    }
  }
}
