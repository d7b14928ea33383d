package import MailModel
package import Postgres

/// Why a site's mail waits.
package enum SiteState: String, Sendable, Hashable {
  /// It cannot be reached: one message after the other probes it, the rest waits.
  case down
  /// It asked for less, or lists us.
  case slowed
}

/// What is noted of a site in trouble.
package struct SiteTrouble: Sendable {
  package var site: String
  package var state: SiteState
  /// The number under which the workers know it.
  package var incident: Int64
  /// Which category of `getBounceInfo`.
  package var category: String
  /// From now until the first probe, or until something is sent again.
  package var pause: Duration
  /// From now until the rate is back to normal; nil: until a probe succeeds.
  package var lasts: Duration?
  /// Slowdowns in a row.
  package var times: Int
  /// Messages a minute after the pause, and when all is well.
  package var rate: Double?
  package var normal: Double?
  /// The sending address that is meant.
  package var source: String
  /// What went wrong.
  package var attempt: Attempt

  package init(
    site: String, state: SiteState, incident: Int64, category: String, pause: Duration, lasts: Duration? = nil,
    times: Int = 0, rate: Double? = nil, normal: Double? = nil, source: String, attempt: Attempt
  ) {
    self.site = site
    self.state = state
    self.incident = incident
    self.category = category
    self.pause = pause
    self.lasts = lasts
    self.times = times
    self.rate = rate
    self.normal = normal
    self.source = source
    self.attempt = attempt
  }
}

/// The growing waits between the probes of a site that is down.
package struct ProbeWaits: Sendable, Hashable {
  package var first: Duration
  package var max: Duration
  /// The share of a wait that chance may take away.
  package var jitter: Double

  package init(first: Duration = .seconds(60), max: Duration = .seconds(1800), jitter: Double = 0.2) {
    self.first = first
    self.max = max
    self.jitter = jitter
  }
}

/// Sites in trouble, and the lanes that wait for them. Which they are is the database's word; how fast mail goes to a
/// slowed one is not decided here.
package enum Sites {
  /// Notes a trouble, or another one of a site that has one, and parks the lanes.
  /// - Returns: false when that incident is over: somebody has lifted it, or a probe succeeded.
  package static func mark(_ trouble: SiteTrouble, lanes: [Int64], _ connection: PostgresConnection)
    throws(PostgresError) -> Bool
  {
    var parameters = PostgresParameters()
    parameters.append(trouble.site)
    parameters.append(trouble.state.rawValue)
    parameters.append(trouble.incident)
    parameters.append(trouble.category)
    parameters.append(trouble.pause.microseconds)
    parameters.append(trouble.lasts?.microseconds)
    parameters.append(Int32(clamping: trouble.times))
    parameters.append(trouble.rate)
    parameters.append(trouble.normal)
    parameters.append(trouble.source)
    parameters.append(lanes)
    FailureColumns(trouble.attempt).append(to: &parameters)
    return try connection.query(
      """
      SELECT postrider.mark_site($1::text, $2::text, $3::bigint, $4::text, $5::bigint, $6::bigint, $7::int,
        $8::float8, $9::float8, $10::text, $11::bigint[], $12::smallint, $13::smallint, $14::text,
        $15::bytea, $16::text, $17::bytea, $18::text, $19::int)
      """, parameters
    ).bool(0, 0)
  }

  /// Parks lanes at a site that is in trouble already.
  /// - Returns: false when that incident is over, nil when this database knows of none.
  package static func park(_ lanes: [Int64], at site: String, incident: Int64, _ connection: PostgresConnection)
    throws(PostgresError) -> Bool?
  {
    var parameters = PostgresParameters()
    parameters.append(site)
    parameters.append(incident)
    parameters.append(lanes)
    let result = try connection.query(
      "SELECT postrider.park_lanes($1::text, $2::bigint, $3::bigint[])", parameters)
    return result.isNull(0, 0) ? nil : try result.bool(0, 0)
  }

  /// Ends a trouble and lets its lanes go.
  /// - Parameter source: for this sending address only; nil: for all.
  /// - Returns: how many lanes went.
  @discardableResult
  package static func resume(_ site: String, source: String? = nil, _ connection: PostgresConnection)
    throws(PostgresError) -> Int
  {
    var parameters = PostgresParameters()
    parameters.append(site)
    parameters.append(source)
    return Int(
      try connection.query("SELECT postrider.resume_site($1::text, $2::text)", parameters).int32(0, 0))
  }

  /// Lets one lane go: its mail goes to another site by now.
  package static func unpark(_ lane: Int64, from site: String, _ connection: PostgresConnection) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(lane)
    parameters.append(site)
    _ = try connection.query(
      """
      UPDATE postrider.lane l SET parked_by = NULL, ready = true, look_at = '-infinity'
      WHERE l.id = $1::bigint AND l.parked_by = $2::text
      """, parameters)
  }

  /// A probe has ended without reaching the site.
  /// - Parameter failure: nil: nothing was tried, another probe may begin at once.
  package static func endProbe(
    of site: String, session: QueueID, counter: Int64, waits: ProbeWaits,
    failure: (attempt: Attempt, category: String)?, _ connection: PostgresConnection
  ) throws(PostgresError) {
    var parameters = PostgresParameters()
    parameters.append(site)
    parameters.append(UUIDValue(session))
    parameters.append(counter)
    parameters.append(failure == nil ? nil : waits.first.microseconds)
    parameters.append(waits.max.microseconds)
    parameters.append(min(max(waits.jitter, 0), 0.9))
    parameters.append(failure?.category ?? "")
    FailureColumns(failure?.attempt ?? Attempt(result: .notTried(""))).append(to: &parameters)
    _ = try connection.query(
      """
      SELECT postrider.end_probe($1::text, $2::uuid, $3::bigint, $4::bigint, $5::bigint, $6::float8, $7::text,
        $8::smallint, $9::smallint, $10::text, $11::bytea, $12::text, $13::bytea, $14::text, $15::int)
      """, parameters)
  }
}

/// An attempt as the columns of `site` keep it.
private struct FailureColumns {
  private let attempt: Attempt

  init(_ attempt: Attempt) { self.attempt = attempt }

  func append(to parameters: inout PostgresParameters) {
    var (stage, code, enhanced, failure): (Int16?, Int16?, String?, String?) = (nil, nil, nil, nil)
    let text: Bytea
    switch attempt.result {
    case .delivered(let reply): (stage, code, enhanced, text) = Self.columns(reply, .finalDot)
    case .refused(let reply, let at): (stage, code, enhanced, text) = Self.columns(reply, at)
    case .failed(let why, let at): (stage, text, failure) = (at.rawValue, Bytea(why.detail), why.name)
    case .notTried(let why): text = Bytea(why)
    }
    parameters.append(stage)
    parameters.append(code)
    parameters.append(enhanced)
    parameters.append(text)
    parameters.append(failure)
    parameters.append(attempt.remote.map { Bytea($0.name) })
    parameters.append(attempt.remote?.address)
    parameters.append(attempt.remote.map { Int32(clamping: $0.port) })
  }

  private static func columns(_ reply: Reply, _ stage: AttemptStage) -> (Int16?, Int16?, String?, Bytea) {
    let text = Bytea(Array(reply.lines.joined(separator: [10]).prefix(2048)))
    return (stage.rawValue, Int16(clamping: reply.code), reply.enhanced?.description, text)
  }
}
