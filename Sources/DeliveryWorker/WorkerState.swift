internal import NIOConcurrencyHelpers

/// What a worker is doing just now, for whoever watches it.
package final class WorkerState: Sendable {
  private let loops = NIOLockedValueBox<[ClaimLoop]>([])

  func begin(_ loops: [ClaimLoop]) { self.loops.withLockedValue { $0 = loops } }

  private func loop(_ database: Int) -> ClaimLoop? {
    loops.withLockedValue { $0.indices.contains(database) ? $0[database] : nil }
  }

  /// Since the last heartbeat that was answered was sent, and whether claims are certainly still this worker's; nil
  /// while there is no session.
  /// - Parameter database: its number in the order of the service's databases.
  package func lease(_ database: Int = 0) -> (age: Duration, holds: Bool)? {
    loop(database)?.sessions.living.map { ($0.age, $0.holds()) }
  }

  /// Recipients in flight.
  package func jobsInFlight(_ database: Int = 0) -> Int { loop(database)?.jobsInFlight ?? 0 }

  /// Outcomes that are known and not yet in the database.
  package func outcomesWaiting(_ database: Int = 0) -> Int { loop(database)?.outcomesWaiting ?? 0 }
}
