package import MailModel
package import Postgres

/// The right to attempt one recipient's delivery, as long as the session lives and nobody took it away.
package struct Job: Sendable, Hashable {
  package let message: QueueID
  /// The recipient's place in the message, from 1.
  package let recipient: Int32
  package let day: Day
  package let lane: Int64
  /// Attempts that have ended with an outcome.
  package let attempt: Int16
  /// Claims in a row that ended without one.
  package let crashes: Int16
  /// Together with the session this is the claim's token.
  package let counter: Int64
}

/// A claimed message: what is needed to send it to the claimed recipients.
package struct ClaimedMessage: Sendable {
  package let id: QueueID
  package let day: Day
  package let tenant: Int64
  package let acceptedAt: Timestamp
  package let expiresAt: Timestamp
  /// Only the claimed recipients, in the order of `jobs`.
  package let envelope: Envelope
  package let size: Int
  package let chunkCount: Int
  /// nil when the body has been redacted.
  package let wrappedKey: [UInt8]?
  package let jobs: [Job]
  /// nil: it goes out with its sender's own address.
  package let returnPath: ReturnPathChoice?
  /// Of each job: why nothing is sent to its recipient; nil: nothing speaks against it.
  package var suppressions: [Suppression?]
}

/// Where reports about a message shall come back to.
package struct ReturnPathChoice: Sendable, Hashable {
  package let host: String
  /// Each recipient has a transaction of its own.
  package let isForEach: Bool
}

/// What a claim has brought.
package struct ClaimedBatch: Sendable {
  package var messages: [ClaimedMessage] = []
  /// Jobs whose message is not there or cannot be read: nobody could ever deliver them. They are held from now on,
  /// and whoever claimed them has to raise an alarm.
  package var held: [HeldJob] = []
}

/// A job that was held because its message cannot be read.
package struct HeldJob: Sendable, Hashable {
  package let message: QueueID
  package let recipient: Int32

  package init(message: QueueID, recipient: Int32) {
    self.message = message
    self.recipient = recipient
  }
}

