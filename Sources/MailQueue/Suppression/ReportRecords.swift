internal import Cryptography
package import MailModel
package import Postgres

/// The message that a report came back about, with all that is needed to tell whom the report means.
package struct ReportedMessage: Sendable {
  package let tenant: Int64
  /// nil: nobody is ever told about it.
  package let reversePath: MailAddress?
  package let recipients: [Recipient]
}

/// What a report says about one recipient, ready to be recorded.
package struct RecordedReport: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// It was not delivered, after all. The category is of `getBounceInfo`; `isForGood`: the address cannot be reached.
    case returned(category: String, isForGood: Bool)
    /// Its owner complained; the kind is the report's word for it.
    case complained(kind: String)
    /// Anything else: it is written down.
    case other
  }

  /// The recipient's place, from 1; nil: nobody knows which of several it was.
  package let recipient: Int32?
  package let kind: Kind
  /// The other server's words, or ours about a report of another kind.
  package let words: String

  package init(recipient: Int32?, kind: Kind, words: String) {
    self.recipient = recipient
    self.kind = kind
    self.words = words
  }

  var code: Int16 {
    switch kind {
    case .returned: 10
    case .complained: 11
    case .other: 12
    }
  }
}

/// For how long addresses are suppressed where their tenant has no choice of its own; zero: not at all.
package struct SuppressionPolicy: Sendable, Hashable {
  package var bounces: Duration
  package var complaints: Duration

  package init(bounces: Duration, complaints: Duration) {
    self.bounces = bounces
    self.complaints = complaints
  }
}

/// Reports about delivered mail: recorded once however often they come, told to the sender, and learned from.
package enum ReportRecords {
  /// Reports of other kinds that are kept of one message; further ones are not written down.
  static let othersMax = 20

  /// Records what one report says, in one transaction: outcomes, what is to be told, what is suppressed, what is passed on.
  ///
  /// A recipient is reported as returned once, and as complaining once; a report that comes again changes nothing.
  /// Reads by primary key and `outcome_message`, within the message's day.
  /// - Parameters:
  ///   - from: the server that reports, and the address that it came from.
  ///   - read: says what the report means for this message.
  ///   - passOn: makes of what is new a message to its sender, which is queued; nil: none. It is held in memory.
  /// - Returns: what was new; nil: there is no such message any more.
  package static func record(
    about message: QueueID, day: Day, from: RemoteHost, policy: SuppressionPolicy, enqueuePolicy: EnqueuePolicy,
    _ connection: PostgresConnection, read: (ReportedMessage) -> [RecordedReport],
    passOn: (ReportedMessage, [RecordedReport]) -> NewMessage?
  ) throws -> [RecordedReport]? {
    let lanes = LaneDirectory(rememberedMax: 16)
    return try connection.transaction {
      // One report about a message at a time: of two that came at once the second sees what the first wrote.
      var key = PostgresParameters()
      key.append(Int32(truncatingIfNeeded: message.low))
      _ = try connection.query("SELECT pg_advisory_xact_lock(7009, $1::int)", key)
      guard let subject = try find(message, day, connection) else { return nil }
      let known = try known(message, day, connection)
      let fresh = known.fresh(among: read(subject))
      guard !fresh.isEmpty else { return [] }
      try append(fresh, message, day, from, connection)
      try tell(fresh, message, day, subject, known, connection)
      for statement in Suppressions.statements(causes(fresh, message, day, policy, subject)) {
        _ = try connection.query(statement.sql, statement.parameters)
      }
      if let passed = passOn(subject, fresh) {
        let ids = try lanes.ids(of: Set(passed.laneNames), connection)
        _ = try connection.pipeline(EnqueueTransaction([passed], lanes: ids, policy: enqueuePolicy).statements)
      }
      return fresh
    }
  }

  private static func find(_ id: QueueID, _ day: Day, _ connection: PostgresConnection) throws -> ReportedMessage? {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    parameters.append(day)
    let result = try connection.query(
      """
      SELECT m.tenant, m.reverse_path, m.recipients, m.notify, m.original_recipients
      FROM postrider.message m WHERE m.id = $1::uuid AND m.day = $2::date
      """, parameters)
    guard result.rowCount == 1 else { return nil }
    let addresses = try result.byteArrays(0, 2)
    let notify = try result.integers(0, 3, as: Int16.self)
    let originals = try result.byteArrays(0, 4)
    var recipients: [Recipient] = []
    for (index, address) in addresses.enumerated() {
      guard let address = address.flatMap({ MailAddress(trusted: String(decoding: $0, as: UTF8.self)) }) else {
        throw PostgresError(.decoding, "a recipient without @")
      }
      recipients.append(
        Recipient(
          address: address,
          notify: notify.indices.contains(index) ? notify[index].map { NotifyConditions(rawValue: $0) } : nil,
          originalRecipient: originals.indices.contains(index)
            ? originals[index].map { String(decoding: $0, as: UTF8.self) } : nil))
    }
    return ReportedMessage(
      tenant: try result.int64(0, 0), reversePath: result.isNull(0, 1) ? nil : MailAddress(trusted: result.text(0, 1)),
      recipients: recipients)
  }

  /// What the message's outcomes say already.
  private struct Known {
    var reports: Set<Report> = []
    var delivered: Set<Int32> = []
    var others = 0

    struct Report: Hashable {
      let recipient: Int32
      let code: Int16
      /// Only of reports of other kinds: several may differ.
      let words: String
    }

    static func key(_ recipient: Int32, _ code: Int16, _ words: String) -> Report {
      Report(recipient: recipient, code: code, words: code == 12 || recipient == 0 ? words : "")
    }

    func fresh(among reports: [RecordedReport]) -> [RecordedReport] {
      var seen = self.reports
      var room = ReportRecords.othersMax - others
      return reports.filter { report in
        guard seen.insert(Self.key(report.recipient ?? 0, report.code, report.words)).inserted else { return false }
        // Whoever has one return path could fill the table otherwise.
        guard report.code == 12 || report.recipient == nil else { return true }
        room -= 1
        return room >= 0
      }
    }
  }

  private static func known(_ message: QueueID, _ day: Day, _ connection: PostgresConnection) throws -> Known {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(message))
    parameters.append(day)
    let result = try connection.query(
      """
      SELECT o.recipient, o.kind, o.reply FROM postrider.outcome o
      WHERE o.message = $1::uuid AND o.day = $2::date AND o.kind IN (0, 10, 11, 12)
      """, parameters)
    var known = Known()
    for row in 0..<result.rowCount {
      let (recipient, code) = (try result.int32(row, 0), try result.int16(row, 1))
      if code == 0 {
        known.delivered.insert(recipient)
        continue
      }
      known.reports.insert(Known.key(recipient, code, result.text(row, 2)))
      if code == 12 || recipient == 0 { known.others += 1 }
    }
    return known
  }
}

