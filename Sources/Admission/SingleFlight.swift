import NIOConcurrencyHelpers

/// Work that several ask for at the same time is done once, and all get its result.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let followers = NIOLockedValueBox<[Key: [CheckedContinuation<Value?, Never>]]>([:])

  /// The first caller does the work in its own task, the others wait for him.
  func run(_ key: Key, _ work: () async -> Value) async -> Value {
    let shared: Value? = await withCheckedContinuation { continuation in
      let leads = followers.withLockedValue { followers in
        guard followers[key] == nil else {
          followers[key]?.append(continuation)
          return false
        }
        followers[key] = []
        return true
      }
      if leads { continuation.resume(returning: nil) }
    }
    if let shared { return shared }
    let value = await work()
    for follower in followers.withLockedValue({ $0.removeValue(forKey: key) }) ?? [] {
      follower.resume(returning: value)
    }
    return value
  }

  /// How many wait for another's work.
  func followerCount(of key: Key) -> Int { followers.withLockedValue { $0[key]?.count ?? 0 } }
}
