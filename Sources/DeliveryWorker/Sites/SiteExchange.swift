package import Logging
internal import NIOConcurrencyHelpers
package import Redis
package import RetryPolicy

/// Keeps a worker's book of slowed sites in step with all other workers', once a second, through Redis. Without Redis
/// the worker deals out by itself what it knows; when Redis is back it is used again.
package final class SiteExchange: Sendable {
  package let book: SiteBook
  private let shared: SharedPaces?
  private let logger: Logger
  private let isAlone = NIOLockedValueBox(false)
  private let wake: @Sendable () -> Void

  /// - Parameters:
  ///   - redis: nil: this worker is alone.
  ///   - wake: called when there is something to claim.
  package init(_ book: SiteBook, redis: RedisClient?, logger: Logger, wake: @escaping @Sendable () -> Void = {}) {
    self.book = book
    self.logger = logger
    self.wake = wake
    let worker = "\(UInt64.random(in: 0...UInt64.max))"
    shared = redis.map { SharedPaces(redis: $0, source: book.configuration.source, worker: worker) }
  }

  /// Until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval * Double.random(in: 0.9...1.1))
      if Task.isCancelled { return }
      await step()
    }
  }

  static let interval: Duration = .seconds(1)

  /// Tells Redis what is known and wanted, and takes its word.
  package func step() async {
    book.tidy()
    let ended = book.takeEnded()
    let (known, wants) = (book.paces, book.wants())
    guard let shared else { return book.grantLocally() }
    do {
      for (site, incident) in ended { try await shared.forget(site, incident: incident) }
      let answer = try await shared.exchange(known, wants: wants)
      book.take(answer.paces, asked: known, workers: answer.workers)
      note(isAlone: false)
    } catch {
      note(isAlone: true)
      book.grantLocally()
    }
    if !wants.isEmpty { wake() }
  }

  /// A trouble that this worker has just noted in its book.
  /// - Returns: the pace that holds for all.
  package func slowedDown(_ site: String, _ pace: SitePace, isListed: Bool) async -> SitePace {
    guard let shared,
      let agreed = try? await shared.note(site, pace, isListed: isListed, policy: book.configuration.slowdown)
    else { return pace }
    book.take(agreed, site)
    return agreed
  }

  private func note(isAlone new: Bool) {
    let old = isAlone.withLockedValue { old in
      defer { old = new }
      return old
    }
    guard old != new else { return }
    if new {
      logger.warning("Redis is away: slowed sites go by what this worker knows")
    } else {
      logger.info("slowed sites are shared through Redis again")
    }
  }
}
