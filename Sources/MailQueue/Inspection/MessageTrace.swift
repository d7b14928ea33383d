package import MailModel
package import Postgres

/// What has become of one recipient.
package enum RecipientState: Sendable, Hashable {
  /// Waits for its first attempt.
  case pending(due: Timestamp)
  /// A living worker session is at it.
  case inFlight(node: String, session: QueueID)
  /// Waits for another attempt.
  case deferred(until: Timestamp)
  /// Set aside until somebody releases it.
  case held
  case ended(OutcomeKind, at: Timestamp)
  /// Neither queued nor known to have ended.
  case unknown

  package var name: String {
    switch self {
    case .pending: "pending"
    case .inFlight: "in flight"
    case .deferred: "deferred"
    case .held: "held"
    case .ended(let kind, _): kind.name
    case .unknown: "unknown"
    }
  }

  package var isFinal: Bool {
    switch self {
    case .ended, .unknown: true
    case .pending, .inFlight, .deferred, .held: false
    }
  }
}

/// One line of the log of outcomes.
package struct TracedOutcome: Sendable {
  /// When it ended, schedule time.
  package let at: Timestamp
  /// The recipient's place in the envelope, from 1.
  package let recipient: Int32
  package let kind: OutcomeKind
  package let number: Int16
  package let attempt: Attempt
  /// The worker's node and session; nil where no worker did it.
  package let node: String?
  package let session: QueueID?
  /// The claim was no longer the worker's: noted, and nothing else happened.
  package let isLate: Bool
  package let nextDue: Timestamp?
}

/// Everything that is known about one message, as of one moment.
package struct MessageTrace: Sendable {
  package let facts: MessageFacts
  /// In the envelope's order.
  package let states: [RecipientState]
  /// In the order of time.
  package let outcomes: [TracedOutcome]
  /// Schedule time of the look.
  package let now: Timestamp

  package var isFinal: Bool { states.allSatisfy(\.isFinal) }

  /// When the last recipient ended; nil while one waits, or when no outcome tells.
  package var endedAt: Timestamp? {
    isFinal ? outcomes.last { $0.kind.isFinal && !$0.isLate }?.at : nil
  }

  /// Until when the body is kept; nil while a recipient waits, and when it is gone.
  package var bodyUntil: Timestamp? {
    guard let endedAt, !facts.isRedacted else { return nil }
    let hasFailed = outcomes.contains { !$0.isLate && ($0.kind == .bounced || $0.kind == .expired) }
    let retention = hasFailed ? facts.retention.bounced : facts.retention.body
    return Timestamp(microseconds: endedAt.microseconds + retention.microseconds)
  }

  /// The last outcome of a recipient; late ones count only where there is no other.
  package func lastOutcome(of recipient: Int) -> TracedOutcome? {
    let own = outcomes.filter { $0.recipient == Int32(recipient) }
    return own.last { !$0.isLate } ?? own.last
  }
}

extension MessageTrace {
  /// Reads all of it in one snapshot. Served by the primary keys of `message` and `job` and by `outcome_message` in
  /// the message's one partition: the cost is that of the message alone.
  /// - Returns: nil when there is no such message, or none any more.
  package static func find(_ id: QueueID, _ connection: PostgresConnection) throws -> MessageTrace? {
    try connection.transaction {
      _ = try connection.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
      guard let facts = try MessageFacts.find(id, connection) else { return nil }
      let outcomes = try outcomes(of: facts, connection)
      let now = try connection.query("SELECT postrider.schedule_now()").timestamp(0, 0)
      return MessageTrace(
        facts: facts, states: try states(of: facts, outcomes, connection), outcomes: outcomes, now: now)
    }
  }

  private static func states(
    of facts: MessageFacts, _ outcomes: [TracedOutcome], _ connection: PostgresConnection
  ) throws -> [RecipientState] {
    var states: [Int32: RecipientState] = [:]
    for outcome in outcomes where outcome.kind.isFinal && !outcome.isLate {
      states[outcome.recipient] = .ended(outcome.kind, at: outcome.at)
    }
    // What was taken over there, and came back.
    for outcome in outcomes where outcome.kind == .returned {
      guard case .ended(.delivered, _) = states[outcome.recipient] else { continue }
      states[outcome.recipient] = .ended(.returned, at: outcome.at)
    }
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(facts.id))
    let jobs = try connection.query(
      """
      SELECT j.recipient, j.due, j.attempt, j.held, s.id, s.node FROM postrider.job j
      LEFT JOIN postrider.worker_session s ON s.id = j.claim_session AND s.ended_at IS NULL
        AND j.claim_counter <> ALL (s.void_claims)
      WHERE j.message = $1::uuid
      """, parameters)
    for row in 0..<jobs.rowCount {
      let due = try jobs.timestamp(row, 1)
      let state: RecipientState
      if !jobs.isNull(row, 4) {
        state = .inFlight(node: jobs.text(row, 5), session: try jobs.uuid(row, 4).queueID)
      } else if try jobs.bool(row, 3) {
        state = .held
      } else {
        state = try jobs.int16(row, 2) == 0 ? .pending(due: due) : .deferred(until: due)
      }
      states[try jobs.int32(row, 0)] = state
    }
    return facts.envelope.recipients.indices.map { states[Int32($0 + 1)] ?? .unknown }
  }

  private static func outcomes(of facts: MessageFacts, _ connection: PostgresConnection) throws -> [TracedOutcome] {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(facts.id))
    parameters.append(facts.day)
    let result = try connection.query(
      """
      SELECT o.reply_code, o.enhanced, o.reply, o.failure, o.stage, o.remote_name, o.remote_address, o.remote_port,
        o.tls_version, o.tls_cipher, o.tls_verified, o.at, o.recipient, o.kind, o.attempt, o.duration_ms, o.session,
        s.node, o.late, o.next_due
      FROM postrider.outcome o LEFT JOIN postrider.worker_session s ON s.id = o.session
      WHERE o.message = $1::uuid AND o.day = $2::date ORDER BY o.at, o.recipient, o.attempt
      """, parameters)
    return try (0..<result.rowCount).map { row in
      TracedOutcome(
        at: try result.timestamp(row, 11), recipient: try result.int32(row, 12),
        kind: OutcomeKind(rawValue: try result.int16(row, 13)) ?? .handedBack, number: try result.int16(row, 14),
        attempt: try attempt(result, row), node: result.isNull(row, 17) ? nil : result.text(row, 17),
        session: result.isNull(row, 16) ? nil : try result.uuid(row, 16).queueID,
        isLate: try result.bool(row, 18), nextDue: result.isNull(row, 19) ? nil : try result.timestamp(row, 19))
    }
  }

  /// Reads the first eleven columns, and the duration.
  private static func attempt(_ result: PostgresResult, _ row: Int) throws -> Attempt {
    let stored = try NoticeReading.attempt(result, row, firstColumn: 0)
    let isUntried = result.isNull(row, 0) && result.isNull(row, 3)
    var tls: TLSFacts?
    if !result.isNull(row, 8) {
      let isVerified = try !result.isNull(row, 10) && result.bool(row, 10)
      tls = TLSFacts(version: result.text(row, 8), cipher: result.text(row, 9), verified: isVerified)
    }
    let remote = stored.remote.map { RemoteHost(name: $0.name, address: $0.address, port: $0.port, tls: tls) }
    return Attempt(
      result: isUntried ? .notTried(result.text(row, 2)) : stored.result, remote: remote,
      duration: .milliseconds(Int64(try result.int32(row, 15))))
  }
}
