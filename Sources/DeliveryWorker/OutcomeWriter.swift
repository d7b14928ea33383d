internal import CoreMetrics
package import Logging
package import MailQueue
internal import NIOConcurrencyHelpers
package import NodeMetrics
package import Postgres

/// Makes outcomes durable within milliseconds of the remote reply, many in one transaction, and keeps what could
/// not be written until the database is back: it is the only record of what remote servers have promised.
package final class OutcomeWriter: Sendable {
  private struct Entry: Sendable {
    let completed: CompletedJob
    let lease: WorkerLease
    let written: @Sendable (_ late: Bool) -> Void
  }

  private struct State {
    var waiting: [Entry] = []
    var isWriting = false
  }

  private let state = NIOLockedValueBox(State())
  private let pool: PostgresPool
  private let logger: Logger
  private let metrics: WorkerMetrics
  private let batchMax = 500

  /// - Parameter pool: one thread of it is used at a time.
  package init(pool: PostgresPool, logger: Logger, metrics: WorkerMetrics = WorkerMetrics()) {
    self.pool = pool
    self.metrics = metrics
    self.logger = logger
  }

  /// Outcomes that wait for their turn.
  package var waitingCount: Int { state.withLockedValue(\.waiting.count) }

  /// Waits until the outcomes are durable.
  /// - Returns: false when the claim was no longer ours and the outcomes were only noted as late.
  package func write(_ completed: [CompletedJob], lease: WorkerLease) async -> Bool {
    guard !completed.isEmpty else { return true }
    return await withCheckedContinuation { continuation in
      let isLate = NIOLockedValueBox((left: completed.count, late: false))
      let entries = completed.map { job in
        Entry(completed: job, lease: lease) { late in
          let done = isLate.withLockedValue { state -> Bool? in
            state.left -= 1
            state.late = state.late || late
            return state.left == 0 ? state.late : nil
          }
          if let done { continuation.resume(returning: !done) }
        }
      }
      let start = state.withLockedValue { state in
        state.waiting += entries
        defer { state.isWriting = true }
        return !state.isWriting
      }
      if start { pool.submit { self.drain($0) } }
    }
  }

  /// Writes one batch, and the next after a pause: as much again as this one took, so that under load the batches
  /// become larger instead of more.
  private func drain(_ connection: Result<PostgresConnection, PostgresError>) {
    let batch = nextBatch()
    if batch.isEmpty { return }
    let began = ContinuousClock.now
    let unwritten: (entries: [Entry], error: any Error)?
    switch connection {
    case .success(let connection): unwritten = write(batch, connection)
    case .failure(let error): unwritten = (batch, error)
    }
    if let unwritten {
      logger.warning(
        "outcomes wait for the database",
        metadata: ["count": "\(unwritten.entries.count)", "error": "\(unwritten.error)"])
      state.withLockedValue { $0.waiting = unwritten.entries + $0.waiting }
      // The connection is gone; a moment later the pool makes another.
      return drainLater(.milliseconds(200))
    }
    drainLater(min(began.duration(to: .now), Self.pauseMax))
  }

  private static let pauseMax: Duration = .milliseconds(5)

  private func drainLater(_ pause: Duration) {
    Task {
      try? await Task.sleep(for: pause)
      pool.submit { self.drain($0) }
    }
  }

  /// Entries of one session, in the order in which they came.
  private func nextBatch() -> [Entry] {
    state.withLockedValue { state in
      guard let first = state.waiting.first else {
        state.isWriting = false
        return []
      }
      var batch: [Entry] = []
      var rest: [Entry] = []
      for entry in state.waiting {
        if entry.lease === first.lease, batch.count < batchMax { batch.append(entry) } else { rest.append(entry) }
      }
      state.waiting = rest
      return batch
    }
  }

  /// A batch that the server refuses is split until one entry is at fault.
  /// - Returns: what is not written and may be later, with the reason; nil when all is done.
  private func write(_ batch: [Entry], _ connection: PostgresConnection) -> (entries: [Entry], error: any Error)? {
    guard let session = batch.first?.lease.id else { return nil }
    do {
      let began = ContinuousClock.now
      let late = try Completions.write(batch.map(\.completed), session: session, connection)
      metrics.completed(recipients: batch.count, in: began.duration(to: .now))
      for entry in batch { entry.written(late > 0) }
      return nil
    } catch let error as PostgresError where error.blamesData {
      guard batch.count > 1 else {
        let id = "\(batch[0].completed.job.message)"
        logger.error("an outcome cannot be stored", metadata: ["id": "\(id)", "error": "\(error)"])
        batch[0].written(true)
        return nil
      }
      let (first, second) = (Array(batch.prefix(batch.count / 2)), Array(batch.dropFirst(batch.count / 2)))
      if let rest = write(first, connection) { return (rest.entries + second, rest.error) }
      return write(second, connection)
    } catch {
      return (batch, error)
    }
  }
}
