import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// Lanes that wait for a site in trouble.
@Suite struct SiteTests {
  private let nobody = Attempt(result: .failed(.connection("refused"), .connect))
  private let less = Attempt(result: .refused(Reply(421, EnhancedStatus(4, 7, 0), "slow down"), .mail))

  private func mark(
    _ queue: QueueFixture, _ state: SiteState, incident: Int64 = 1, site: String = "mx.example", lanes: [Int64],
    pause: Duration = .seconds(60), lasts: Duration? = nil, source: String = "192.0.2.1"
  ) async throws -> Bool {
    var trouble = SiteTrouble(
      site: site, state: state, incident: incident, category: state == .down ? "network" : "rate_limit", pause: pause,
      lasts: lasts, times: state == .down ? 0 : 1, source: source, attempt: state == .down ? nobody : less)
    if state == .slowed { (trouble.rate, trouble.normal) = (30, 60) }
    return try await queue.pool.run { [trouble] in try Sites.mark(trouble, lanes: lanes, $0) }
  }

  private func take(
    _ queue: QueueFixture, _ session: QueueID, counter: Int64, source: String = "192.0.2.1", messages: Int = 0,
    free: Int = 0, incident: Int64 = 1
  ) async throws -> ParkedBatch {
    let allowance = ParkedAllowance(
      source: source, sites: [.init(name: "mx.example", incident: incident, messages: messages)], freeMessages: free)
    return try await queue.pool.run { connection in
      try Claims.takeParked(session: session, counter: counter, allowance, connection)
    }
  }

  private func lanes(_ queue: QueueFixture) async throws -> [Int64] {
    try await queue.database.query("SELECT id FROM postrider.lane ORDER BY id").split(separator: "\n").compactMap {
      Int64($0)
    }
  }

  private func fill(_ queue: QueueFixture, _ count: Int, at domain: String = "one.example", tenant: Int64? = nil)
    async throws
  {
    let writer = queue.writer()
    for number in 0..<count {
      _ = try await writer.enqueue(queue.message(to: ["r\(number)@\(domain)"], tenant: tenant))
    }
  }

