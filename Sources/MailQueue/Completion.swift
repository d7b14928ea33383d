package import MailModel
package import Postgres

/// What becomes of a job after an attempt.
package enum Disposition: Sendable, Hashable {
  case delivered
  /// Tried again after this long (schedule time).
  case deferred(Duration)
  /// Given up. `notify`: the sender is to be told.
  case bounced(notify: Bool)
  case expired(notify: Bool)
  /// Nothing was tried: back into the queue at once, at no cost.
  case handedBack
  /// Kept, but no longer tried until a person releases it.
  case held

  /// As stored in `outcome.kind`.
  package var code: Int16 {
    switch self {
    case .delivered: 0
    case .deferred: 1
    case .bounced: 2
    case .expired: 3
    case .held: 4
    case .handedBack: 5
    }
  }

  var delay: Duration { if case .deferred(let delay) = self { delay } else { .zero } }

  /// What the sender is to be told by itself; of a success only who knows the remote server can say.
  var told: OutboxKind? {
    switch self {
    case .bounced(notify: true): .bounced
    case .expired(notify: true): .expired
    default: nil
    }
  }
}

/// One attempt's end, to be made durable.
package struct CompletedJob: Sendable {
  package let job: Job
  package let tenant: Int64
  package let disposition: Disposition
  package let attempt: Attempt
  /// Of something delivered: what the sender is to be told, `.delivered` or `.relayed`.
  package let success: OutboxKind?
  /// The remote server says that this recipient cannot be reached any more: nothing shall be sent to it for a while.
  package var suppression: BounceSuppression?

  package init(
    job: Job, tenant: Int64, disposition: Disposition, attempt: Attempt, success: OutboxKind? = nil
  ) {
    self.job = job
    self.tenant = tenant
    self.disposition = disposition
    self.attempt = attempt
    self.success = success
  }

  var told: OutboxKind? { disposition == .delivered ? success : disposition.told }
}

package enum Completions {
  /// Writes outcomes in one transaction. A job is changed only where the claim's token still matches; otherwise
  /// the outcome is appended as late and nothing else happens.
  /// - Returns: how many were late.
  @discardableResult
  package static func write(_ completed: [CompletedJob], session: QueueID, _ connection: PostgresConnection) throws
    -> Int
  {
    // In key order, so that two transactions cannot wait for each other.
    let rows = completed.sorted { ($0.job.message, $0.job.recipient) < ($1.job.message, $1.job.recipient) }
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(session))
    parameters.append(rows.map { UUIDValue($0.job.message) })
    parameters.append(rows.map(\.job.recipient))
    parameters.append(rows.map(\.job.counter))
    parameters.append(rows.map(\.job.day))
    parameters.append(rows.map(\.job.attempt))
    parameters.append(rows.map(\.tenant))
    parameters.append(rows.map(\.disposition.code))
    parameters.append(rows.map(\.disposition.delay.microseconds))
    parameters.append(rows.map(\.told?.rawValue))
    OutcomeColumns(rows.map(\.attempt)).append(to: &parameters)
    let results = try connection.transaction([PostgresStatement(sql, parameters)] + Suppressions.statements(for: rows))
    guard let result = results.first, result.rowCount == 1 else { return 0 }
    return Int(try result.int64(0, 0))
  }

  #if POSTRIDER_UNSAFE_NO_FENCE
    // Only for the proof that `scripts/chaos` notices when this is missing.
    private static let isStillOurs = "($1::uuid IS NOT NULL)"
  #else
    private static let isStillOurs = "x.claim_session = $1::uuid AND x.claim_counter = i.counter"
  #endif

  /// One pass over the input finds and locks what is still ours; everything after it reads that result alone. No two
  /// sets are joined with each other: the planner knows the size of neither.
  private static let sql = """
    WITH clock AS MATERIALIZED (
      SELECT postrider.schedule_now() AS moment
    ), ended AS MATERIALIZED (
      SELECT i.*, j.lane, c.moment,
        CASE WHEN i.kind = 1 AND j.lane IS NOT NULL THEN c.moment + i.delay * interval '1 microsecond' END AS next_due
      FROM clock c CROSS JOIN unnest($2::uuid[], $3::int[], $4::bigint[], $5::date[], $6::smallint[], $7::bigint[],
        $8::smallint[], $9::bigint[], $10::smallint[], $11::smallint[], $12::smallint[], $13::text[], $14::bytea[],
        $15::bytea[], $16::text[], $17::int[], $18::text[], $19::text[], $20::boolean[], $21::int[], $22::text[])
      i(message, recipient, counter, day, attempt, tenant, kind, delay, told, stage, code, enhanced, reply,
        remote_name, remote_address, remote_port, tls_version, tls_cipher, tls_verified, duration, failure)
      -- In the input's order. No lane: the claim is no longer ours.
      LEFT JOIN LATERAL (
        SELECT x.lane FROM postrider.job x WHERE x.message = i.message AND x.recipient = i.recipient
          AND \(isStillOurs) FOR UPDATE) j ON true
    ), removed AS (
      DELETE FROM postrider.job j USING ended e
      WHERE j.message = e.message AND j.recipient = e.recipient AND e.lane IS NOT NULL AND e.kind IN (0, 2, 3)
    ), moved AS (
      UPDATE postrider.job j SET claim_session = NULL, claim_counter = NULL,
        crashes = CASE e.kind WHEN 5 THEN j.crashes ELSE 0 END,
        held = j.held OR e.kind = 4,
        attempt = least(j.attempt + CASE e.kind WHEN 5 THEN 0 ELSE 1 END, 32000),
        due = coalesce(e.next_due, j.due)
      FROM ended e
      WHERE j.message = e.message AND j.recipient = e.recipient AND e.lane IS NOT NULL AND e.kind IN (1, 4, 5)
    ), woken AS (
      UPDATE postrider.lane l SET wake_at = CASE WHEN l.parked_by IS NULL THEN d.due ELSE l.wake_at END,
        look_at = CASE WHEN l.parked_by IS NULL THEN l.look_at ELSE d.due END FROM (
        SELECT e.lane, min(coalesce(e.next_due, e.moment)) AS due
        FROM ended e WHERE e.lane IS NOT NULL AND e.kind IN (1, 5) GROUP BY e.lane ORDER BY e.lane) d
      WHERE l.id = d.lane AND NOT l.ready
        AND CASE WHEN l.parked_by IS NULL THEN l.wake_at ELSE l.look_at END > d.due
    ), told AS (
      INSERT INTO postrider.outbox (kind, recipient, day, message, tenant, created_at)
      SELECT e.told, e.recipient, e.day, e.message, e.tenant, e.moment
      FROM ended e WHERE e.lane IS NOT NULL AND e.told IS NOT NULL
    ), logged AS (
      INSERT INTO postrider.outcome (message, day, at, session, recipient, duration_ms, kind, stage, attempt,
        reply_code, remote_port, late, tls_verified, enhanced, tls_version, tls_cipher, remote_name, remote_address,
        reply, next_due, failure)
      SELECT e.message, e.day, e.moment, $1::uuid, e.recipient, e.duration, e.kind, e.stage, e.attempt + 1, e.code,
        e.remote_port, e.lane IS NULL, e.tls_verified, e.enhanced, e.tls_version, e.tls_cipher, e.remote_name,
        e.remote_address, e.reply, e.next_due, e.failure
      FROM ended e WHERE e.kind <> 5
    )
    SELECT count(*) FROM ended WHERE lane IS NULL
    """
}

