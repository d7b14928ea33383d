package import MailModel
package import Postgres

/// A message that was held when it was accepted, and of which recipients still are.
package struct HeldMessage: Sendable {
  package let id: QueueID
  package let tenant: String
  package let acceptedAt: Timestamp
  package let expiresAt: Timestamp
  /// nil: the null reverse-path.
  package let sender: MailAddress?
  /// Recipients that are held now.
  package let recipients: Int
  package let size: Int
  package let reason: String
}

package enum HeldMessages {
  /// What waits for a person, the oldest first.
  ///
  /// Served by `message_held` and the primary key of `job`: it reads each message of the kept days that was ever held at its
  /// acceptance, until `limit` are found.
  /// - Parameter tenant: its name; nil for all.
  package static func list(tenant: String?, limit: Int32, _ connection: PostgresConnection) throws -> [HeldMessage] {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(limit)
    let result = try connection.query(
      """
      SELECT m.id, coalesce(t.name, m.tenant::text), m.accepted_at, m.expires_at, m.reverse_path, h.count, m.size_bytes,
        m.hold_reason
      FROM postrider.message m LEFT JOIN postrider.tenant t ON t.id = m.tenant
      CROSS JOIN LATERAL (
        SELECT count(*) FROM postrider.job j WHERE j.message = m.id AND j.held OFFSET 0) h
      WHERE m.hold_reason IS NOT NULL AND h.count > 0 AND ($1::text IS NULL OR t.name = $1::text)
      ORDER BY m.accepted_at, m.id LIMIT $2::int
      """, parameters)
    return try (0..<result.rowCount).map { row in
      HeldMessage(
        id: try result.uuid(row, 0).queueID, tenant: result.text(row, 1), acceptedAt: try result.timestamp(row, 2),
        expiresAt: try result.timestamp(row, 3),
        sender: result.isNull(row, 4) ? nil : MailAddress(trusted: result.text(row, 4)),
        recipients: Int(try result.int64(row, 5)), size: Int(try result.int64(row, 6)), reason: result.text(row, 7))
    }
  }
}
