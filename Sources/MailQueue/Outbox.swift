internal import Cryptography
package import MailModel
package import Postgres

/// Failures of one message that have to be told to its sender.
package struct PendingNotice: Sendable, Hashable {
  package let message: QueueID
  package let day: Day
  package let tenant: Int64
}

/// What a notice says about one recipient.
package struct NoticeRecipient: Sendable {
  package let recipient: Recipient
  package let hasExpired: Bool
  /// The last attempt; one with a remote server's reply is preferred. nil: none was ever made.
  package let attempt: Attempt?
  package let lastAttempt: Timestamp
}

/// The message that a notice is about.
package struct NoticeSubject: Sendable {
  package let acceptedAt: Timestamp
  package let reversePath: MailAddress
  package let envelopeID: String?
  package let smtpUTF8: Bool
  package let recipients: [NoticeRecipient]
  /// The original's first bytes, header section included; empty when it has been redacted.
  package let beginning: [UInt8]
}

/// Rows that say what is to be told. They are consumed in the transaction that queues the notice, so that each
/// enters exactly one.
package enum Outbox {
  /// Messages whose failures can be told now: all their recipients are final, or the first failure is a minute old.
  package static func pending(_ connection: PostgresConnection) throws(PostgresError) -> [PendingNotice] {
    let result = try connection.query(
      """
      WITH clock AS MATERIALIZED (SELECT postrider.schedule_now() AS moment)
      SELECT o.message, o.day, o.tenant FROM clock c CROSS JOIN postrider.outbox o WHERE o.kind IN (2, 3)
      GROUP BY o.message, o.day, o.tenant, c.moment
      HAVING min(o.created_at) <= c.moment - interval '1 minute'
        OR NOT EXISTS (SELECT FROM postrider.job j WHERE j.message = o.message)
      ORDER BY min(o.created_at) LIMIT 100
      """)
    var pending: [PendingNotice] = []
    for row in 0..<result.rowCount {
      pending.append(
        PendingNotice(
          message: try result.uuid(row, 0).queueID, day: try result.day(row, 1), tenant: try result.int64(row, 2)))
    }
    return pending
  }

  /// Consumes the rows of one message and queues what `compose` makes of them, in one transaction.
  /// - Parameter compose: returns nil when nobody is to be told after all.
  /// - Returns: whether a notice was queued.
  package static func consume(
    _ pending: PendingNotice, guardedBy guardStatement: PostgresStatement, bodies: BodyStore, policy: EnqueuePolicy,
    _ connection: PostgresConnection, compose: (NoticeSubject) -> NewMessage?
  ) throws -> Bool {
    let lanes = LaneDirectory(rememberedMax: 16)
    return try connection.transaction {
      _ = try connection.query(guardStatement.sql, guardStatement.parameters)
      var parameters = PostgresParameters()
      parameters.append(UUIDValue(pending.message))
      let rows = try connection.query(
        "DELETE FROM postrider.outbox WHERE message = $1::uuid AND kind IN (2, 3) RETURNING recipient, kind",
        parameters)
      var kinds: [Int32: Int16] = [:]
      for row in 0..<rows.rowCount { kinds[try rows.int32(row, 0)] = try rows.int16(row, 1) }
      guard !kinds.isEmpty, let subject = try subject(of: pending, kinds, bodies, connection),
        let notice = compose(subject)
      else { return false }
      let ids = try lanes.ids(of: Set(notice.laneNames), connection)
      _ = try connection.pipeline(EnqueueTransaction([notice], lanes: ids, policy: policy).statements)
      return true
    }
  }

  private static func subject(
    of pending: PendingNotice, _ kinds: [Int32: Int16], _ bodies: BodyStore, _ connection: PostgresConnection
  ) throws -> NoticeSubject? {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(pending.message))
    parameters.append(pending.day)
    let message = try connection.query(
      """
      SELECT accepted_at, reverse_path, envelope_id, smtp_utf8, chunk_count, body_key
      FROM postrider.message WHERE id = $1::uuid AND day = $2::date
      """, parameters)
    guard message.rowCount == 1, !message.isNull(0, 1), let sender = MailAddress(trusted: message.text(0, 1)) else {
      return nil
    }
    var beginning: [UInt8] = []
    if !message.isNull(0, 5) {
      do {
        beginning = try bodies.readChunk(
          0, id: pending.message, day: pending.day, count: Int(try message.int32(0, 4)),
          wrappedKey: message.bytes(0, 5), connection)
      } catch let error as PostgresError where error.kind != .decoding {
        throw error
      } catch {
        // Gone or unreadable: the sender is told without the original's header.
      }
    }
    return NoticeSubject(
      acceptedAt: try message.timestamp(0, 0), reversePath: sender,
      envelopeID: message.isNull(0, 2) ? nil : message.text(0, 2), smtpUTF8: try message.bool(0, 3),
      recipients: try recipients(of: pending, kinds, connection), beginning: beginning)
  }

  /// The last outcome with a remote server's reply is preferred to our own words about a later failure.
  private static func recipients(
    of pending: PendingNotice, _ kinds: [Int32: Int16], _ connection: PostgresConnection
  ) throws -> [NoticeRecipient] {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(pending.message))
    parameters.append(pending.day)
    parameters.append(kinds.keys.sorted())
    let result = try connection.query(
      """
      SELECT r.recipient, m.recipients[r.recipient], m.notify[r.recipient], m.original_recipients[r.recipient],
        coalesce(o.at, m.accepted_at), o.message IS NOT NULL, o.reply_code, o.enhanced, o.reply, o.failure, o.stage,
        o.remote_name, o.remote_address, o.remote_port
      FROM unnest($3::int[]) r(recipient)
      JOIN postrider.message m ON m.id = $1::uuid AND m.day = $2::date
      LEFT JOIN LATERAL (
        SELECT * FROM postrider.outcome x WHERE x.message = m.id AND x.day = m.day AND x.recipient = r.recipient
          AND x.kind IN (1, 2, 10)
        ORDER BY x.kind IN (2, 10) DESC, x.reply_code IS NOT NULL DESC, x.at DESC LIMIT 1) o ON true
      ORDER BY r.recipient
      """, parameters)
    var recipients: [NoticeRecipient] = []
    for row in 0..<result.rowCount {
      recipients.append(
        NoticeRecipient(
          recipient: try Claims.recipient(result, row, firstColumn: 1),
          hasExpired: kinds[try result.int32(row, 0)] == 3,
          attempt: try result.bool(row, 5) ? try attempt(result, row, firstColumn: 6) : nil,
          lastAttempt: try result.timestamp(row, 4)))
    }
    return recipients
  }

  /// Reads reply code, enhanced code, reply, failure, stage, remote name, address and port.
  static func attempt(_ result: PostgresResult, _ row: Int, firstColumn first: Int) throws -> Attempt {
    let stage = result.isNull(row, first + 4) ? nil : AttemptStage(rawValue: try result.int16(row, first + 4))
    let outcome: AttemptResult
    if result.isNull(row, first) {
      let failure = LocalFailure(name: result.text(row, first + 3), detail: result.text(row, first + 2))
      outcome = .failed(failure, stage ?? .route)
    } else {
      let enhanced = result.isNull(row, first + 1) ? nil : EnhancedStatus(result.text(row, first + 1))
      let lines = result.bytes(row, first + 2).split(separator: 10).map(Array.init)
      let reply = Reply(code: Int(try result.int16(row, first)), enhanced: enhanced, lines: lines)
      outcome = reply.isPositive ? .delivered(reply) : .refused(reply, stage ?? .finalDot)
    }
    guard !result.isNull(row, first + 5) else { return Attempt(result: outcome) }
    let remote = RemoteHost(
      name: result.text(row, first + 5), address: result.text(row, first + 6),
      port: result.isNull(row, first + 7) ? 0 : Int(try result.int32(row, first + 7)))
    return Attempt(result: outcome, remote: remote)
  }
}
