internal import CoreMetrics
internal import Cryptography
internal import MailModel
internal import NIOConcurrencyHelpers
package import NodeMetrics
package import Postgres

/// Makes messages durable in shared transactions: while one commits, whatever arrives waits and goes into the next.
///
/// A completion with a receipt is called only after COMMIT. When the answer to a COMMIT does not come, the
/// connection is dropped, nothing is cancelled, and the sender is told 451: the message may be queued all the
/// same, which is the lesser evil.
package final class MessageWriter: MessageEnqueuing {
  private struct Waiting: Sendable {
    let message: NewMessage
    /// Nobody waits for its receipt any longer.
    let deadline: ContinuousClock.Instant
    let completion: @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  }

  private struct State {
    var waiting: [Waiting] = []
    var writers = 0
  }

  /// Bounds of one transaction.
  package struct Limits: Sendable {
    package var messages = 64
    package var bytes = 8 << 20
    /// Larger messages get a transaction of their own that streams their chunks.
    package var sharedSizeMax = 1 << 20
    package var writers = 1
    /// Messages that may wait in memory before 451 is answered.
    package var waiting = 4096
    /// How long a small message may take from `enqueue` to its receipt; then it fails, and if its turn has not come yet it
    /// is not written. Large ones are bound by the connection's time limit for each of their statements.
    package var patience: Duration = .seconds(300)
    package init() {}
  }

  private let state = NIOLockedValueBox(State())
  private let pool: PostgresPool
  private let lanes = LaneDirectory()
  private let policy: EnqueuePolicy
  private let limits: Limits
  private let metrics: EnqueueMetrics

  /// - Parameter pool: has at least `limits.writers` threads, better one or two more for large messages.
  package init(
    pool: PostgresPool, policy: EnqueuePolicy, limits: Limits = Limits(), metrics: EnqueueMetrics = EnqueueMetrics()
  ) {
    self.metrics = metrics
    self.pool = pool
    self.policy = policy
    self.limits = limits
  }

  package func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    let waiting = Waiting(message: message, deadline: .now + limits.patience, completion: completion)
    if message.content.size > limits.sharedSizeMax { return enqueueAlone(waiting) }
    let (accepted, startWriter) = state.withLockedValue { state in
      guard state.waiting.count < limits.waiting else { return (false, false) }
      state.waiting.append(waiting)
      guard state.writers < limits.writers else { return (true, false) }
      state.writers += 1
      return (true, true)
    }
    guard accepted else { return completion(.failure(.unavailable("too many messages wait for the database"))) }
    if startWriter { pool.submit { self.drain($0) } }
  }

  private func enqueueAlone(_ waiting: Waiting) {
    pool.submit { connection in
      do {
        try self.stream(waiting.message, try connection.get())
        waiting.completion(.success(EnqueueReceipt(id: waiting.message.id, batch: 1)))
      } catch {
        waiting.completion(.failure(EnqueueFailure(error)))
      }
    }
  }

  /// Writes batches until nothing waits.
  private func drain(_ connection: Result<PostgresConnection, PostgresError>) {
    while true {
      guard let batch = nextBatch() else { return }
      if batch.isEmpty { continue }
      switch connection {
      case .success(let open):
        write(batch, open)
        // A broken connection must not answer for what comes next: the pool makes another.
        if !open.isOpen { return pool.submit { self.drain($0) } }
      case .failure(let error): for waiting in batch { waiting.completion(.failure(EnqueueFailure(error))) }
      }
    }
  }

  /// The next batch; nil when there is none: then this writer counts as gone.
  private func nextBatch() -> [Waiting]? {
    let (late, batch) = state.withLockedValue { state -> ([Waiting], [Waiting]?) in
      // A COMMIT that is sent in the last moment is given up at once, and leaves a server process behind.
      let usefulFrom = ContinuousClock.now + limits.patience / 8
      let late = Array(state.waiting.prefix { $0.deadline < usefulFrom })
      state.waiting.removeFirst(late.count)
      var bytes = 0
      var count = 0
      while count < min(state.waiting.count, limits.messages), count == 0 || bytes < limits.bytes {
        bytes += state.waiting[count].message.content.size
        count += 1
      }
      if count == 0, late.isEmpty {
        state.writers -= 1
        return ([], nil)
      }
      let batch = Array(state.waiting.prefix(count))
      state.waiting.removeFirst(count)
      return (late, batch)
    }
    for waiting in late { waiting.completion(.failure(.unavailable("the database has not answered in time"))) }
    return batch
  }

  /// Writes a batch, and after a failure its halves, until only the message at fault fails.
  private func write(_ batch: [Waiting], _ connection: PostgresConnection) {
    connection.deadline = batch.map(\.deadline).min()
    defer { connection.deadline = nil }
    do {
      try commit(batch.map(\.message), connection)
      for waiting in batch {
        waiting.completion(.success(EnqueueReceipt(id: waiting.message.id, batch: batch.count)))
      }
    } catch let error as PostgresError where error.sqlState == Self.misplaced {
      refuseMisplaced(batch, connection)
    } catch {
      guard batch.count > 1, mayBeOneMessage(error) else {
        for waiting in batch { waiting.completion(.failure(EnqueueFailure(error))) }
        return
      }
      write(Array(batch.prefix(batch.count / 2)), connection)
      write(Array(batch.dropFirst(batch.count / 2)), connection)
    }
  }

  /// Of `require_open`.
  static let misplaced = "PR004"

  /// Those whose tenants have been moved fail; the others are written without them.
  private func refuseMisplaced(_ batch: [Waiting], _ connection: PostgresConnection) {
    let closed = (try? EnqueueTransaction.closedGates(of: batch.map(\.message), connection)) ?? []
    // None: it has been opened meanwhile, or cannot be asked. Everybody comes again.
    let (kept, refused) =
      closed.isEmpty
      ? ([], batch)
      : (batch.filter { !closed.contains($0.message.gate) }, batch.filter { closed.contains($0.message.gate) })
    for waiting in refused { waiting.completion(.failure(.misplaced)) }
    if !kept.isEmpty { write(kept, connection) }
  }

  private func mayBeOneMessage(_ error: any Error) -> Bool {
    guard let error = error as? PostgresError else { return true }
    // Class 53: no resources; 57: intervention; 25: read-only; 23514: no partition. All messages would meet the same.
    let hopeless = ["53", "57", "25", "58", "23514"]
    return error.kind == .server && !hopeless.contains { error.sqlState?.hasPrefix($0) == true }
  }

  private func commit(_ messages: [NewMessage], _ connection: PostgresConnection) throws {
    let began = ContinuousClock.now
    try retrying {
      let ids = try lanes.ids(of: Set(messages.flatMap(\.laneNames)), connection)
      try connection.transaction(try EnqueueTransaction(messages, lanes: ids, policy: policy).statements)
    }
    metrics.enqueued(messages: messages.count, in: began.duration(to: .now))
  }

  private func stream(_ message: NewMessage, _ connection: PostgresConnection) throws {
    try retrying {
      let ids = try lanes.ids(of: Set(message.laneNames), connection)
      let cipher = BodyCipher(for: message.id)
      try connection.transaction {
        // Chunks first: the lanes' locks are held only for the short rest.
        for chunk in 0..<BodyCipher.chunkCount(size: message.content.size) {
          let statement = try EnqueueTransaction.chunk(chunk, of: message, cipher: cipher)
          _ = try connection.query(statement.sql, statement.parameters)
        }
        _ = try connection.pipeline(
          EnqueueTransaction.streamed(message, cipher: cipher, lanes: ids, policy: policy))
      }
    }
  }

  /// Once more after a deadlock, a serialization failure or a lane that was removed meanwhile.
  private func retrying(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as PostgresError where error.sqlState == "PR002" || error.sqlState?.hasPrefix("40") == true {
      lanes.forget()
      try body()
    }
  }
}

extension EnqueueFailure {
  init(_ error: any Error) {
    if let spill = error as? SpillFailure {
      self = spill.isDiskFull ? .full(spill.description) : .unavailable(spill.description)
      return
    }
    guard let error = error as? PostgresError else {
      self = .unavailable("\(error)")
      return
    }
    if error.sqlState == MessageWriter.misplaced {
      self = .misplaced
    } else if error.sqlState?.hasPrefix("53100") == true {
      self = .full(error.description)
    } else if error.blamesData {
      self = .unstorable(error.description)
    } else {
      self = .unavailable(error.description)
    }
  }
}
