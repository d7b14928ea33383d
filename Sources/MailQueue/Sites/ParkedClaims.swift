package import MailModel
package import Postgres

/// What a worker may take from the parked lanes.
package struct ParkedAllowance: Sendable {
  /// Messages for a site that is slowed for this worker's sending address.
  package struct Site: Sendable, Hashable {
    package var name: String
    package var incident: Int64
    package var messages: Int

    package init(name: String, incident: Int64, messages: Int) {
      self.name = name
      self.incident = incident
      self.messages = messages
    }
  }

  /// This worker's sending address, as slowdowns name it.
  package var source: String
  package var sites: [Site]
  /// Messages for each site that is slowed for other sending addresses only.
  package var freeMessages: Int
  /// Sites that are down to probe at once.
  package var probesMax: Int

  package init(source: String, sites: [Site] = [], freeMessages: Int = 50, probesMax: Int = 8) {
    self.source = source
    self.sites = sites
    self.freeMessages = freeMessages
    self.probesMax = probesMax
  }
}

/// What was taken from parked lanes.
package struct ParkedBatch: Sendable {
  package var batch = ClaimedBatch()
  /// The site that each claimed recipient's lane waits for.
  package var sites: [HeldJob: String] = [:]
  /// The sites among them that are down: these messages are probes.
  package var probed: Set<String> = []
  /// Those of the allowance's sites whose incident is over.
  package var ended: [String] = []

  package init() {}
}

/// A slowdown as the database has it: what a worker that knows nothing goes by.
package struct KnownSlowdown: Sendable {
  package let site: String
  package let incident: Int64
  package let category: String
  package let times: Int
  /// Messages a minute.
  package let rate: Double
  package let normal: Double
  package let sources: [String]
  /// Until something is sent again; not positive when that has come.
  package let pauseLeft: Duration

  package init(
    site: String, incident: Int64, category: String, times: Int, rate: Double, normal: Double, sources: [String],
    pauseLeft: Duration
  ) {
    (self.site, self.incident, self.category, self.times) = (site, incident, category, times)
    (self.rate, self.normal, self.sources, self.pauseLeft) = (rate, normal, sources, pauseLeft)
  }
}

extension Claims {
  /// Takes probes of dead sites, and of slowed ones what may be taken. Durable when it returns.
  /// - Throws: SQLSTATE `PR001` when the session has ended.
  package static func takeParked(
    session: QueueID, counter: Int64, _ allowance: ParkedAllowance, _ connection: PostgresConnection
  ) throws -> ParkedBatch {
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(session))
    parameters.append(counter)
    parameters.append(allowance.source)
    parameters.append(allowance.sites.map(\.name))
    parameters.append(allowance.sites.map(\.incident))
    parameters.append(allowance.sites.map { Int32(clamping: $0.messages) })
    parameters.append(Int32(clamping: allowance.freeMessages))
    parameters.append(Int32(clamping: allowance.probesMax))
    let claim = try connection.query(
      """
      SELECT messages, recipients, sites, ended, probed
      FROM postrider.take_parked($1::uuid, $2::bigint, $3::text, $4::text[], $5::bigint[], $6::int[], $7::int, $8::int)
      """, parameters)
    var parked = ParkedBatch()
    parked.ended = try claim.byteArrays(0, 3).compactMap { $0.map { String(decoding: $0, as: UTF8.self) } }
    parked.probed = Set(try claim.byteArrays(0, 4).compactMap { $0.map { String(decoding: $0, as: UTF8.self) } })
    let messages = try claim.byteArrays(0, 0).compactMap { $0.flatMap { QueueID(bytes: $0) } }
    let recipients = try claim.integers(0, 1, as: Int32.self).compactMap(\.self)
    let sites = try claim.byteArrays(0, 2).compactMap { $0.map { String(decoding: $0, as: UTF8.self) } }
    guard !messages.isEmpty, messages.count == recipients.count, messages.count == sites.count else { return parked }
    for (index, site) in sites.enumerated() {
      parked.sites[HeldJob(message: messages[index], recipient: recipients[index])] = site
    }
    let taken = try TakenJobs(claimed: messages, recipients, connection)
    parked.batch = try batch(taken, session: session, counter: counter, connection)
    return parked
  }
}

extension Sites {
  /// The slowdowns that this database knows of, those that end first. Served by `site_ends`.
  package static func slowdowns(_ connection: PostgresConnection) throws -> [KnownSlowdown] {
    let result = try connection.query(
      """
      SELECT s.name, s.incidents[1], s.category, s.times, coalesce(s.rate, 1), coalesce(s.normal, 1), s.sources,
        (extract(epoch FROM s.next_at - postrider.schedule_now()) * 1000000)::bigint
      FROM postrider.site s WHERE s.kind = 'slowed' ORDER BY s.ends_at LIMIT 1000
      """)
    return try (0..<result.rowCount).map { row in
      KnownSlowdown(
        site: result.text(row, 0), incident: try result.int64(row, 1), category: result.text(row, 2),
        times: Int(try result.int32(row, 3)), rate: try result.double(row, 4), normal: try result.double(row, 5),
        sources: try result.byteArrays(row, 6).compactMap { $0.map { String(decoding: $0, as: UTF8.self) } },
        pauseLeft: .microseconds(try result.int64(row, 7)))
    }
  }
}
