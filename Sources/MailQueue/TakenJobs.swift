internal import MailModel
internal import Postgres

/// What a claim tells of each job that it took: enough to read its message without looking for the job again.
struct TakenJobs {
  private(set) var messages: [QueueID] = []
  private(set) var recipients: [Int32] = []
  private var days: [Day] = []
  private var lanes: [Int64] = []
  private var attempts: [Int16] = []
  private var crashes: [Int16] = []

  /// Reads the only row's first six columns: arrays of equal length.
  init(_ result: PostgresResult) throws(PostgresError) {
    messages = try result.byteArrays(0, 0).compactMap { $0.flatMap { QueueID(bytes: $0) } }
    recipients = try result.integers(0, 1, as: Int32.self).compactMap(\.self)
    days = try result.days(0, 2).compactMap(\.self)
    lanes = try result.integers(0, 3, as: Int64.self).compactMap(\.self)
    attempts = try result.integers(0, 4, as: Int16.self).compactMap(\.self)
    crashes = try result.integers(0, 5, as: Int16.self).compactMap(\.self)
    let counts = [recipients.count, days.count, lanes.count, attempts.count, crashes.count]
    guard counts.allSatisfy({ $0 == messages.count }) else {
      throw PostgresError(.decoding, "a claim whose columns do not fit each other")
    }
  }

  /// Looks for jobs that are known by name only; those that have gone meanwhile are left out. Served by the primary key
  /// of `job`.
  init(claimed messages: [QueueID], _ recipients: [Int32], _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(messages.map { UUIDValue($0) })
    parameters.append(recipients)
    let result = try connection.query(
      """
      SELECT coalesce(array_agg(j.message), '{}'), coalesce(array_agg(j.recipient), '{}'),
        coalesce(array_agg(j.day), '{}'), coalesce(array_agg(j.lane), '{}'), coalesce(array_agg(j.attempt), '{}'),
        coalesce(array_agg(j.crashes), '{}')
      FROM unnest($1::uuid[], $2::int[]) u(message, recipient) CROSS JOIN LATERAL (
        SELECT x.* FROM postrider.job x WHERE x.message = u.message AND x.recipient = u.recipient OFFSET 0) j
      """, parameters)
    self = try Self(result)
  }

  /// The same six arrays as parameters.
  func append(to parameters: inout PostgresParameters) {
    parameters.append(messages.map { UUIDValue($0) })
    parameters.append(recipients)
    parameters.append(days)
    parameters.append(lanes)
    parameters.append(attempts)
    parameters.append(crashes)
  }
}
