import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

@Suite struct SuppressionListTests {
  private let bob = MailAddress(localPart: "bob", domain: "example.org")

  /// Ends the only claimable recipient as one whose server has said that it is dead.
  private func bounce(_ queue: QueueFixture, lifetime: Duration, to recipient: String = "bob@example.org") async throws
  {
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

  private func entries(_ queue: QueueFixture) async throws -> String {
    try await queue.database.query(
      "SELECT address, tenant, reason, detail, coalesce((expires_at - added_at)::text, 'always') FROM postrider.suppression ORDER BY 1, 2"
    )
  }

  @Test func aBounceProlongsAndNeverShortens() async throws {
    let queue = try await QueueFixture()
    try await bounce(queue, lifetime: .seconds(86_400))
    #expect(try await entries(queue) == "bob@example.org|\(queue.tenant)|1|user_unknown|1 day")
    try await bounce(queue, lifetime: .seconds(3 * 86_400), to: "BOB@Example.ORG")
    #expect(try await entries(queue) == "bob@example.org|\(queue.tenant)|1|user_unknown|3 days")
    try await bounce(queue, lifetime: .seconds(3600))
    #expect(try await entries(queue) == "bob@example.org|\(queue.tenant)|1|user_unknown|3 days")
  }

  @Test func whatAnOperatorHasAddedForEverStays() async throws {
    let queue = try await QueueFixture()
    let scope = Suppressions.Scope.tenant(queue.tenant)
    try await queue.pool.run { try Suppressions.add(bob, for: scope, note: "no", lifetime: nil, $0) }
    try await bounce(queue, lifetime: .seconds(86_400))
    #expect(try await entries(queue) == "bob@example.org|\(queue.tenant)|0|no|always")
  }

  @Test func theTenantsChoiceHolds() async throws {
    let queue = try await QueueFixture()
    try await queue.database.query("UPDATE postrider.tenant SET suppress_bounces = 0")
    try await bounce(queue, lifetime: .seconds(86_400))
    #expect(try await entries(queue) == "")
    try await queue.database.query("UPDATE postrider.tenant SET suppress_bounces = 7200")
    try await bounce(queue, lifetime: .zero)
    #expect(try await entries(queue) == "bob@example.org|\(queue.tenant)|1|user_unknown|02:00:00")
  }

  /// A claim says of each recipient whether it is suppressed: for its tenant, or for all, and only in its time.
  @Test func aClaimKnowsWhatIsSuppressed() async throws {
    let queue = try await QueueFixture()
    let other = try await QueueFixture.addTenant("other", queue.pool)
    let (all, scope) = (Suppressions.Scope.allTenants, Suppressions.Scope.tenant(other))
    try await queue.pool.run { connection in
      try Suppressions.add(
        MailAddress(localPart: "all", domain: "example.org"), for: all, note: "g", lifetime: .seconds(60), connection)
      try Suppressions.add(bob, for: scope, note: "t", lifetime: nil, connection)
    }
    _ = try await queue.writer().enqueue(
      queue.message(to: ["BOB@example.org", "All@example.org", "eve@example.org"], tenant: other))
    let session = try await queue.session()
    let claimed = try #require(try await queue.claim(session).first)
    #expect(claimed.suppressions.map { $0?.detail } == ["t", "g", nil])
    #expect(claimed.suppressions.map { $0?.tenant } == [other, nil, nil])

    try await queue.advance("2 minutes")
    _ = try await queue.writer().enqueue(queue.message(to: ["bob@example.org", "all@example.org"]))
    let later = try #require(try await queue.claim(session, counter: 2).first)
    #expect(later.suppressions == [nil, nil], "another tenant, and too late")
    // Notices are answers to what the address's owner has sent.
    var notice = queue.message(to: ["bob@example.org"], tenant: other)
    notice.envelope.reversePath = nil
    _ = try await queue.writer().enqueue(notice)
    #expect(try #require(try await queue.claim(session, counter: 3).first).suppressions == [nil])
  }

  @Test func entriesEndInBoundedSteps() async throws {
    let queue = try await QueueFixture()
    try await queue.database.query(
      """
      INSERT INTO postrider.suppression (address, tenant, reason, added_at, expires_at)
      SELECT n || '@example.org', 0, 1, now(), CASE WHEN n <= 700 THEN now() - n * interval '1 second' END
      FROM generate_series(1, 800) n
      """)
    #expect(try await queue.pool.run { try Suppressions.expire($0) } == 500)
    #expect(try await queue.pool.run { try Suppressions.expire($0) } == 200)
    #expect(try await queue.pool.run { try Suppressions.expire($0) } == 0)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.suppression") == "100")
  }

  @Test func theListComesInPieces() async throws {
    let queue = try await QueueFixture()
    try await queue.pool.run { connection in
      for name in ["a", "b", "c"] {
        try Suppressions.add(
          MailAddress(localPart: name, domain: "example.org"), for: .allTenants, note: "", lifetime: nil, connection)
      }
    }
    let first = try await queue.pool.run { try Suppressions.list(nil, limit: 2, $0) }
    #expect(first.map(\.address) == ["a@example.org", "b@example.org"])
    let rest = try await queue.pool.run { try Suppressions.list(nil, after: "b@example.org", limit: 2, $0) }
    #expect(rest.map(\.address) == ["c@example.org"])
  }
}
