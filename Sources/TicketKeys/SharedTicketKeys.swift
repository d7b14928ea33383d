package import Cryptography
internal import Foundation
package import Logging
internal import Observability
package import Redis
internal import ServiceLifecycle
package import TLS

/// Keeps the keys of a server's session tickets the same in all acceptors, and young, so that a client resumes its
/// session whichever acceptor it reaches.
///
/// The keys are in Redis, wrapped by the master key; whoever finds one missing makes it. Without Redis the shared keys
/// last until they are too old, then a key of the process's own takes over; sessions then resume only where they
/// began. Nothing depends on it: a ticket that cannot be opened costs the client a full handshake.
package actor SharedTicketKeys: Service {
  private let tls: TLSContext
  private let stored: StoredTicketKeys
  private let rotation: Duration
  private let logger: Logger
  private let timeShift: @Sendable () -> Duration
  /// Redis' time in Unix milliseconds, and when it was told to us; at first a guess.
  private var redisTime: (now: Int64, told: ContinuousClock.Instant)
  private var shared = TicketKeyRing()
  /// Used while there is no shared key to seal with.
  private var own = TicketKeyRing()
  /// As it was last told; nil: not yet.
  private var isShared: Bool?
  /// A value in Redis that cannot be read, and since when it is known.
  private var unreadable: (value: StoredTicketKeys.Value, since: ContinuousClock.Instant)?

  /// - Parameters:
  ///   - tls: whose keys are set.
  ///   - rotation: how long one key seals; it opens for as long again.
  ///   - timeShift: added to the time of Redis, so that tests need not wait.
  package init(
    tls: TLSContext, redis: RedisClient, master: MasterKey, rotation: Duration, logger: Logger,
    timeShift: @escaping @Sendable () -> Duration = { .zero }
  ) {
    self.tls = tls
    stored = StoredTicketKeys(redis: redis, master: master)
    self.rotation = rotation
    self.logger = logger
    self.timeShift = timeShift
    redisTime = (Int64(Date().timeIntervalSince1970 * 1000), .now)
  }

  /// Looks after the keys until graceful shutdown or cancellation.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.refresh()
        try? await Task.sleep(for: await self.pause)
      }
    }
  }

  /// Waits a moment for Redis and takes the keys, so that already the first session can be resumed everywhere.
  package func begin() async {
    _ = await stored.redis.waitUntilConnected(limit: .seconds(1))
    await refresh()
  }

  /// Takes the keys from Redis, makes what is missing there, and sets what is to be used now.
  package func refresh() async {
    do throws(RedisError) {
      tell(try await exchange() ? nil : "they cannot be read")
    } catch {
      tell("\(error)")
    }
    apply()
  }
}

extension SharedTicketKeys {
  /// Rounded down: what we make begins, by Redis' clock, never after it was put there, and so has begun for everybody
  /// who reads it.
  private var now: Int64 { redisTime.now + (ContinuousClock.now - redisTime.told + timeShift()).wholeMilliseconds }
  private var rotationMilliseconds: Int64 { rotation.wholeMilliseconds }

  /// - Returns: false when what is in Redis cannot be read, and is not ours to replace yet.
  private func exchange() async throws(RedisError) -> Bool {
    let seen = try await stored.fetch()
    redisTime = (seen.now, .now)
    var ring = TicketKeyRing()
    switch stored.read(seen.value) {
    case .nothing: break
    case .ring(let found): ring = found
    case .unreadable(let reason):
      guard isAbandoned(seen.value, reason) else { return false }
    }
    if let renewed = ring.renewed(at: now, rotation: rotationMilliseconds) {
      let winner = try await stored.replace(seen.value, by: renewed, milliseconds: 3 * rotationMilliseconds)
      // A reply that was long on its way leaves our clock behind: what another has just made would begin later.
      redisTime = (winner.now, .now)
      guard case .ring(let found) = stored.read(winner.value) else { return false }
      ring = found
    }
    unreadable = nil
    shared = ring
    return true
  }

  /// Whether nobody has renewed an unreadable value for so long that there is nobody who can read it. Before that it
  /// may belong to acceptors with a newer master key file than ours.
  private func isAbandoned(_ value: StoredTicketKeys.Value, _ reason: String) -> Bool {
    let instant = ContinuousClock.now.advanced(by: timeShift())
    if let unreadable, unreadable.value == value { return instant - unreadable.since > rotation * 2 }
    unreadable = (value, instant)
    logger.warning("the ticket keys in Redis are ignored", metadata: .fields([.reason: reason]))
    return false
  }

  private func apply() {
    let (now, rotation) = (now, rotationMilliseconds)
    var sealing = shared.sealing(at: now, rotation: rotation)
    if sealing == nil {
      own = own.renewed(at: now, rotation: rotation) ?? own
      sealing = own.sealing(at: now, rotation: rotation)
    }
    let opening = (shared.opening(at: now, rotation: rotation) + own.opening(at: now, rotation: rotation)).map(\.key)
    guard let sealing else { return }
    tls.useTicketKeys([sealing.key] + opening.filter { $0 != sealing.key })
  }

  /// Says it once when it changes.
  private func tell(_ trouble: String?) {
    guard isShared != (trouble == nil) else { return }
    isShared = trouble == nil
    if let trouble {
      logger.warning("ticket keys are not shared for now", metadata: .fields([.reason: trouble]))
    } else {
      logger.info("ticket keys are shared")
    }
  }

  /// Until the next look: when a key begins, and often enough to learn of one, at different times in each process.
  private var pause: Duration {
    let look = min(isShared == true ? .seconds(60) : .seconds(2), rotation / 4) * Double.random(in: 0.5...1)
    guard let begins = [shared, own].compactMap({ $0.nextBeginning(after: now) }).min() else { return look }
    return min(look, .milliseconds(begins - now))
  }
}

extension Duration {
  fileprivate var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
