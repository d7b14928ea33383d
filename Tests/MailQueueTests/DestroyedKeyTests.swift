import Foundation
import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// What is left on the disk of the database, as somebody would find it who has all of its files.
@Suite struct DestroyedKeyTests {
  @Test func nothingReadableIsOnTheDiskAndADestroyedKeyLeavesIt() async throws {
    let server = try await PostgresServer(settings: ["wal_recycle": "off", "autovacuum": "off"])
    let queue = try await QueueFixture(server: server)
    let keeper = try await queue.lead()
    let secret = "the body's secret words \(UInt64.random(in: .min ... .max))"
    var message = queue.message(text: "Subject: plain\r\n\r\n\(secret)\r\n")
    message.retention = Retention(body: .seconds(86_400))
    let kept = queue.message(to: ["eve@example.org", "late@example.net"])
    let disk = Disk(server.dataDirectory)
    func flush() async throws { try await server.query("CHECKPOINT") }
    for each in [message, kept] { _ = try await queue.writer().enqueue(each) }
    let key = try await queue.storedKey(message.id)
    let keptKey = try await queue.storedKey(kept.id)
    #expect(key.count > 64)
    try await flush()
    #expect(try disk.files(with: Array("alice@example.com".utf8)).count > 1, "what is in the clear is found")
    #expect(try disk.files(with: Array(secret.utf8)).isEmpty)
    #expect(try disk.files(with: key).contains { $0.contains("pg_wal") })

    try await queue.end(["example.org"], as: .delivered)
    try await queue.advance("2 days")
    #expect(try await queue.redactDue(keeper) == 1)
    try await flush()
    #expect(try disk.files(with: Array(secret.utf8)).isEmpty)
    #expect(try !disk.files(with: key).isEmpty, "PostgreSQL keeps what it no longer shows")

    #expect(try await queue.tendDays().contains(.rewritten))
    try await flush()
    #expect(try disk.files(with: key).allSatisfy { $0.contains("pg_wal") }, "no table has it")
    // What the server does by itself in time: the old WAL goes.
    try await server.query("SELECT pg_switch_wal()")
    try await flush()
    #expect(try disk.files(with: key).isEmpty)
    #expect(try disk.files(with: Array(secret.utf8)).isEmpty)
    #expect(try !disk.files(with: keptKey).isEmpty, "other mail of the day is as it was")
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.body_chunk") == "2")

    // Mail that waits is read and delivered as ever; when it has gone, too, the day's bodies go.
    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    let waiting = try #require(claimed.first { $0.id == kept.id })
    let store = BodyStore(master: queue.master)
    #expect(try await queue.pool.run { try !store.readChunk(0, of: waiting, $0).isEmpty })
    _ = try await queue.complete(claimed, as: .delivered, session: session)
    try await queue.advance("31 days")
    #expect(try await queue.redactDue(keeper) == 1)
    #expect(try await queue.tendDays().contains(.bodiesDropped))
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.body_chunk") == "0")
    #expect(try await queue.trace(message.id)?.states.map(\.name) == ["delivered"], "the records stay")
    #expect(try await queue.pool.run { try Partitions.dropOldest($0, retentionDays: 90) } == nil)
    try await queue.advance("60 days")
    #expect(try await queue.pool.run { try Partitions.dropOldest($0, retentionDays: 90) } != nil)
    #expect(try await queue.trace(message.id) == nil)
  }

  @Test func aReaderIsNotInTheWayOfInsertionsWhileADayIsRewritten() async throws {
    let queue = try await QueueFixture()
    let keeper = try await queue.lead()
    var message = queue.message()
    message.retention = Retention(body: .zero)
    _ = try await queue.writer().enqueue(message)
    try await queue.end(["example.org"], as: .delivered)
    #expect(try await queue.redactDue(keeper) == 1)
    try await queue.advance("2 days")
    // A long report: the exchange gives up, and nothing is lost or left behind.
    let reader = try queue.connect()
    _ = try reader.query("BEGIN")
    _ = try reader.query("SELECT count(*) FROM postrider.message")
    await #expect(throws: PostgresError.self) { try await queue.tendDays() }
    _ = try await queue.writer().enqueue(queue.message())
    #expect(try await queue.trace(message.id)?.facts.isRedacted == true)
    _ = try reader.query("COMMIT")
    #expect(try await queue.tendDays().contains(.rewritten))
    #expect(try await queue.trace(message.id)?.facts.isRedacted == true)
    let indexes = try await queue.database.query(
      """
      SELECT count(*) = (SELECT count(*) FROM pg_index WHERE indrelid = 'postrider.message'::regclass)
      FROM pg_index WHERE indrelid = (SELECT min(m.tableoid::oid) FROM postrider.message m
        WHERE m.redacted_at IS NOT NULL) AND indisvalid
      """)
    #expect(indexes == "t", "as every day's table")
  }
}

extension QueueFixture {
  /// The wrapped key as it lies on disk.
  func storedKey(_ id: QueueID) async throws -> [UInt8] {
    try await pool.run { connection in
      var parameters = PostgresParameters()
      parameters.append(UUIDValue(id))
      return try connection.query("SELECT body_key FROM postrider.message WHERE id = $1::uuid", parameters).bytes(0, 0)
    }
  }
}

/// Every file below a directory, read raw.
struct Disk {
  let directory: String

  init(_ directory: String) { self.directory = directory }

  /// - Returns: the names of the files that hold these bytes.
  func files(with bytes: [UInt8]) throws -> [String] {
    var found: [String] = []
    for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
      // Files come and go meanwhile.
      guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)") else { continue }
      if data.range(of: Data(bytes)) != nil { found.append(name) }
    }
    return found
  }
}
