import Cryptography
import MailModel
import MailQueue
import MailTesting
import NIOCore
import Postgres
import Testing

@Suite struct QueueTests {
  @Test func aMessageIsQueuedClaimedReadAndCompleted() async throws {
    let queue = try await QueueFixture()
    let message = queue.message(to: ["bob@example.org", "eve@Example.ORG", "joe@example.net"])
    let receipt = try await queue.writer().enqueue(message)
    #expect(receipt.id == message.id)
    #expect(try await queue.jobs() == 3)

    let session = try await queue.session()
    let claimed = try await queue.claim(session)
    #expect(claimed.count == 2, "one group per lane: siblings come along together")
    #expect(
      Set(claimed.flatMap { $0.envelope.recipients.map(\.address.description) })
        == ["bob@example.org", "eve@Example.ORG", "joe@example.net"])
    #expect(claimed.allSatisfy { $0.envelope.reversePath?.description == "alice@example.com" })
    #expect(claimed.allSatisfy { $0.expiresAt.microseconds - $0.acceptedAt.microseconds == 5 * 86_400 * 1_000_000 })

    let store = BodyStore(master: queue.master)
    let bodies = try await queue.pool.run { try store.readWhole(claimed, $0) }
    #expect(bodies[message.id] == Array("Subject: hello\r\n\r\nhello\r\n".utf8))

    #expect(try await queue.claim(session, counter: 2).isEmpty, "in flight is not claimed again")
    #expect(try await queue.complete(claimed, as: .delivered, session: session) == 0)
    #expect(try await queue.jobs() == 0)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.outcome WHERE NOT late AND kind = 0") == "3")
  }

  @Test func concurrentMessagesShareTransactions() async throws {
    let queue = try await QueueFixture()
    let writer = queue.writer()
    let receipts = try await withThrowingTaskGroup(of: EnqueueReceipt.self) { group in
      for number in 0..<500 {
        let message = queue.message(to: ["r\(number)@d\(number % 7).example"])
        group.addTask { try await writer.enqueue(message) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(receipts.count == 500)
    #expect(receipts.contains { $0.batch > 1 })
    #expect(try await queue.jobs() == 500)
    #expect(try await queue.database.query("SELECT count(*) FROM postrider.lane WHERE ready") == "7")
  }

  @Test func onlyTheMessageAtFaultFails() async throws {
    let queue = try await QueueFixture()
    // A tenant that the database refuses stands for any fault of one row.
    try await queue.database.query(
      """
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '22023'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON postrider.message FOR EACH ROW
        WHEN (NEW.tenant = 2000000) EXECUTE FUNCTION refuse()
      """)
    var limits = MessageWriter.Limits()
    limits.writers = 1
    let writer = queue.writer(limits)
    let results = await withTaskGroup(of: (Int, Bool).self) { group in
      for number in 0..<40 {
        let message = queue.message(tenant: number == 17 ? 2_000_000 : nil)
        group.addTask { (number, (try? await writer.enqueue(message)) != nil) }
      }
      return await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
    }
    #expect(results.filter { !$0.value }.map(\.key) == [17])
    #expect(try await queue.jobs() == 39)
  }

  /// Upkeep that did not run is no fault of any message: the sender is told to come again.
  @Test func aMissingPartitionIsTemporary() async throws {
    let queue = try await QueueFixture()
    try await queue.advance("20 days")
    let error = await #expect(throws: EnqueueFailure.self) { _ = try await queue.writer().enqueue(queue.message()) }
    #expect(error?.reply.code == 451)
  }

  @Test func aLargeMessageIsStoredInChunks() async throws {
    let queue = try await QueueFixture()
    let file = try SpillFile(directory: queue.directory.path)
    let block = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for _ in 0..<40 { try block.withUnsafeBytes { try file.append($0) } }
    var message = queue.message()
    message.content = .spilled(file)
    _ = try await queue.writer().enqueue(message)
    let claimed = try #require(try await queue.claim(try await queue.session()).first)
    #expect(claimed.size == 40 * 65_536)
    #expect(claimed.chunkCount == 10)
    let store = BodyStore(master: queue.master)
    for chunk in 0..<10 {
      let bytes = try await queue.pool.run { try store.readChunk(chunk, of: claimed, $0) }
      #expect(bytes.count == BodyCipher.chunkSize)
      #expect(bytes.starts(with: block))
    }
  }

  @Test func noPlaintextReachesTheDisk() async throws {
    // Of its own: what others write must neither be flushed with it nor change while it is searched.
    let queue = try await QueueFixture(server: try await PostgresServer(fsync: false))
    let secret = "the-secret-\(UInt64.random(in: 1...UInt64.max))"
    _ = try await queue.writer().enqueue(queue.message(text: "Subject: x\r\n\r\n\(secret)\r\n"))
    try await queue.database.query("CHECKPOINT")
    let data = queue.database.server.dataDirectory
    let oid = try await queue.database.query("SELECT oid FROM pg_database WHERE datname = current_database()")
    let directories = ["\(data)/base/\(oid)", "\(data)/pg_wal"]
    let found = try await run("grep", ["-s", "-r", "-l", "-a", "-F", secret] + directories)
    #expect(found.output.isEmpty)
    // The search itself works: the domain of the recipient is stored in clear.
    let control = try await run("grep", ["-s", "-r", "-l", "-a", "-F", "bob@example.org"] + directories)
    #expect(!control.output.isEmpty)
  }

  @Test func productionHasNoScheduleOffset() async throws {
    let database = try await TestDatabase.make()
    let connection = try PostgresConfiguration(url: database.url, role: "test").connect()
    try Schema.migrate(connection, purpose: .production)
    try Schema.check(connection)
    await #expect(throws: (any Error).self) {
      try await database.query("UPDATE postrider.installation SET schedule_offset = '1 day'")
    }
    await #expect(throws: (any Error).self) {
      try await database.query("UPDATE postrider.installation SET purpose = 'test'")
    }
  }

  @Test func aNewerSchemaIsRefusedUnlessItFits() async throws {
    let queue = try await QueueFixture()
    let connection = try queue.connect()
    // A later release has expanded the schema: this build works on beside it, and leaves the schema as it is.
    try await queue.database.query(
      "INSERT INTO postrider.schema_version (number, title, oldest) VALUES (9998, 'later', \(Schema.newest))")
    #expect(try Schema.fit(connection) == .newer(9998))
    try Schema.check(connection)
    try Schema.migrate(connection, purpose: .test)
    // One release later it has contracted.
    try await queue.database.query(
      "INSERT INTO postrider.schema_version (number, title, oldest) VALUES (9999, 'much later', 9998)")
    #expect(try Schema.fit(connection) == .tooNew(9999))
    #expect(throws: PostgresError.self) { try Schema.check(connection) }
    #expect(throws: PostgresError.self) { try Schema.migrate(connection, purpose: .test) }
  }

  @Test func eachStepOfTheSchemaSaysWhichBuildsItFits() async throws {
    let queue = try await QueueFixture()
    let known = try await queue.database.query(
      "SELECT number, oldest FROM postrider.schema_version WHERE number >= 4 ORDER BY number")
    let told = Migration.all.filter { $0.number >= 4 }.map { "\($0.number)|\($0.oldest)" }
    #expect(known.split(separator: "\n").map(String.init) == told)
    for (before, after) in zip(Migration.all, Migration.all.dropFirst()) {
      #expect(after.number == before.number + 1 && before.oldest <= after.oldest && after.oldest <= after.number)
    }
  }
}
