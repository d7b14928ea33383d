internal import Cryptography
package import MailModel
package import Postgres

/// What a notice says about one recipient.
package struct NoticeRecipient: Sendable {
  package let recipient: Recipient
  package let hasExpired: Bool
  /// The attempt that explains its fate; one with a remote server's reply is preferred. nil: none was ever made.
  package let attempt: Attempt?
  /// When that was.
  package let lastAttempt: Timestamp
  /// How many have been made.
  package let attempts: Int
}

/// The message that a notice is about.
package struct NoticeSubject: Sendable {
  package let acceptedAt: Timestamp
  /// Until when it is tried.
  package let expiresAt: Timestamp
  package let reversePath: MailAddress
  package let envelopeID: String?
  /// `RET`.
  package let returned: ReturnedContent?
  package let recipients: [NoticeRecipient]
  /// The original's first bytes, header section included, or all of them; empty when it has been redacted.
  package let content: [UInt8]
  /// `content` is the whole message.
  package let isWhole: Bool
  /// What its tenant has chosen.
  package let choice: NoticeChoice
}

/// How a tenant wants its notices.
package struct NoticeChoice: Sendable, Hashable {
  /// nil: the node's.
  package let language: String?
  /// Own texts by language, the tenant's before those for all.
  package let templates: [String: String]
}

/// Reads what a notice needs to know.
package struct NoticeReading: Sendable {
  private let bodies: BodyStore
  private let wholeSizeMax: Int

  /// - Parameter wholeSizeMax: larger messages are not returned whole, whatever `RET` says. Bytes.
  package init(bodies: BodyStore, wholeSizeMax: Int) {
    self.bodies = bodies
    self.wholeSizeMax = wholeSizeMax
  }

  func subject(
    of pending: PendingNotice, _ kinds: [Int32: OutboxKind], _ connection: PostgresConnection
  ) throws -> NoticeSubject? {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(pending.message))
    parameters.append(pending.day)
    let message = try connection.query(
      """
      SELECT accepted_at, reverse_path, envelope_id, chunk_count, body_key, returned, size_bytes, expires_at,
        hold_reason IS NOT NULL
      FROM postrider.message WHERE id = $1::uuid AND day = $2::date
      """, parameters)
    guard message.rowCount == 1, !message.isNull(0, 1), let sender = MailAddress(trusted: message.text(0, 1)) else {
      return nil
    }
    let returned = message.isNull(0, 5) ? nil : ReturnedContent(rawValue: try message.int16(0, 5))
    let size = Int(try message.int64(0, 6))
    // RFC 3461 §4.3: RET is about failures only. What was held to be looked at does not leave as a notice either.
    let isWhole = try pending.kind == .failed && returned == .full && size <= wholeSizeMax && !message.bool(0, 8)
    let count = Int(try message.int32(0, 3))
    let content = try content(
      of: pending, chunks: isWhole ? count : 1, count: count, key: message.isNull(0, 4) ? nil : message.bytes(0, 4),
      connection)
    return NoticeSubject(
      acceptedAt: try message.timestamp(0, 0), expiresAt: try message.timestamp(0, 7), reversePath: sender,
      envelopeID: message.isNull(0, 2) ? nil : message.text(0, 2), returned: returned,
      recipients: try recipients(of: pending, kinds, connection), content: content ?? [],
      isWhole: isWhole && content != nil, choice: try choice(of: pending, connection))
  }

  /// - Returns: nil when it is gone or unreadable: the sender is told without it.
  private func content(
    of pending: PendingNotice, chunks: Int, count: Int, key: [UInt8]?, _ connection: PostgresConnection
  ) throws -> [UInt8]? {
    guard let key else { return nil }
    do {
      return try (0..<chunks).flatMap {
        try bodies.readChunk(
          $0, id: pending.message, day: pending.day, count: count, wrappedKey: key, connection)
      }
    } catch let error as PostgresError where error.kind != .decoding {
      throw error
    } catch {
      return nil
    }
  }

  /// By primary keys.
  private func choice(of pending: PendingNotice, _ connection: PostgresConnection) throws -> NoticeChoice {
    var parameters = PostgresParameters()
    parameters.append(pending.tenant)
    parameters.append(pending.kind.rawValue)
    let language = try connection.query(
      "SELECT notice_language FROM postrider.tenant WHERE id = $1::bigint AND $2::text <> ''", parameters)
    let texts = try connection.query(
      """
      SELECT n.language, n.source FROM postrider.notice_template n
      WHERE n.tenant IN (0, $1::bigint) AND n.kind = $2::text ORDER BY n.tenant
      """, parameters)
    var templates: [String: String] = [:]
    for row in 0..<texts.rowCount { templates[texts.text(row, 0)] = texts.text(row, 1) }
    let isChosen = language.rowCount == 1 && !language.isNull(0, 0)
    return NoticeChoice(language: isChosen ? language.text(0, 0) : nil, templates: templates)
  }

  /// The last outcome with a remote server's reply is preferred to our own words about a later failure.
  private func recipients(
    of pending: PendingNotice, _ kinds: [Int32: OutboxKind], _ connection: PostgresConnection
  ) throws -> [NoticeRecipient] {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(pending.message))
    parameters.append(pending.day)
    parameters.append(kinds.keys.sorted())
    parameters.append(pending.kind.outcomeKinds)
    let result = try connection.query(
      """
      SELECT r.recipient, m.recipients[r.recipient], m.notify[r.recipient], m.original_recipients[r.recipient],
        coalesce(o.at, m.accepted_at), o.message IS NOT NULL, o.reply_code, o.enhanced, o.reply, o.failure, o.stage,
        o.remote_name, o.remote_address, o.remote_port, coalesce(o.attempts, 0)::int
      FROM unnest($3::int[]) r(recipient)
      JOIN postrider.message m ON m.id = $1::uuid AND m.day = $2::date
      LEFT JOIN LATERAL (
        SELECT *, max(x.attempt) OVER () AS attempts FROM postrider.outcome x
        WHERE x.message = m.id AND x.day = m.day AND x.recipient = r.recipient AND x.kind = ANY ($4::smallint[])
          AND NOT x.late
        ORDER BY x.kind IN (2, 10) DESC, x.reply_code IS NOT NULL DESC, x.at DESC LIMIT 1) o ON true
      ORDER BY r.recipient
      """, parameters)
    return try (0..<result.rowCount).map { row in
      NoticeRecipient(
        recipient: try Claims.recipient(result, row, firstColumn: 1),
        hasExpired: kinds[try result.int32(row, 0)] == .expired,
        attempt: try result.bool(row, 5) ? try Self.attempt(result, row, firstColumn: 6) : nil,
        lastAttempt: try result.timestamp(row, 4), attempts: Int(try result.int32(row, 14)))
    }
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
