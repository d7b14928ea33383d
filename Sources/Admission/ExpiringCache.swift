/// Values that are good for a while, at most so many. Not safe between threads by itself.
struct ExpiringCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var entries: [Key: (value: Value, expiry: ContinuousClock.Instant)] = [:]
  private let lifetime: Duration
  private let countMax: Int

  init(lifetime: Duration, countMax: Int) {
    self.lifetime = lifetime
    self.countMax = max(4, countMax)
  }

  var count: Int { entries.count }

  func value(of key: Key, at now: ContinuousClock.Instant) -> Value? {
    guard let entry = entries[key], entry.expiry > now else { return nil }
    return entry.value
  }

  /// - Parameter now: when what the value says was true: its life counts from there.
  mutating func insert(_ value: Value, for key: Key, at now: ContinuousClock.Instant) {
    if entries.count >= countMax { makeRoom(at: now) }
    entries[key] = (value, now + lifetime)
  }

  /// A quarter at once, so that a full cache does not look through itself at each insertion.
  private mutating func makeRoom(at now: ContinuousClock.Instant) {
    entries = entries.filter { $0.value.expiry > now }
    let excess = entries.count - countMax * 3 / 4
    guard excess > 0 else { return }
    for key in Array(entries.keys.prefix(excess)) { entries[key] = nil }
  }
}
