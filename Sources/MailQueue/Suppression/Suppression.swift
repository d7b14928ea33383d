internal import MailModel
package import Postgres

/// Why nothing is sent to an address.
package struct Suppression: Sendable, Hashable {
  package enum Reason: Int16, Sendable, Hashable, CaseIterable {
    /// An operator wants it so.
    case operatorsChoice = 0
    /// A mail server has said that it cannot be reached for good.
    case bounced = 1
    /// Its owner complained.
    case complained = 2

    /// For people and programs.
    package var name: String {
      switch self {
      case .operatorsChoice: "manual"
      case .bounced: "bounce"
      case .complained: "complaint"
      }
    }
  }

  /// nil: for all tenants.
  package let tenant: Int64?
  package let reason: Reason
  /// The category, the kind of complaint, or the operator's words.
  package let detail: String
  /// Schedule time.
  package let addedAt: Timestamp
  /// nil: until somebody removes it.
  package let expiresAt: Timestamp?

  /// Reads tenant, reason, detail, added_at and expires_at.
  init(_ result: PostgresResult, _ row: Int, firstColumn first: Int) throws(PostgresError) {
    let tenant = try result.int64(row, first)
    self.tenant = tenant == 0 ? nil : tenant
    reason = Reason(rawValue: try result.int16(row, first + 1)) ?? .operatorsChoice
    detail = result.text(row, first + 2)
    addedAt = try result.timestamp(row, first + 3)
    expiresAt = result.isNull(row, first + 4) ? nil : try result.timestamp(row, first + 4)
  }
}

/// What an attempt adds to the list.
package struct BounceSuppression: Sendable, Hashable {
  /// Of `getBounceInfo`.
  package let category: String
  /// Where the tenant has no choice of its own; zero: only where it has one.
  package let lifetime: Duration

  package init(category: String, lifetime: Duration) {
    self.category = category
    self.lifetime = lifetime
  }
}

/// What leads to an entry.
struct SuppressionCause {
  let message: QueueID
  let day: Day
  let recipient: Int32
  let reason: Suppression.Reason
  let detail: String
  let lifetime: Duration
}

/// The list of addresses that nothing is sent to: one for each tenant, and one for all.
package enum Suppressions {
  /// What belongs into the transaction that writes these outcomes; nothing in most cases.
  static func statements(for completed: [CompletedJob]) -> [PostgresStatement] {
    statements(
      completed.compactMap { done in
        done.suppression.map {
          SuppressionCause(
            message: done.job.message, day: done.job.day, recipient: done.job.recipient, reason: .bounced,
            detail: $0.category, lifetime: $0.lifetime)
        }
      })
  }

  static func statements(_ causes: [SuppressionCause]) -> [PostgresStatement] {
    guard !causes.isEmpty else { return [] }
    var parameters = PostgresParameters()
    parameters.append(causes.map { UUIDValue($0.message) })
    parameters.append(causes.map(\.day))
    parameters.append(causes.map(\.recipient))
    parameters.append(causes.map(\.reason.rawValue))
    parameters.append(causes.map(\.detail))
    parameters.append(causes.map(\.lifetime.wholeSeconds))
    return [
      PostgresStatement(
        "SELECT postrider.suppress($1::uuid[], $2::date[], $3::int[], $4::smallint[], $5::text[], $6::int[])",
        parameters)
    ]
  }

  /// Removes entries whose time is over, up to 500. It may be done twice.
  /// - Returns: how many went.
  package static func expire(_ connection: PostgresConnection) throws(PostgresError) -> Int {
    Int(try connection.query("SELECT postrider.expire_suppressions()").int32(0, 0))
  }
}