  /// Claims pass a parked lane by, whatever else would wake it; one message probes; success lets everything go at once.
  @Test func aDeadSiteIsProbedByOneMessageAtATime() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 20)
    let lanes = try await lanes(queue)
    let session = try await queue.session()
    #expect(try await mark(queue, .down, lanes: lanes))
    #expect(try await queue.claim(session).isEmpty)
    try await fill(queue, 1)
    #expect(try await queue.claim(session, counter: 2).isEmpty, "an insertion does not wake it")
    _ = try await queue.pool.run { try Steering.apply(.retry, to: lanes[0], $0) }
    #expect(try await queue.claim(session, counter: 3).isEmpty)
    #expect(try await take(queue, session, counter: 4).batch.messages.isEmpty, "not before its time")

    try await queue.advance("61 seconds")
    let probe = try await take(queue, session, counter: 5)
    #expect(probe.batch.messages.flatMap(\.jobs).count == 1 && probe.probed == ["mx.example"])
    #expect(try await take(queue, session, counter: 6).batch.messages.isEmpty, "one is under way")
    try await queue.pool.run { [nobody] connection in
      try Sites.endProbe(
        of: "mx.example", session: session, counter: 5, waits: ProbeWaits(first: .seconds(60), jitter: 0),
        failure: (nobody, "network"), connection)
    }
    _ = try await queue.complete(probe.batch.messages, as: .deferred(.seconds(300)), session: session)
    try await queue.advance("60 seconds")
    #expect(try await take(queue, session, counter: 7).batch.messages.isEmpty, "the second wait is twice as long")
    try await queue.advance("61 seconds")
    let second = try await take(queue, session, counter: 8)
    #expect(second.batch.messages.count == 1 && second.batch.messages[0].id != probe.batch.messages[0].id)

    #expect(try await queue.pool.run { try Sites.resume("mx.example", $0) } == 1)
    #expect(try await queue.claim(session, counter: 9).count == 19, "all but the two that probed")
    #expect(try await queue.database.query("SELECT max(attempt) FROM postrider.job") == "1")
    let over = try await queue.pool.run { try Sites.park(lanes, at: "mx.example", incident: 1, $0) }
    #expect(over == false, "whoever still believes in it is told")
  }

  /// The probe's claim is what says that one is under way: it ends with its session.
  @Test func aProbeThatDiedWithItsWorkerIsFollowedByAnother() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 3)
    #expect(try await mark(queue, .down, lanes: try await lanes(queue), pause: .zero))
    let (first, second) = (try await queue.session(), QueueID(unixMilliseconds: 99))
    try await queue.pool.run { try WorkerSessions.begin(id: second, node: "other", lease: .seconds(30), $0) }
    #expect(try await take(queue, first, counter: 1).batch.messages.count == 1)
    #expect(try await take(queue, second, counter: 1).batch.messages.isEmpty)
    try await queue.pool.run { try WorkerSessions.end(first, why: "test", $0) }
    #expect(try await take(queue, second, counter: 2).batch.messages.count == 1)
  }

  /// Tenants take turns, and within a tenant the lanes do.
  @Test func aSlowedSiteGetsWhatItMayInTurns() async throws {
    let queue = try await QueueFixture()
    let other = try await QueueFixture.addTenant("other", queue.pool)
    for domain in ["one.example", "two.example"] { try await fill(queue, 10, at: domain) }
    try await fill(queue, 1, at: "one.example", tenant: other)
    #expect(
      try await mark(queue, .slowed, lanes: try await lanes(queue), pause: .zero, lasts: .seconds(3600)))
    let session = try await queue.session()
    #expect(try await queue.claim(session).isEmpty)
    #expect(try await take(queue, session, counter: 2, messages: 0).batch.messages.isEmpty)
    let some = try await take(queue, session, counter: 3, messages: 4).batch.messages
    #expect(some.count == 4)
    #expect(some.filter { $0.tenant == other }.count == 1, "a single message does not wait behind another tenant's")
    #expect(Set(some.map { $0.envelope.recipients[0].address.destination }).count == 2)
    _ = try await queue.complete(some, as: .delivered, session: session)
    #expect(
      try await take(queue, session, counter: 4, source: "198.51.100.1", free: 5).batch.messages.count == 5,
      "another sending address is not meant")
    #expect(try await take(queue, session, counter: 5, messages: 100).batch.messages.count == 12)
    #expect(try await take(queue, session, counter: 6, messages: 100).batch.messages.isEmpty)
    _ = try await queue.pool.run { try Sites.resume("mx.example", source: "192.0.2.1", $0) }
    #expect(try await take(queue, session, counter: 7, messages: 1).ended == ["mx.example"])
  }

  /// When nobody is left who knows how fast, the row itself says when it is over.
  @Test func aSlowdownEndsByItself() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 5)
    #expect(
      try await mark(queue, .slowed, lanes: try await lanes(queue), pause: .seconds(60), lasts: .seconds(120)))
    let known = try await queue.pool.run { try Sites.slowdowns($0) }
    #expect(known.count == 1 && known[0].rate == 30 && known[0].normal == 60 && known[0].sources == ["192.0.2.1"])
    #expect(known[0].pauseLeft > .seconds(1) && known[0].pauseLeft <= .seconds(60))
    let session = try await queue.session()
    try await queue.advance("121 seconds")
    _ = try await take(queue, session, counter: 1)
    #expect(try await queue.claim(session, counter: 2).count == 5)
    try await queue.advance("2 hours")
    _ = try await take(queue, session, counter: 3)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.site") == "0")
  }

  /// A site for which nothing is due any more is not kept down for ever: what comes next may just try.
  @Test func aDeadSiteWithoutMailIsForgotten() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 1)
    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    #expect(try await mark(queue, .down, lanes: try await lanes(queue)))
    _ = try await queue.complete(claimed, as: .deferred(.seconds(7200)), session: session)
    for counter in 2...9 {
      try await queue.advance("15 minutes")
      #expect(try await take(queue, session, counter: Int64(counter)).batch.messages.isEmpty)
    }
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.lane WHERE parked_by IS NOT NULL") == "0")
    #expect(try await queue.claim(session, counter: 99).count == 1)
  }

  /// However much waits, a look at the site touches a bounded number of lanes, and finds what is due in the end.
  @Test func manyEmptyLanesDoNotHideOneWithMail() async throws {
    let queue = try await QueueFixture()
    try await queue.database.query(
      """
      INSERT INTO postrider.lane (tenant, destination, scan_from)
      SELECT \(queue.tenant), 'empty-' || n || '.example', '-infinity' FROM generate_series(1, 300) n
      """)
    let empty = try await lanes(queue)
    try await fill(queue, 1)
    #expect(
      try await mark(queue, .slowed, lanes: empty + (try await lanes(queue)), pause: .zero, lasts: .seconds(3600)))
    let session = try await queue.session()
    var looks = 0
    func find() async throws {
      repeat {
        looks += 1
        try #require(looks < 40)
      } while try await take(queue, session, counter: Int64(looks), messages: 1).batch.messages.isEmpty
    }
    try await find()
    #expect(
      try await queue.database.query("SELECT count(*) FROM postrider.lane WHERE look_at = 'infinity'") >= "1")
    try await fill(queue, 1, at: "empty-7.example")
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.lane WHERE ready") == "0")
    try await find()
  }

  /// A job that is deferred in a parked lane is found when it is due, and after the lane was let go too.
  @Test func deferredMailIsFoundAgain() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 2)
    let lanes = try await lanes(queue)
    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    #expect(try await mark(queue, .slowed, lanes: lanes, pause: .zero, lasts: .seconds(7200)))
    _ = try await queue.complete(Array(claimed.prefix(1)), as: .deferred(.seconds(600)), session: session)
    _ = try await queue.complete(Array(claimed.suffix(1)), as: .handedBack, session: session)
    #expect(try await queue.claim(session, counter: 2).isEmpty, "handed back into a parked lane")
    #expect(try await take(queue, session, counter: 3, messages: 9).batch.messages.count == 1)
    try await queue.advance("400 seconds")
    #expect(try await take(queue, session, counter: 4, messages: 9).batch.messages.isEmpty)
    _ = try await queue.pool.run { try Sites.resume("mx.example", $0) }
    #expect(try await queue.claim(session, counter: 5).isEmpty)
    try await queue.advance("201 seconds")
    #expect(try await queue.claim(session, counter: 6).count == 1)
  }

  /// Five days end for whoever waits for a dead site as for everybody, and the reason is what others met there.
  @Test func expiryGivesTheReasonOfTheSite() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 1)
    #expect(try await mark(queue, .down, lanes: try await lanes(queue)))
    try await queue.advance("6 days")
    let guardStatement = PostgresStatement("SELECT 1")
    #expect(try await queue.pool.run { try Expiry.endOverdue(guardedBy: guardStatement, $0) } == 1)
    #expect(
      try await queue.database.query("SELECT kind, attempt, failure FROM postrider.outcome ORDER BY kind")
        == "1|0|connection\n3|0|expired")
  }

  /// The second line: no lane waits for a site that nobody has in trouble, or sleeps over due mail.
  @Test func aLaneThatWaitsForNothingIsLetGo() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 1)
    try await fill(queue, 1, at: "two.example")
    let lanes = try await lanes(queue)
    #expect(try await mark(queue, .down, lanes: lanes, pause: .zero))
    #expect(try await queue.pool.run { try SleepingLanes.reconcile($0) } == 0, "nothing is wrong")
    try await queue.database.query("UPDATE postrider.lane SET look_at = 'infinity' WHERE id = \(lanes[0])")
    try await queue.database.query("UPDATE postrider.lane SET parked_by = 'mx.gone.example' WHERE id = \(lanes[1])")
    #expect(try await queue.pool.run { try SleepingLanes.reconcile($0) } == 2)
    let session = try await queue.session()
    #expect(try await queue.claim(session).map { $0.envelope.recipients[0].address.destination } == ["two.example"])
    #expect(try await take(queue, session, counter: 2).batch.messages.count == 1)
  }

  /// Whoever marks or parks late hears that it is over; a new incident is another matter.
  @Test func incidentsAreToldApart() async throws {
    let queue = try await QueueFixture()
    try await fill(queue, 1)
    let lanes = try await lanes(queue)
    #expect(try await queue.pool.run { try Sites.park(lanes, at: "mx.example", incident: 1, $0) } == nil)
    #expect(try await mark(queue, .down, incident: 1, lanes: lanes))
    #expect(try await mark(queue, .down, incident: 2, lanes: lanes), "two workers found out")
    _ = try await queue.pool.run { try Sites.resume("mx.example", $0) }
    for incident in [1, 2] as [Int64] {
      #expect(try await mark(queue, .down, incident: incident, lanes: lanes) == false)
      #expect(try await queue.pool.run { try Sites.park(lanes, at: "mx.example", incident: incident, $0) } == false)
    }
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.lane WHERE ready") == "1")
    #expect(try await mark(queue, .down, incident: 3, lanes: lanes))
    #expect(try await queue.database.query("SELECT parked_by FROM postrider.lane") == "mx.example")
  }
}
