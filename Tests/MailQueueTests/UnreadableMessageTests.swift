import MailModel
import MailQueue
import MailTesting
import Postgres
import Testing

/// A job whose message is not there, as after a damaged table or a hand that deleted the wrong rows.
@Suite struct UnreadableMessageTests {
  @Test func aJobWithoutMessageIsHeldAndNotedAndTheOthersAreClaimed() async throws {
    let queue = try await QueueFixture()
    let writer = queue.writer()
    let (lost, kept) = (queue.message(to: ["a@example.org", "b@example.org"]), queue.message())
    _ = try await writer.enqueue(lost)
    _ = try await writer.enqueue(kept)
    try await queue.delete(lost)
    let session = try await queue.session()
    let batch = try await queue.claimBatch(session)
    #expect(batch.messages.map(\.id) == [kept.id])
    #expect(Set(batch.held) == [HeldJob(message: lost.id, recipient: 1), HeldJob(message: lost.id, recipient: 2)])
    #expect(try await queue.states(of: lost) == "t|t\nt|t", "held, and nobody's")
    let again = try await queue.claimBatch(session, counter: 2)
    #expect(again.messages.isEmpty && again.held.isEmpty)
  }

  @Test func aDamagedRowStopsNoOtherMail() async throws {
    let queue = try await QueueFixture()
    let writer = queue.writer()
    let (damaged, kept) = (queue.message(), queue.message())
    _ = try await writer.enqueue(damaged)
    _ = try await writer.enqueue(kept)
    try await queue.database.query(
      "UPDATE postrider.message SET recipients = ARRAY['nobody'::bytea] WHERE id = '\(damaged.uuid)'")
    let batch = try await queue.claimBatch(try await queue.session())
    #expect(batch.messages.map(\.id) == [kept.id])
    #expect(batch.held == [HeldJob(message: damaged.id, recipient: 1)])
  }

  @Test func aHeldOneCanBeReleasedWhenItsMessageIsBack() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    try await queue.database.query("CREATE TABLE saved AS SELECT * FROM postrider.message")
    try await queue.delete(message)
    let session = try await queue.session()
    #expect(try await queue.claimBatch(session).held.count == 1)
    try await queue.database.query("INSERT INTO postrider.message SELECT * FROM saved")
    #expect(try await queue.pool.run { try Steering.release(message.id, $0) } == [1])
    #expect(try await queue.claim(session, counter: 2).map(\.id) == [message.id])
  }

  @Test func aClaimThatChangesHandsFindsItToo() async throws {
    let queue = try await QueueFixture()
    let message = queue.message()
    _ = try await queue.writer().enqueue(message)
    let (worker, alone) = (try await queue.session(), try await queue.session())
    #expect(try await queue.claim(worker).count == 1)
    try await queue.delete(message)
    await #expect(throws: PostgresError.self) {
      try await queue.pool.run {
        _ = try Claims.takeOver(message.id, 1, from: [worker], to: alone, counter: 1, $0)
      }
    }
    #expect(try await queue.states(of: message) == "t|t")
  }
}

extension QueueFixture {
  fileprivate func delete(_ message: NewMessage) async throws {
    try await database.query("DELETE FROM postrider.message WHERE id = '\(message.uuid)'")
  }

  /// Of each of its jobs: whether it is held, and whether nobody has it.
  fileprivate func states(of message: NewMessage) async throws -> String {
    try await database.query(
      """
      SELECT held, claim_session IS NULL AND claim_counter IS NULL FROM postrider.job
      WHERE message = '\(message.uuid)'
      """)
  }
}

extension NewMessage {
  /// As psql takes it; hyphens are optional.
  fileprivate var uuid: String { "\(hex(id.high))\(hex(id.low))" }

  private func hex(_ half: UInt64) -> String {
    let digits = String(half, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
