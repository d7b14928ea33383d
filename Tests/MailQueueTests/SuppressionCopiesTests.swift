import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// Suppressions come along with a tenant that moves, and after it.
@Suite struct SuppressionCopiesTests {
  private func entries(_ queue: QueueFixture) async throws -> String {
    try await queue.database.query(
      """
      SELECT address, detail, to_follow, coalesce((expires_at - added_at)::text, 'always')
      FROM postrider.suppression ORDER BY 1
      """)
  }

  private func insert(_ queue: QueueFixture, _ address: String, _ detail: String, _ lifetime: String?) async throws {
    try await queue.database.query(
      """
      INSERT INTO postrider.suppression (address, tenant, reason, detail, added_at, expires_at)
      SELECT '\(address)', \(queue.tenant), 1, '\(detail)', c.moment, c.moment + \(lifetime.map { "interval '\($0)'" } ?? "NULL")
      FROM (SELECT postrider.schedule_now() AS moment) c
      """)
  }

  /// The same twice, as after a mover's death: nothing is added, and what holds longer there stays.
  @Test func aCopyTakesAllAndShortensNothing() async throws {
    let (source, target) = (try await QueueFixture(), try await QueueFixture())
    try await source.database.query(
      """
      INSERT INTO postrider.suppression (address, tenant, reason, detail, added_at, expires_at)
      SELECT 'r' || n || '@example.org', \(source.tenant), 1, 'user_unknown', now(), now() + interval '1 day'
      FROM generate_series(1, 1200) n;
      INSERT INTO postrider.suppression (address, tenant, reason, added_at, expires_at)
      VALUES ('over@example.org', \(source.tenant), 1, now(), now()), ('r1@example.org', 0, 0, now(), NULL)
      """)
    try await insert(source, "\\303\\244@example.org", "octets", nil)
    try await insert(target, "r7@example.org", "longer", "3 days")
    try await insert(target, "r8@example.org", "shorter", "1 hour")
    try await insert(target, "r9@example.org", "always", nil)
    for _ in 1...2 {
      try SuppressionCopies.copy(source.tenant, from: source.connect(), to: target.connect())
      #expect(
        try await target.database.query(
          "SELECT count(*), count(DISTINCT tenant), count(*) FILTER (WHERE to_follow) FROM postrider.suppression")
          == "1201|1|0")
      #expect(
        try await target.database.query(
          "SELECT detail FROM postrider.suppression WHERE address ~ '^r[789]@' ORDER BY address")
          == "longer\nuser_unknown\nalways")
    }
    let all = "SELECT address, reason, detail, added_at, expires_at FROM postrider.suppression WHERE detail = 'octets'"
    #expect(try await source.database.query(all) == target.database.query(all))
  }

  /// What is learned after the copy has a mark until it has followed; what is learned meanwhile keeps it.
  @Test func whatIsLearnedLaterFollows() async throws {
    let (source, target) = (try await QueueFixture(), try await QueueFixture())
    // What was there before the step that knows of marks is looked at once.
    #expect(
      try await source.database.query(
        "SELECT attmissingval FROM pg_attribute WHERE attrelid = 'postrider.suppression'::regclass AND attname = 'to_follow'"
      )
        == "{t}")
    try await learn(source, "alone@example.org", .seconds(86_400))
    #expect(try await entries(source) == "alone@example.org|user_unknown|f|1 day", "there is one database")
    try await source.database.query("UPDATE postrider.installation SET shard = 'home'")
    try await learn(source, "bob@example.org", .seconds(86_400))
    try await learn(source, "eve@example.org", .seconds(86_400))
    let connection = try source.connect()
    let fresh = try #require(try SuppressionCopies.fresh(connection).first)
    #expect(try SuppressionCopies.fresh(after: fresh, connection).isEmpty)
    #expect(fresh.tenant == source.tenant)
    try SuppressionCopies.add(fresh, to: target.connect())
    try await learn(source, "eve@example.org", .seconds(3 * 86_400))
    try SuppressionCopies.settle(fresh, connection)
    #expect(
      try await entries(source)
        == "alone@example.org|user_unknown|f|1 day\nbob@example.org|user_unknown|f|1 day\neve@example.org|user_unknown|t|3 days"
    )
    #expect(
      try await entries(target) == "bob@example.org|user_unknown|t|1 day\neve@example.org|user_unknown|t|1 day",
      "it may move on from there")
    let again = try #require(try SuppressionCopies.fresh(connection).first)
    for _ in 1...2 { try SuppressionCopies.add(again, to: target.connect()) }
    try SuppressionCopies.settle(again, connection)
    #expect(try SuppressionCopies.fresh(connection).isEmpty)
    #expect(try await entries(target).hasSuffix("eve@example.org|user_unknown|t|3 days"))
  }

  /// Ends the only claimable recipient as one whose server has said that it is dead.
  private func learn(_ queue: QueueFixture, _ recipient: String, _ lifetime: Duration) async throws {
    _ = try await queue.writer().enqueue(queue.message(to: [recipient]))
    let session = try await queue.session()
    let claimed = try #require(try await queue.claim(session).first)
    var done = CompletedJob(
      job: claimed.jobs[0], tenant: claimed.tenant, disposition: .bounced(notify: false),
      attempt: Attempt(result: .refused(Reply(550, EnhancedStatus(5, 1, 1), "unknown"), .recipient)))
    done.suppression = BounceSuppression(category: "user_unknown", lifetime: lifetime)
    let completed = done
    _ = try await queue.pool.run { try Completions.write([completed], session: session, $0) }
  }
}
