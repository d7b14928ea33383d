import Cryptography
import Foundation
import MailModel
import MailQueue
import MailTesting
import NIOCore
import Postgres
import Testing

/// A migrated database and the built executable, run as an operator would run it.
final class CommandFixture: Sendable {
  let database: TestDatabase
  let directory: TemporaryDirectory
  let pool: PostgresPool
  private let master: MasterKey

  init() async throws {
    database = try await TestDatabase.make()
    directory = try TemporaryDirectory()
    try MasterKey.create(file: directory.path("master.keys"))
    master = try MasterKey.load(file: directory.path("master.keys"))
    let configuration = PostgresConfiguration.patient(url: database.url)
    try Schema.migrate(try configuration.connect(), purpose: .test)
    pool = PostgresPool(configuration, threads: 1)
  }

  deinit { pool.shutdown() }

  struct Result: Sendable {
    let status: Int32
    let output: String
    let errors: String

    /// The output, read as JSON.
    func json() throws -> [String: any Sendable] {
      let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(value as? [String: any Sendable])
    }
  }

  /// Runs `postrider` to its end.
  @discardableResult
  func postrider(_ arguments: String..., settings: [String: String] = [:]) async throws -> Result {
    try await postrider(arguments, settings: settings)
  }

  func postrider(_ arguments: [String], settings: [String: String] = [:]) async throws -> Result {
    var all = ["database.url": database.url, "keys.master_file": directory.path("master.keys")]
    all.merge(settings) { $1 }
    let process = Process()
    process.executableURL = URL(filePath: ProcessHarness.productsDirectory).appending(path: "postrider")
    process.arguments = arguments + all.sorted { $0.key < $1.key }.flatMap { ["--set", "\($0.key)=\($0.value)"] }
    process.environment = [:]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    let said = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: String(decoding: printed, as: UTF8.self),
      errors: String(decoding: said, as: UTF8.self))
  }

  func addTenant(_ name: String) async throws -> Int64 {
    try await postrider("tenant", "add", name)
    return try #require(Int64(try await database.query("SELECT id FROM postrider.tenant WHERE name = '\(name)'")))
  }

  /// Queues a message.
  func enqueue(to recipients: [String], tenant: Int64) async throws -> QueueID {
    let message = NewMessage(
      id: QueueID(unixMilliseconds: 1_700_000_000_000), tenant: tenant, credential: nil,
      envelope: Envelope(
        reversePath: MailAddress(trusted: "alice@example.com"),
        recipients: recipients.compactMap { MailAddress(trusted: $0).map { Recipient(address: $0) } }),
      content: .memory(ByteBuffer(string: "Subject: hello\r\n\r\nhello\r\n")), session: "S1",
      clientAddress: "192.0.2.7")
    let writer = MessageWriter(pool: pool, policy: EnqueuePolicy(master: master))
    return try await withCheckedThrowingContinuation { continuation in
      writer.enqueue(message) { continuation.resume(with: $0.map(\.id)) }
    }
  }

  /// Claims everything and ends each recipient's attempt as told.
  func attempt(node: String = "node1", _ end: @escaping @Sendable (MailAddress) -> (Disposition, Attempt)) async throws
  {
    try await pool.run { connection in
      let session = QueueID(unixMilliseconds: 1)
      try WorkerSessions.begin(id: session, node: node, lease: .seconds(3600), connection)
      var cursor = FairCursor()
      let claimed = try Claims.take(
        session: session, counter: 1, cursor: &cursor, rowsMax: 1000, connection
      ).messages
      let done = claimed.flatMap { message in
        zip(message.jobs, message.envelope.recipients).map { job, recipient in
          let (disposition, attempt) = end(recipient.address)
          return CompletedJob(job: job, tenant: message.tenant, disposition: disposition, attempt: attempt)
        }
      }
      try Completions.write(done, session: session, connection)
    }
  }
}
