package import Postgres
package import MailModel

/// What is to be told about one recipient; the raw values are `outbox.kind`, and up to 3 those of `outcome.kind`.
package enum OutboxKind: Int16, Sendable, Hashable {
  /// A host took it that would report itself if it had been asked.
  case delivered = 0
  case delayed = 1
  case bounced = 2
  case expired = 3
  /// A host took it that reports nothing.
  case relayed = 4
}

/// What one notice is about: recipients of one message with the same fate share one.
package enum NoticeKind: String, Sendable, Hashable, CaseIterable {
  case failed, delayed, delivered, relayed

  var outboxKinds: [OutboxKind] {
    switch self {
    case .failed: [.bounced, .expired]
    case .delayed: [.delayed]
    case .delivered: [.delivered]
    case .relayed: [.relayed]
    }
  }

  /// The attempts that explain it, as `outcome.kind`.
  var outcomeKinds: [Int16] {
    switch self {
    case .failed: [1, 2, 10]
    case .delayed: [1]
    case .delivered, .relayed: [0]
    }
  }

  init(_ kind: OutboxKind) {
    self =
      switch kind {
      case .bounced, .expired: .failed
      case .delayed: .delayed
      case .delivered: .delivered
      case .relayed: .relayed
      }
  }
}

/// Something of one message that has to be told to its sender.
package struct PendingNotice: Sendable, Hashable {
  package let message: QueueID
  package let day: Day
  package let tenant: Int64
  package let kind: NoticeKind
}

/// Rows that say what is to be told. They are consumed in the transaction that queues the notice, so that each
/// enters exactly one.
package enum Outbox {
  /// Some rows, from the left.
  package struct Batch: Sendable {
    /// What can be told now: all recipients of the message are final, or the first row is a minute old.
    package var ready: [PendingNotice] = []
    /// Where the next batch begins; nil: this was the last one.
    package var next: Int64?
    /// Rows of one batch.
    package static let size = 500
  }

  /// Looks at up to `Batch.size` rows (primary key), with one probe of `job` for each message among them.
  /// - Parameter position: `next` of the batch before.
  package static func pending(from position: Int64 = 0, _ connection: PostgresConnection) throws(PostgresError) -> Batch
  {
    var parameters = PostgresParameters()
    parameters.append(position)
    parameters.append(Int32(Batch.size))
    let result = try connection.query(
      """
      WITH clock AS MATERIALIZED (
        SELECT postrider.schedule_now() AS moment
      ), batch AS MATERIALIZED (
        SELECT o.id, o.message, o.day, o.tenant, CASE o.kind WHEN 3 THEN 2::smallint ELSE o.kind END AS kind, o.created_at
        FROM postrider.outbox o WHERE o.id > $1::bigint ORDER BY o.id LIMIT $2::int
      ), subject AS MATERIALIZED (
        SELECT b.message, b.day, b.tenant, b.kind, min(b.created_at) AS first, max(b.id) AS last, count(*) AS rows
        FROM batch b GROUP BY b.message, b.day, b.tenant, b.kind
      )
      SELECT s.message, s.day, s.tenant, s.kind, s.last, s.rows, s.first <= c.moment - interval '1 minute'
        OR NOT EXISTS (SELECT FROM postrider.job j WHERE j.message = s.message)
      FROM clock c CROSS JOIN subject s ORDER BY s.first
      """, parameters)
    var batch = Batch()
    var rows: Int64 = 0
    for row in 0..<result.rowCount {
      batch.next = max(batch.next ?? 0, try result.int64(row, 4))
      rows += try result.int64(row, 5)
      guard try result.bool(row, 6), let kind = OutboxKind(rawValue: try result.int16(row, 3)) else { continue }
      batch.ready.append(
        PendingNotice(
          message: try result.uuid(row, 0).queueID, day: try result.day(row, 1), tenant: try result.int64(row, 2),
          kind: NoticeKind(kind)))
    }
    if rows < Batch.size { batch.next = nil }
    return batch
  }

  /// Consumes a message's rows of one kind and queues what `compose` makes of them, in one transaction.
  /// - Parameter compose: returns nil when nobody is to be told after all.
  /// - Returns: whether a notice was queued.
  package static func consume(
    _ pending: PendingNotice, guardedBy guardStatement: PostgresStatement, reading: NoticeReading,
    policy: EnqueuePolicy, _ connection: PostgresConnection, compose: (NoticeSubject) -> NewMessage?
  ) throws -> Bool {
    let lanes = LaneDirectory(rememberedMax: 16)
    return try connection.transaction {
      _ = try connection.query(guardStatement.sql, guardStatement.parameters)
      let kinds = try take(pending, connection)
      guard !kinds.isEmpty, let subject = try reading.subject(of: pending, kinds, connection),
        let notice = compose(subject)
      else { return false }
      let ids = try lanes.ids(of: Set(notice.laneNames), connection)
      _ = try connection.pipeline(EnqueueTransaction([notice], lanes: ids, policy: policy).statements)
      return true
    }
  }

  /// - Returns: what is to be told, by recipient. Who has arrived or failed meanwhile is not late any more.
  private static func take(_ pending: PendingNotice, _ connection: PostgresConnection) throws -> [Int32: OutboxKind] {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(pending.message))
    parameters.append(pending.kind.outboxKinds.map(\.rawValue))
    parameters.append(pending.kind == .delayed)
    let rows = try connection.query(
      """
      DELETE FROM postrider.outbox o WHERE o.message = $1::uuid AND o.kind = ANY ($2::smallint[])
      RETURNING o.recipient, o.kind, NOT $3::boolean OR EXISTS (
        SELECT FROM postrider.job j WHERE j.message = o.message AND j.recipient = o.recipient)
      """, parameters)
    var kinds: [Int32: OutboxKind] = [:]
    for row in 0..<rows.rowCount where try rows.bool(row, 2) {
      kinds[try rows.int32(row, 0)] = OutboxKind(rawValue: try rows.int16(row, 1))
    }
    return kinds
  }
}