/// The columns of `outcome` that say how an attempt went.
private struct OutcomeColumns {
  var stage: [Int16?] = []
  var code: [Int16?] = []
  var enhanced: [String?] = []
  var reply: [Bytea] = []
  var remoteName: [Bytea?] = []
  var remoteAddress: [String?] = []
  var remotePort: [Int32?] = []
  var tlsVersion: [String?] = []
  var tlsCipher: [String?] = []
  var tlsVerified: [Bool?] = []
  var duration: [Int32] = []
  var failure: [String?] = []

  init(_ attempts: [Attempt]) {
    for attempt in attempts {
      switch attempt.result {
      case .delivered(let reply): append(reply, stage: .finalDot)
      case .refused(let reply, let stage): append(reply, stage: stage)
      case .failed(let failure, let stage): append(text: failure.detail, stage: stage, failure: failure.name)
      case .notTried(let why): append(text: why, stage: nil)
      }
      let remote = attempt.remote
      remoteName.append(remote.map { Bytea($0.name) })
      remoteAddress.append(remote?.address)
      remotePort.append(remote.map { Int32(clamping: $0.port) })
      tlsVersion.append(remote?.tls?.version)
      tlsCipher.append(remote?.tls?.cipher)
      tlsVerified.append(remote?.tls?.verified)
      duration.append(Int32(clamping: attempt.duration.microseconds / 1000))
    }
  }

  private mutating func append(_ reply: Reply, stage: AttemptStage) {
    failure.append(nil)
    self.stage.append(stage.rawValue)
    code.append(Int16(clamping: reply.code))
    enhanced.append(reply.enhanced?.description)
    // Lines joined by LF; bytes as they came.
    self.reply.append(Bytea(Array(reply.lines.joined(separator: [10]).prefix(8192))))
  }

  private mutating func append(text: String, stage: AttemptStage?, failure: String? = nil) {
    self.failure.append(failure)
    self.stage.append(stage?.rawValue)
    code.append(nil)
    enhanced.append(nil)
    reply.append(Bytea(text))
  }

  func append(to parameters: inout PostgresParameters) {
    parameters.append(stage)
    parameters.append(code)
    parameters.append(enhanced)
    parameters.append(reply)
    parameters.append(remoteName)
    parameters.append(remoteAddress)
    parameters.append(remotePort)
    parameters.append(tlsVersion)
    parameters.append(tlsCipher)
    parameters.append(tlsVerified)
    parameters.append(duration)
    parameters.append(failure)
  }
}
