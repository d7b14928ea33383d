package import Cryptography
package import MailModel
package import Postgres

/// Reads stored bodies back, chunk by chunk.
package struct BodyStore: Sendable {
  private let master: MasterKey

  package init(master: MasterKey) { self.master = master }

  /// Reads the only chunk of each of the given messages in one round trip. Messages with more chunks, or without
  /// a key, and such as cannot be decrypted, are left out.
  /// - Returns: plaintext by message.
  package func readWhole(_ messages: [ClaimedMessage], _ connection: PostgresConnection) throws -> [QueueID: [UInt8]] {
    let wanted = messages.filter { $0.chunkCount == 1 && $0.wrappedKey != nil }
    guard !wanted.isEmpty else { return [:] }
    var parameters = PostgresParameters()
    parameters.append(wanted.map { UUIDValue($0.id) })
    parameters.append(wanted.map(\.day))
    let result = try connection.query(
      """
      SELECT u.message, c.data FROM unnest($1::uuid[], $2::date[]) u(message, day) CROSS JOIN LATERAL (
        -- OFFSET 0: asked for once for each message, never the other way round.
        SELECT x.data FROM postrider.body_chunk x WHERE x.message = u.message AND x.day = u.day AND x.seq = 0 OFFSET 0) c
      """, parameters)
    let keys = Dictionary(wanted.map { ($0.id, $0.wrappedKey ?? []) }) { first, _ in first }
    var bodies: [QueueID: [UInt8]] = [:]
    for row in 0..<result.rowCount {
      let id = try result.uuid(row, 0).queueID
      // One that cannot be read must not stop the others: its own delivery meets the fault again and says so.
      guard let cipher = try? BodyCipher(for: id, wrappedKey: keys[id] ?? [], master: master),
        let plaintext = try? cipher.open(result.bytes(row, 1), chunk: 0, of: 1)
      else { continue }
      bodies[id] = plaintext
    }
    return bodies
  }

  /// Reads one chunk.
  /// - Throws: a `.decoding` error when it is not there: the body has been dropped.
  package func readChunk(_ number: Int, of message: ClaimedMessage, _ connection: PostgresConnection) throws -> [UInt8]
  {
    try readChunk(
      number, id: message.id, day: message.day, count: message.chunkCount, wrappedKey: message.wrappedKey, connection)
  }

  package func readChunk(
    _ number: Int, id: QueueID, day: Day, count: Int, wrappedKey: [UInt8]?, _ connection: PostgresConnection
  ) throws -> [UInt8] {
    guard let wrappedKey else { throw PostgresError(.decoding, "the body of \(id) has been redacted") }
    var parameters = PostgresParameters()
    parameters.append(UUIDValue(id))
    parameters.append(day)
    parameters.append(Int32(number))
    let result = try connection.query(
      "SELECT data FROM postrider.body_chunk WHERE message = $1::uuid AND day = $2::date AND seq = $3::int", parameters)
    guard result.rowCount == 1 else { throw PostgresError(.decoding, "chunk \(number) of \(id) is missing") }
    return try BodyCipher(for: id, wrappedKey: wrappedKey, master: master).open(
      result.bytes(0, 0), chunk: number, of: count)
  }
}
