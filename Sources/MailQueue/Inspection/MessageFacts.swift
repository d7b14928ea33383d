package import MailModel
package import Postgres

/// What was true of a message when it was accepted.
package struct MessageFacts: Sendable {
  package let id: QueueID
  package let day: Day
  package let tenant: Int64
  package let tenantName: String?
  /// What the client logged in with; nil for the node's own notices.
  package let credential: String?
  package let acceptedAt: Timestamp
  package let expiresAt: Timestamp
  package let size: Int
  /// The SMTP session's id, and where it came from.
  package let session: String
  package let clientAddress: String
  package let envelope: Envelope
  /// The body's key has been destroyed: nobody can read it any more.
  package let isRedacted: Bool
  package let redactedAt: Timestamp?
  /// For how long the body is kept after the message's end.
  package let retention: Retention
  /// The message that this one is a notice about.
  package let noticeOf: QueueID?
  /// The notices that this one led to.
  package let notices: [QueueID]
  /// What content scanners found; nil: none was asked.
  package let scan: String?
  /// Why it was held when it was accepted; nil: it was not.
  package let holdReason: String?
}

extension MessageFacts {
  /// Finds a message by its id alone: one probe of the primary key in each day's partition, so the cost grows with
  /// the days that are kept, not with the mail. The notices are found by `message_notice_of`.
  /// - Returns: nil when there is no such message, or none any more.
  package static func find(_ id: QueueID, _ connection: PostgresConnection) throws -> MessageFacts? {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    let result = try connection.query(
      """
      SELECT m.day, m.tenant, t.name, c.name, m.accepted_at, m.expires_at, m.size_bytes, m.session, m.client_address,
        m.body_kind, m.returned, m.smtp_utf8, m.reverse_path, m.envelope_id, m.body_key IS NULL, m.notice_of,
        m.recipients, m.notify, m.original_recipients, m.redacted_at, m.retention, m.retention_bounced,
        m.scan, m.hold_reason
      FROM postrider.message m LEFT JOIN postrider.tenant t ON t.id = m.tenant
      LEFT JOIN postrider.credential c ON c.id = m.credential
      WHERE m.id = $1::uuid
      """, parameters)
    guard result.rowCount > 0 else { return nil }
    let notices = try connection.query(
      "SELECT n.id FROM postrider.message n WHERE n.notice_of = $1::uuid ORDER BY n.accepted_at, n.id", parameters)
    return MessageFacts(
      id: id, day: try result.day(0, 0), tenant: try result.int64(0, 1),
      tenantName: result.isNull(0, 2) ? nil : result.text(0, 2),
      credential: result.isNull(0, 3) ? nil : result.text(0, 3), acceptedAt: try result.timestamp(0, 4),
      expiresAt: try result.timestamp(0, 5), size: Int(try result.int64(0, 6)), session: result.text(0, 7),
      clientAddress: result.text(0, 8), envelope: try envelope(result), isRedacted: try result.bool(0, 14),
      redactedAt: result.isNull(0, 19) ? nil : try result.timestamp(0, 19),
      retention: Retention(
        body: .seconds(Int64(try result.int32(0, 20))), bounced: .seconds(Int64(try result.int32(0, 21)))),
      noticeOf: result.isNull(0, 15) ? nil : try result.uuid(0, 15).queueID,
      notices: try (0..<notices.rowCount).map { try notices.uuid($0, 0).queueID },
      scan: result.isNull(0, 22) ? nil : result.text(0, 22),
      holdReason: result.isNull(0, 23) ? nil : result.text(0, 23))
  }

  private static func envelope(_ result: PostgresResult) throws -> Envelope {
    let addresses = try result.byteArrays(0, 16)
    let notify = try result.integers(0, 17, as: Int16.self)
    let originals = try result.byteArrays(0, 18)
    guard addresses.count == notify.count, addresses.count == originals.count else {
      throw PostgresError(.decoding, "a message's recipients and their wishes differ in number")
    }
    let recipients = try addresses.indices.map { index in
      guard let address = addresses[index].flatMap({ MailAddress(trusted: String(decoding: $0, as: UTF8.self)) })
      else { throw PostgresError(.decoding, "a recipient without @") }
      return Recipient(
        address: address, notify: notify[index].map { NotifyConditions(rawValue: $0) },
        originalRecipient: originals[index].map { String(decoding: $0, as: UTF8.self) })
    }
    return Envelope(
      reversePath: result.isNull(0, 12) ? nil : MailAddress(trusted: result.text(0, 12)), recipients: recipients,
      body: BodyKind(rawValue: try result.int16(0, 9)) ?? .eightBit, smtpUTF8: try result.bool(0, 11),
      returned: result.isNull(0, 10) ? nil : ReturnedContent(rawValue: try result.int16(0, 10)),
      envelopeID: result.isNull(0, 13) ? nil : result.text(0, 13))
  }
}
