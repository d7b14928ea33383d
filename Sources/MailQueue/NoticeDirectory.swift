package import Postgres

/// What tenants have chosen about their notices, as an administrator changes it. Always in the home database;
/// `TenantCopies` brings it to the others. It blocks, as a command may.
package struct NoticeDirectory {
  private let connection: PostgresConnection

  package init(_ connection: PostgresConnection) { self.connection = connection }

  /// What one tenant has chosen; nil leaves it to the node's settings.
  package struct Choice: Sendable, Hashable {
    package let tenant: Int64
    package var language: String?
    /// Whole seconds; zero is never.
    package var delay: Duration?
    /// It wants to hear of success also where the sender said nothing.
    package var tellsSuccess: Bool
  }

  /// One text.
  package struct Template: Sendable, Hashable {
    package let kind: NoticeKind
    package let language: String
    package let source: String
    package let changedAt: Timestamp
  }

  /// - Returns: nil when there is no such tenant.
  package func choice(of tenant: String) throws(PostgresError) -> Choice? {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    let result = try connection.query(
      "SELECT id, notice_language, notice_delay, notice_success FROM postrider.tenant WHERE name = $1::text", parameters
    )
    guard result.rowCount == 1 else { return nil }
    return Choice(
      tenant: try result.int64(0, 0), language: result.isNull(0, 1) ? nil : result.text(0, 1),
      delay: result.isNull(0, 2) ? nil : .seconds(Int64(try result.int32(0, 2))), tellsSuccess: try result.bool(0, 3))
  }

  /// Holds for notices that are written from now on; the delay and success for mail that is accepted from now on.
  package func set(_ choice: Choice) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(choice.tenant)
    parameters.append(choice.language)
    parameters.append(choice.delay?.wholeSeconds)
    parameters.append(choice.tellsSuccess)
    _ = try connection.query(
      """
      UPDATE postrider.tenant SET notice_language = $2::text, notice_delay = $3::int, notice_success = $4::boolean
      WHERE id = $1::bigint
      """, parameters)
  }

  /// - Parameter tenant: 0 is for all that have none of their own.
  package func templates(of tenant: Int64) throws(PostgresError) -> [Template] {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    let result = try connection.query(
      """
      SELECT kind, language, source, changed_at FROM postrider.notice_template WHERE tenant = $1::bigint
      ORDER BY language, kind
      """, parameters)
    var templates: [Template] = []
    for row in 0..<result.rowCount {
      guard let kind = NoticeKind(rawValue: result.text(row, 0)) else { continue }
      templates.append(
        Template(
          kind: kind, language: result.text(row, 1), source: result.text(row, 2),
          changedAt: try result.timestamp(row, 3)))
    }
    return templates
  }

  /// Takes a text that has been checked.
  package func setTemplate(_ kind: NoticeKind, language: String, tenant: Int64, source: String) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(kind.rawValue)
    parameters.append(language)
    parameters.append(source)
    _ = try connection.query(
      """
      INSERT INTO postrider.notice_template (tenant, kind, language, source)
      VALUES ($1::bigint, $2::text, $3::text, $4::text)
      ON CONFLICT (tenant, kind, language) DO UPDATE SET source = excluded.source, changed_at = now()
      """, parameters)
  }

  /// - Returns: whether there was one.
  package func resetTemplate(_ kind: NoticeKind, language: String, tenant: Int64) throws(PostgresError) -> Bool {
    var parameters = PostgresParameters()
    parameters.append(tenant)
    parameters.append(kind.rawValue)
    parameters.append(language)
    return try connection.query(
      "DELETE FROM postrider.notice_template WHERE tenant = $1::bigint AND kind = $2::text AND language = $3::text",
      parameters
    ).affectedRows == 1
  }
}
