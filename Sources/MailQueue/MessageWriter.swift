internal import Foundation
internal import Cryptography
internal import MailModel
internal import NIOConcurrencyHelpers
package import Postgres

/// Makes messages durable in shared transactions: while one commits, whatever arrives waits and goes into the next.
///
/// A completion with a receipt is called only after COMMIT. When the answer to a COMMIT does not come, the
/// connection is dropped, nothing is cancelled, and the sender is told 451: the message may be queued all the
/// same, which is the lesser evil.
package final class MessageWriter: MessageEnqueuing {
  private struct Waiting: Sendable {
    let message: NewMessage
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
    package var writers = Int(ProcessInfo.processInfo.environment["PR_WRITERS"] ?? "2") ?? 2
    /// Messages that may wait in memory before 451 is answered.
    package var waiting = 4096
    package init() {}
  }

  private let state = NIOLockedValueBox(State())
  private let pool: PostgresPool
  private let lanes = LaneDirectory()
  private let policy: EnqueuePolicy
  private let limits: Limits

  /// - Parameter pool: has at least `limits.writers` threads, better one or two more for large messages.
  package init(pool: PostgresPool, policy: EnqueuePolicy, limits: Limits = Limits()) {
    self.pool = pool
    self.policy = policy
    self.limits = limits
  }

  package func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    let waiting = Waiting(message: message, completion: completion)
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
      let batch = nextBatch()
      if batch.isEmpty { return }
      switch connection {
      case .success(let open):
        write(batch, open)
        // A broken connection must not answer for what comes next: the pool makes another.
        if !open.isOpen { return pool.submit { self.drain($0) } }
      case .failure(let error): for waiting in batch { waiting.completion(.failure(EnqueueFailure(error))) }
      }
    }
  }

  /// The next batch; when there is none this writer counts as gone.
  private func nextBatch() -> [Waiting] {
    state.withLockedValue { state in
      var bytes = 0
      var count = 0
      while count < min(state.waiting.count, limits.messages), count == 0 || bytes < limits.bytes {
        bytes += state.waiting[count].message.content.size
        count += 1
      }
      if count == 0 { state.writers -= 1 }
      let batch = Array(state.waiting.prefix(count))
      state.waiting.removeFirst(count)
      return batch
    }
  }

  /// Writes a batch, and after a failure its halves, until only the message at fault fails.
  private func write(_ batch: [Waiting], _ connection: PostgresConnection) {
    do {
      try commit(batch.map(\.message), connection)
      for waiting in batch {
        waiting.completion(.success(EnqueueReceipt(id: waiting.message.id, batch: batch.count)))
      }
    } catch {
      guard batch.count > 1, mayBeOneMessage(error) else {
        for waiting in batch { waiting.completion(.failure(EnqueueFailure(error))) }
        return
      }
      write(Array(batch.prefix(batch.count / 2)), connection)
      write(Array(batch.dropFirst(batch.count / 2)), connection)
    }
  }

  private func mayBeOneMessage(_ error: any Error) -> Bool {
    guard let error = error as? PostgresError else { return true }
    // Class 53: no resources; 57: intervention; 25: read-only; 23514: no partition. All messages would meet the same.
    let hopeless = ["53", "57", "25", "58", "23514"]
    return error.kind == .server && !hopeless.contains { error.sqlState?.hasPrefix($0) == true }
  }

  private func commit(_ messages: [NewMessage], _ connection: PostgresConnection) throws {
    try retrying {
      let ids = try lanes.ids(of: Set(messages.flatMap(\.laneNames)), connection)
      try connection.transaction(try EnqueueTransaction(messages, lanes: ids, policy: policy).statements)
    }
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
    if error.sqlState?.hasPrefix("53100") == true {
      self = .full(error.description)
    } else if error.blamesData {
      self = .unstorable(error.description)
    } else {
      self = .unavailable(error.description)
    }
  }
}