extension ReportRecords {
  private static func append(
    _ reports: [RecordedReport], _ message: QueueID, _ day: Day, _ from: RemoteHost, _ connection: PostgresConnection
  ) throws {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(message))
    parameters.append(day)
    parameters.append(reports.map { $0.recipient ?? 0 })
    parameters.append(reports.map(\.code))
    parameters.append(reports.map { Bytea($0.words) })
    parameters.append(reports.map { $0.code == 12 ? nil : "returned" })
    parameters.append(Bytea(from.name))
    parameters.append(from.address)
    parameters.append(Int32(clamping: from.port))
    _ = try connection.query(
      """
      INSERT INTO postrider.outcome (message, day, at, recipient, duration_ms, kind, attempt, reply, failure,
        remote_name, remote_address, remote_port)
      SELECT $1::uuid, $2::date, c.moment, u.recipient, 0, u.kind, 0, u.words, u.failure, $7::bytea, $8::text, $9::int
      FROM (SELECT postrider.schedule_now() AS moment) c
      CROSS JOIN unnest($3::int[], $4::smallint[], $5::bytea[], $6::text[]) u(recipient, kind, words, failure)
      """, parameters)
  }

  /// Only what was delivered is told as returned: of the rest the sender has heard, or will hear.
  private static func tell(
    _ reports: [RecordedReport], _ message: QueueID, _ day: Day, _ subject: ReportedMessage, _ known: Known,
    _ connection: PostgresConnection
  ) throws {
    guard subject.reversePath != nil else { return }
    let told = reports.compactMap { report -> Int32? in
      guard case .returned = report.kind, let number = report.recipient, known.delivered.contains(number) else {
        return nil
      }
      let wishes = subject.recipients[Int(number) - 1].notify
      return wishes.map { $0.contains(.failure) } ?? true ? number : nil
    }
    guard !told.isEmpty else { return }
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(message))
    parameters.append(day)
    parameters.append(told)
    parameters.append(subject.tenant)
    _ = try connection.query(
      """
      INSERT INTO postrider.outbox (kind, recipient, day, message, tenant, created_at)
      SELECT 2, u.recipient, $2::date, $1::uuid, $4::bigint, postrider.schedule_now() FROM unnest($3::int[]) u(recipient)
      """, parameters)
  }

  private static func causes(
    _ reports: [RecordedReport], _ message: QueueID, _ day: Day, _ policy: SuppressionPolicy, _ subject: ReportedMessage
  ) -> [SuppressionCause] {
    guard subject.reversePath != nil else { return [] }
    return reports.compactMap { report in
      guard let recipient = report.recipient else { return nil }
      let (reason, detail, lifetime): (Suppression.Reason, String, Duration)
      switch report.kind {
      case .returned(let category, true): (reason, detail, lifetime) = (.bounced, category, policy.bounces)
      case .complained(let kind): (reason, detail, lifetime) = (.complained, kind, policy.complaints)
      case .returned, .other: return nil
      }
      return SuppressionCause(
        message: message, day: day, recipient: recipient, reason: reason, detail: detail, lifetime: lifetime)
    }
  }
}