/// Takes jobs for a worker session.
package enum Claims {
  /// Claims about `rowsMax` due jobs in fair order: up to 100 siblings of a message that the limit cut through come
  /// along. Durable when it returns.
  /// - Parameters:
  ///   - cursor: what the worker remembers from claim to claim.
  ///   - rooms: how much each destination may get.
  /// - Throws: SQLSTATE `PR001` when the session has ended.
  package static func take(
    session: QueueID, counter: Int64, cursor: inout FairCursor, rooms: DestinationRooms = DestinationRooms(),
    rowsMax: Int, _ connection: PostgresConnection
  ) throws -> ClaimedBatch {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(session))
    parameters.append(counter)
    cursor.append(to: &parameters)
    parameters.append(Array(rooms.rooms.keys))
    parameters.append(rooms.rooms.values.map { Int32(clamping: $0) })
    parameters.append(Int32(clamping: rooms.other))
    parameters.append(rooms.paused)
    parameters.append(Int32(rowsMax))
    let claim = try connection.query(
      """
      SELECT messages, recipients, days, lanes, attempts, crashes, next_tenant, has_grant, visited_tenants,
        visited_credits, visited_lanes, visited_lane_rows
      FROM postrider.claim_due_jobs($1::uuid, $2::bigint, $3::bigint, $4::boolean, $5::bigint[], $6::int[], $7::bigint[],
        $8::int[], $9::text[], $10::int[], $11::int, $12::text[], $13::int)
      """, parameters)
    try cursor.advance(claim, firstColumn: 6)
    return try batch(try TakenJobs(claim), session: session, counter: counter, connection)
  }

  /// Reads what was claimed, and holds what cannot be read.
  static func batch(_ taken: TakenJobs, session: QueueID, counter: Int64, _ connection: PostgresConnection) throws
    -> ClaimedBatch
  {
    guard !taken.messages.isEmpty else { return ClaimedBatch() }
    let readable = try details(taken, counter: counter, connection)
    let missing = Set(zip(taken.messages, taken.recipients).map { HeldJob(message: $0, recipient: $1) })
      .subtracting(readable.flatMap(\.jobs).map { HeldJob(message: $0.message, recipient: $0.recipient) })
    if missing.isEmpty { return ClaimedBatch(messages: readable) }
    return ClaimedBatch(
      messages: readable, held: try hold(missing, session: session, counter: counter, connection))
  }

  /// Hands one claim from one session to another without ever leaving it free: for a message that is delivered alone.
  /// - Parameter from: the sessions that may hold it.
  /// - Returns: nil when none of them does.
  /// - Throws: of kind `.decoding` when its message cannot be read; then it is held.
  package static func takeOver(
    _ message: QueueID, _ recipient: Int32, from holders: [QueueID], to session: QueueID, counter: Int64,
    _ connection: PostgresConnection
  ) throws -> ClaimedMessage? {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(session))
    parameters.append(counter)
    parameters.append(UUIDValue(message))
    parameters.append(recipient)
    parameters.append(holders.map { UUIDValue($0) })
    // The share lock holds off whoever wants to end the session just now.
    let claim = try connection.query(
      """
      WITH living AS (
        SELECT s.id FROM postrider.worker_session s WHERE s.id = $1::uuid AND s.ended_at IS NULL FOR SHARE
      )
      UPDATE postrider.job j SET claim_session = l.id, claim_counter = $2::bigint FROM living l
      WHERE j.message = $3::uuid AND j.recipient = $4::int AND j.claim_session = ANY ($5::uuid[])
        AND EXISTS (SELECT FROM postrider.worker_session h WHERE h.id = j.claim_session AND h.ended_at IS NULL)
      RETURNING ARRAY[j.message], ARRAY[j.recipient], ARRAY[j.day], ARRAY[j.lane], ARRAY[j.attempt], ARRAY[j.crashes]
      """, parameters)
    guard claim.rowCount == 1 else { return nil }
    if let found = try details(try TakenJobs(claim), counter: counter, connection).first { return found }
    let held = try hold(
      [HeldJob(message: message, recipient: recipient)], session: session, counter: counter, connection)
    if held.isEmpty { return nil }
    throw PostgresError(.decoding, "the message of a queued recipient cannot be read; it is held")
  }

  /// Holds what is still claimed by this token: between the claim and the look at the message somebody else may have
  /// got it, and ended it. Served by the primary key of `job`.
  private static func hold(
    _ jobs: some Collection<HeldJob>, session: QueueID, counter: Int64, _ connection: PostgresConnection
  ) throws -> [HeldJob] {
    let ordered = jobs.sorted { ($0.message, $0.recipient) < ($1.message, $1.recipient) }
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(session))
    parameters.append(counter)
    parameters.append(ordered.map { UUIDValue($0.message) })
    parameters.append(ordered.map(\.recipient))
    let result = try connection.query(
      """
      UPDATE postrider.job j SET held = true, claim_session = NULL, claim_counter = NULL
      FROM unnest($3::uuid[], $4::int[]) u(message, recipient)
      WHERE j.message = u.message AND j.recipient = u.recipient
        AND j.claim_session = $1::uuid AND j.claim_counter = $2::bigint
      RETURNING j.message, j.recipient
      """, parameters)
    return try (0..<result.rowCount).map {
      HeldJob(message: try result.uuid($0, 0).queueID, recipient: try result.int32($0, 1))
    }
  }

  /// Reads what the claimed jobs need; what is not there or cannot be read is left out. Served by the primary keys of
  /// the message's one partition and of `suppression`.
  private static func details(_ taken: TakenJobs, counter: Int64, _ connection: PostgresConnection) throws
    -> [ClaimedMessage]
  {
    var parameters = PostgresParameters()
    taken.append(to: &parameters)
    let result = try connection.query(
      """
      SELECT j.message, j.recipient, j.day, j.lane, j.attempt, j.crashes,
        m.tenant, m.accepted_at, m.expires_at, m.size_bytes, m.chunk_count, m.body_kind, m.returned, m.smtp_utf8,
        m.reverse_path, m.envelope_id, m.body_key,
        m.recipients[j.recipient], m.notify[j.recipient], m.original_recipients[j.recipient],
        m.return_path_host, m.return_path_each, s.tenant, s.reason, s.detail, s.added_at, s.expires_at
      FROM unnest($1::uuid[], $2::int[], $3::date[], $4::bigint[], $5::smallint[], $6::smallint[])
        j(message, recipient, day, lane, attempt, crashes)
      CROSS JOIN LATERAL (
        SELECT x.* FROM postrider.message x WHERE x.id = j.message AND x.day = j.day OFFSET 0) m
      -- Notices are answers to what the address's owner has sent: they go out, or nobody would hear why mail is held up.
      LEFT JOIN LATERAL (
        SELECT x.* FROM postrider.suppression x
        WHERE m.reverse_path IS NOT NULL AND x.address = postrider.suppression_key(m.recipients[j.recipient])
          AND x.tenant = ANY (ARRAY[0, m.tenant])
          AND (x.expires_at IS NULL OR x.expires_at > postrider.schedule_now())
        -- One that was learned from a bounce last: it does not hold for mailboxes that are here, where others do.
        ORDER BY x.reason = 1, x.tenant DESC LIMIT 1) s ON true
      ORDER BY j.message, j.lane, j.recipient
      """, parameters)
    var claimed: [ClaimedMessage] = []
    var row = 0
    while row < result.rowCount {
      var end = row + 1
      while end < result.rowCount, try result.uuid(end, 0) == result.uuid(row, 0),
        try result.int64(end, 3) == result.int64(row, 3)
      {
        end += 1
      }
      // One damaged row must not keep all the others of a claim from being delivered.
      if let message = try? message(result, row..<end, counter: counter) { claimed.append(message) }
      row = end
    }
    return claimed
  }

  private static func message(_ result: PostgresResult, _ rows: Range<Int>, counter: Int64) throws -> ClaimedMessage {
    let row = rows.lowerBound
    var jobs: [Job] = []
    var recipients: [Recipient] = []
    var suppressions: [Suppression?] = []
    for row in rows {
      suppressions.append(result.isNull(row, 22) ? nil : try Suppression(result, row, firstColumn: 22))
      jobs.append(
        Job(
          message: try result.uuid(row, 0).queueID, recipient: try result.int32(row, 1), day: try result.day(row, 2),
          lane: try result.int64(row, 3), attempt: try result.int16(row, 4), crashes: try result.int16(row, 5),
          counter: counter))
      recipients.append(try recipient(result, row, firstColumn: 17))
    }
    let envelope = Envelope(
      reversePath: result.isNull(row, 14) ? nil : MailAddress(trusted: result.text(row, 14)), recipients: recipients,
      body: BodyKind(rawValue: try result.int16(row, 11)) ?? .eightBit, smtpUTF8: try result.bool(row, 13),
      returned: result.isNull(row, 12) ? nil : ReturnedContent(rawValue: try result.int16(row, 12)),
      envelopeID: result.isNull(row, 15) ? nil : result.text(row, 15))
    return ClaimedMessage(
      id: try result.uuid(row, 0).queueID, day: try result.day(row, 2), tenant: try result.int64(row, 6),
      acceptedAt: try result.timestamp(row, 7), expiresAt: try result.timestamp(row, 8), envelope: envelope,
      size: Int(try result.int64(row, 9)), chunkCount: Int(try result.int32(row, 10)),
      wrappedKey: result.isNull(row, 16) ? nil : result.bytes(row, 16), jobs: jobs,
      returnPath: result.isNull(row, 20)
        ? nil : ReturnPathChoice(host: result.text(row, 20), isForEach: try result.bool(row, 21)),
      suppressions: suppressions)
  }

  /// Reads address, notify and original recipient from three columns.
  static func recipient(_ result: PostgresResult, _ row: Int, firstColumn: Int) throws -> Recipient {
    guard let address = MailAddress(trusted: result.text(row, firstColumn)) else {
      throw PostgresError(.decoding, "a recipient without @")
    }
    return Recipient(
      address: address,
      notify: result.isNull(row, firstColumn + 1)
        ? nil : NotifyConditions(rawValue: try result.int16(row, firstColumn + 1)),
      originalRecipient: result.isNull(row, firstColumn + 2) ? nil : result.text(row, firstColumn + 2))
  }
}
