import MailTesting

/// A queue that holds much, made by SQL: one large lane, many small ones, some of them asleep.
struct Backlog {
  /// Jobs in the large lane; the first tenant's mail to `large.example`.
  var large = 100_000
  var tenants = 400
  /// Lanes of those tenants with few jobs each: a third is ready, the others wait.
  var lanes = 20_000
  var jobsOfLane = 3
  /// Of each message; those in the large lane are neighbours, the others are in lanes of their own.
  var recipients = 10

  var jobs: Int { large + jobsOfLane * lanes }

  /// Messages have one short chunk that cannot be decrypted.
  func load(into database: TestDatabase) async throws {
    try await database.query(
      """
      BEGIN;
      INSERT INTO postrider.tenant (name) SELECT 'tenant ' || n FROM generate_series(1, \(tenants)) n;
      INSERT INTO postrider.lane (tenant, destination, ready)
        SELECT min(id), 'large.example', true FROM postrider.tenant ON CONFLICT DO NOTHING;
      INSERT INTO postrider.lane (tenant, destination, ready, wake_at)
        SELECT t.id, 'd' || n || '.example', n % 3 = 0,
          CASE WHEN n % 3 = 0 THEN 'infinity' ELSE now() + (n % 1000 - 5) * interval '1 minute' END
        FROM generate_series(1, \(lanes)) n JOIN postrider.tenant t ON t.name = 'tenant ' || (n % \(tenants) + 1);
      CREATE TEMPORARY TABLE made ON COMMIT DROP AS
        SELECT gen_random_uuid() AS id, n AS number, now() - n * interval '1 millisecond' AS accepted_at,
          postrider.utc_day(now()) AS day
        FROM generate_series(0, \(jobs) / \(recipients)) n;
      CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, ready FROM postrider.lane
        WHERE destination <> 'large.example';
      CREATE UNIQUE INDEX ON numbered (place);
      CREATE UNIQUE INDEX ON made (number);
      INSERT INTO postrider.message (id, day, tenant, accepted_at, expires_at, size_bytes, chunk_count, body_kind,
          smtp_utf8, session, client_address, reverse_path, recipients, notify, original_recipients, body_key)
        SELECT m.id, m.day, 1, m.accepted_at, m.accepted_at + interval '5 days', 100, 1, 0, false, 'backlog',
          '127.0.0.1', 'alice@example.com', array_fill('bob@example.org'::bytea, ARRAY[\(recipients)]),
          array_fill(NULL::smallint, ARRAY[\(recipients)]), array_fill(NULL::bytea, ARRAY[\(recipients)]), 'no key'
        FROM made m;
      INSERT INTO postrider.body_chunk (message, day, seq, data) SELECT m.id, m.day, 0, 'unreadable' FROM made m;
      INSERT INTO postrider.redaction (due, message, day)
        SELECT m.accepted_at + n * interval '1 day', m.id, m.day FROM made m, generate_series(1, 5) n;
      INSERT INTO postrider.outcome (message, day, at, recipient, duration_ms, kind, attempt)
        SELECT m.id, m.day, m.accepted_at, 1, 1, 1, 1 FROM made m;
      INSERT INTO postrider.job (message, recipient, lane, day, due, event_at)
        SELECT m.id, n % \(recipients) + 1, l.id, m.day, m.accepted_at, m.accepted_at + interval '5 days'
        FROM generate_series(0, \(large) - 1) n JOIN made m ON m.number = n / \(recipients), postrider.lane l
        WHERE l.destination = 'large.example';
      INSERT INTO postrider.job (message, recipient, lane, day, due, event_at)
        SELECT m.id, n % \(recipients) + 1, l.id, m.day,
          CASE WHEN l.ready THEN m.accepted_at ELSE now() + n * interval '1 second' END,
          m.accepted_at + interval '5 days'
        FROM generate_series(\(large), \(jobs) - 1) n JOIN made m ON m.number = n / \(recipients)
          JOIN numbered l ON l.place = n % \(lanes);
      COMMIT
      """, atMost: .seconds(1200))
  }
}
