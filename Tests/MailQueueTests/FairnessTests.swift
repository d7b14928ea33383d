import MailModel
import MailQueue
import MailTesting
import NIOConcurrencyHelpers
import Postgres
import Testing

/// Who gets how much, counted in rows, so that no speed matters.
@Suite struct FairnessTests {
  @Test(arguments: [1, 4], [1, 5]) func tenantsShareByWeight(workers: Int, lanes: Int) async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [1, 2, 5], rowsPerWeight: 4000, lanes: lanes)
    let shares = try await queue.work(workers: workers, untilClaimed: 16_000)
    expect(shares, [1, 2, 5])
  }

  @Test func fiveTenantsShareByWeightInSmallClaims() async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [1, 2, 5, 1, 2], rowsPerWeight: 2000, lanes: 3)
    expect(try await queue.work(workers: 2, rows: 30, untilClaimed: 11_000), [1, 2, 5, 1, 2])
  }

  /// A heavy tenant's turn is longer than a claim; its turn goes on in the next one.
  @Test func aTurnGoesOnOverManyClaims() async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [1, 200], rowsPerWeight: 100, lanes: 1)
    expect(try await queue.work(workers: 1, rows: 50, untilClaimed: 10_050), [1, 200])
  }

  @Test func sharesHoldAfterAWorkersDeath() async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [1, 2, 5], rowsPerWeight: 4000, lanes: 2)
    let dying = try await queue.session()
    for counter in 1...5 { _ = try await queue.claim(dying, counter: Int64(counter), rows: 300) }
    _ = try await queue.work(workers: 3, untilClaimed: 1000)
    try await queue.pool.run { try WorkerSessions.end(dying, why: "test", $0) }
    expect(try await queue.work(workers: 3, untilClaimed: 14_000), [1, 2, 5])
  }

  @Test func lanesOfATenantShareEqually() async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [1, 3], rowsPerWeight: 3000, lanes: 3)
    let claimed = NIOLockedValueBox<[Int64: Int]>([:])
    _ = try await queue.work(workers: 1, rows: 97, untilClaimed: 8000) { message in
      claimed.withLockedValue { $0[message.jobs[0].lane, default: 0] += message.jobs.count }
    }
    let byLane = claimed.withLockedValue { $0 }.sorted { $0.key < $1.key }.map { Double($0.value) }
    for tenant in [byLane.prefix(3), byLane.suffix(3)] {
      let mean = tenant.reduce(0, +) / 3
      for lane in tenant { #expect(abs(lane - mean) < 0.05 * mean, "\(byLane)") }
    }
  }

  /// What a tenant leaves goes to the others at once, and it does not save up for later.
  @Test func anExhaustedTenantLosesItsCreditNotTheOthersTime() async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [5, 1], rowsPerWeight: 20, lanes: 1)
    try await queue.addBacklogs(weights: [1], rowsPerWeight: 1000, lanes: 1, first: 3)
    let session = try await queue.session()
    #expect(try await queue.claim(session, rows: 600).count == 600)
  }

  @Test func aMessagesSiblingsComeAlongAndAreDebited() async throws {
    let queue = try await QueueFixture()
    let second = try await QueueFixture.addTenant("second", queue.pool)
    let writer = queue.writer()
    let many = (0..<60).map { "r\($0)@many.example" }
    for _ in 0..<20 { _ = try await writer.enqueue(queue.message(to: many)) }
    for number in 0..<600 {
      _ = try await writer.enqueue(queue.message(to: ["r\(number)@one.example"], tenant: second))
    }
    let session = try await queue.session()
    let whole = NIOLockedValueBox(true)
    let shares = try await queue.work(workers: 1, rows: 40, untilClaimed: 1000, session: session) { message in
      if message.jobs.count != 60, message.jobs.count != 1 { whole.withLockedValue { $0 = false } }
    }
    #expect(whole.withLockedValue { $0 }, "every message came whole")
    let ratio = Double(shares[second] ?? 0) / Double(shares[queue.tenant] ?? 1)
    #expect((0.8...1.2).contains(ratio), "\(shares)")
  }

  @Test func aSuspendedTenantIsSteppedOver() async throws {
    let queue = try await QueueFixture()
    try await queue.addBacklogs(weights: [1, 1], rowsPerWeight: 50, lanes: 30)
    try await queue.database.query("UPDATE postrider.tenant SET suspended_at = now() WHERE name = 'weight 1'")
    let shares = try await queue.work(workers: 1, untilClaimed: 50)
    #expect(shares.count == 1)
  }

  /// Lanes of a full destination are passed over, those of a paused one are laid aside and come back.
  @Test func aDestinationGetsNoMoreThanItsRoom() async throws {
    let queue = try await QueueFixture()
    let second = try await QueueFixture.addTenant("second", queue.pool)
    let writer = queue.writer()
    for number in 0..<20 {
      for tenant in [queue.tenant, second] {
        _ = try await writer.enqueue(queue.message(to: ["r\(number)@slow.example"], tenant: tenant))
        _ = try await writer.enqueue(queue.message(to: ["r\(number)@fast.example"], tenant: tenant))
      }
    }
    let session = try await queue.session()
    func claim(_ counter: Int64, _ rooms: DestinationRooms) async throws -> [String: Int] {
      let claimed = try await queue.pool.run { connection in
        var cursor = FairCursor()
        return try Claims.take(
          session: session, counter: counter, cursor: &cursor, rooms: rooms, rowsMax: 1000, connection
        ).messages
      }
      return claimed.reduce(into: [:]) { $0[$1.envelope.recipients[0].address.destination, default: 0] += 1 }
    }
    #expect(try await claim(1, DestinationRooms(paused: ["slow.example", "fast.example"])) == [:])
    // However long the next line takes to come.
    try await queue.database.query("UPDATE postrider.lane SET wake_at = wake_at + interval '1 hour'")
    #expect(try await claim(2, DestinationRooms()) == [:], "laid aside for a second")
    try await queue.advance("1 hour 1 second")
    #expect(
      try await claim(3, DestinationRooms(rooms: ["slow.example": 7], other: 15))
        == ["slow.example": 7, "fast.example": 15], "two lanes share it")
    #expect(
      try await claim(4, DestinationRooms(rooms: ["slow.example": 0], other: 11)) == ["fast.example": 11],
      "in all passes together")
    #expect(try await claim(5, DestinationRooms(rooms: ["slow.example": 0])) == ["fast.example": 14])
    #expect(try await claim(6, DestinationRooms()) == ["slow.example": 33])
  }

  private func expect(_ shares: [Int64: Int], _ weights: [Int]) {
    let total = Double(shares.values.reduce(0, +))
    let sum = Double(weights.reduce(0, +))
    for (share, weight) in zip(shares.sorted { $0.key < $1.key }.map { Double($0.value) }, weights) {
      let due = total * Double(weight) / sum
      #expect(abs(share - due) <= 0.05 * due, "\(shares) for \(weights)")
    }
    #expect(shares.count == weights.count)
  }
}

extension QueueFixture {
  /// Tenants with weights, and as many messages per unit of weight, spread over lanes of their own.
  fileprivate func addBacklogs(weights: [Int], rowsPerWeight: Int, lanes: Int, first: Int = 1) async throws {
    for (index, weight) in weights.enumerated() {
      try await database.query(
        """
        INSERT INTO postrider.tenant (name, weight) VALUES ('weight \(first + index)', \(weight));
        WITH owner AS (SELECT id FROM postrider.tenant WHERE name = 'weight \(first + index)'),
        lanes AS (
          INSERT INTO postrider.lane (tenant, destination, ready, wake_at)
          SELECT o.id, 'd' || n || '.example', true, now() FROM owner o, generate_series(0, \(lanes - 1)) n
          RETURNING id, tenant, destination
        ), messages AS (
          INSERT INTO postrider.message (id, day, tenant, accepted_at, expires_at, size_bytes, chunk_count, body_kind,
            smtp_utf8, session, client_address, reverse_path, recipients, notify, original_recipients)
          SELECT gen_random_uuid(), postrider.utc_day(postrider.schedule_now()), o.id, now(), now() + interval '5 days',
            1, 1, 0, false, 'test', '127.0.0.1', 'a@b.example',
            ARRAY[convert_to('r@d' || n % \(lanes) || '.example', 'UTF8')], ARRAY[NULL::smallint], ARRAY[NULL::bytea]
          FROM owner o, generate_series(1, \(rowsPerWeight * weight)) n
          RETURNING id, day, recipients[1] AS recipient, tenant
        )
        INSERT INTO postrider.job (message, recipient, lane, day, due, event_at)
        SELECT m.id, 1, l.id, m.day, now() - interval '1 minute', now() + interval '5 days'
        FROM messages m JOIN lanes l ON l.destination = split_part(convert_from(m.recipient, 'UTF8'), '@', 2)
        """)
    }
  }

  /// Workers that claim and complete side by side until so many rows were claimed.
  /// - Returns: how many rows of each tenant were claimed.
  fileprivate func work(
    workers: Int, rows: Int = 100, untilClaimed total: Int, session: QueueID? = nil,
    _ look: @escaping @Sendable (ClaimedMessage) -> Void = { _ in }
  ) async throws -> [Int64: Int] {
    let shares = NIOLockedValueBox<[Int64: Int]>([:])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<workers {
        group.addTask {
          let own = if let session { session } else { try await self.session() }
          var cursor = FairCursor()
          var counter: Int64 = 1
          while shares.withLockedValue({ $0.values.reduce(0, +) }) < total {
            let (start, number) = (cursor, counter)
            let (claimed, next) = try await self.pool.run { connection in
              var cursor = start
              let claimed = try Claims.take(
                session: own, counter: number, cursor: &cursor, rowsMax: rows, connection
              ).messages
              return (claimed, cursor)
            }
            (cursor, counter) = (next, counter + 1)
            shares.withLockedValue { shares in
              for message in claimed { shares[message.tenant, default: 0] += message.jobs.count }
            }
            claimed.forEach(look)
            _ = try await self.complete(claimed, as: .delivered, session: own)
            if claimed.isEmpty { throw NothingToClaim() }
          }
        }
      }
      try await group.waitForAll()
    }
    return shares.withLockedValue { $0 }
  }
}

private struct NothingToClaim: Error {}
