package import Cryptography
package import MailModel
package import Postgres

/// How long a message may be retried, and what protects its body: fixed for every message of an acceptor.
package struct EnqueuePolicy: Sendable {
  /// `expires_at` is this long after acceptance, on the database's clock.
  package var retryPeriod: Duration
  package var master: MasterKey
  /// Where neither message, credential nor tenant says otherwise.
  package var retention: Retention
  /// How long after acceptance a sender hears that a recipient still waits, where the tenant has no choice of its own.
  /// Whole seconds; zero is never.
  package var delayNotice: Duration

  package init(
    retryPeriod: Duration = .seconds(5 * 86_400), master: MasterKey, retention: Retention = Retention(),
    delayNotice: Duration = .seconds(4 * 3600)
  ) {
    self.retryPeriod = retryPeriod
    self.master = master
    self.retention = retention
    self.delayNotice = delayNotice
  }
}

/// Builds the statements that make a batch of messages durable: set-based, one round trip, one COMMIT.
package struct EnqueueTransaction {
  /// In the order in which they must run.
  package let statements: [PostgresStatement]

  /// - Parameter lanes: the id of each lane that a recipient falls into.
  package init(_ messages: [NewMessage], lanes: [LaneName: Int64], policy: EnqueuePolicy) throws {
    let ciphers = messages.map { BodyCipher(for: $0.id) }
    statements = Self.statements(
      messages, ciphers: ciphers, chunks: try Self.insertChunks(messages, ciphers: ciphers), lanes: lanes,
      policy: policy)
  }

  /// The same for one large message, whose chunks are written within the transaction one by one (`chunk`).
  static func streamed(_ message: NewMessage, cipher: BodyCipher, lanes: [LaneName: Int64], policy: EnqueuePolicy)
    -> [PostgresStatement]
  {
    statements([message], ciphers: [cipher], chunks: nil, lanes: lanes, policy: policy)
  }

  private static func statements(
    _ messages: [NewMessage], ciphers: [BodyCipher], chunks: PostgresStatement?, lanes: [LaneName: Int64],
    policy: EnqueuePolicy
  ) -> [PostgresStatement] {
    let used = Set(messages.flatMap { message in message.laneNames.compactMap { lanes[$0] } }).sorted()
    return [
      lock(used), requireOpen(messages), insertMessages(messages, ciphers: ciphers, policy: policy), chunks,
      insertJobs(messages, lanes: lanes, policy: policy), wake(used),
    ].compactMap { $0 }
  }

  /// Takes the transaction id first: a job's `due` is read in a later statement, so that no job can appear with a
  /// `due` from before its transaction had an id (the scan start relies on that). Then the lanes' locks, shared, in order.
  private static func lock(_ lanes: [Int64]) -> PostgresStatement {
    var parameters = PostgresParameters()
    parameters.append(Set(lanes.map { Int32($0 % 256) }).sorted())
    return PostgresStatement(
      """
      SELECT pg_current_xact_id()::text, count(pg_advisory_xact_lock_shared(7001, u.lock)::text)
      FROM unnest($1::int[]) u(lock)
      """, parameters)
  }

  /// Fails the transaction (`PR004`) when this database is not the one for a tenant's new mail. nil: nobody asks.
  private static func requireOpen(_ messages: [NewMessage]) -> PostgresStatement? {
    guard let parameters = gates(of: messages) else { return nil }
    return PostgresStatement("SELECT postrider.require_open($1::bigint[], $2::bigint[])", parameters)
  }

  private static func gates(of messages: [NewMessage]) -> PostgresParameters? {
    let gates = Set(messages.compactMap(\.gate))
    guard !gates.isEmpty else { return nil }
    var parameters = PostgresParameters()
    parameters.append(gates.map(\.tenant))
    parameters.append(gates.map(\.epoch))
    return parameters
  }

  /// Which of the gates that these messages need are not open.
  static func closedGates(of messages: [NewMessage], _ connection: PostgresConnection) throws -> Set<TenantEpoch?> {
    guard let parameters = gates(of: messages) else { return [] }
    let result = try connection.query(
      "SELECT tenant, epoch FROM postrider.closed_gates($1::bigint[], $2::bigint[])", parameters)
    return Set(
      try (0..<result.rowCount).map { TenantEpoch(tenant: try result.int64($0, 0), epoch: try result.int64($0, 1)) })
  }

  private static func wake(_ lanes: [Int64]) -> PostgresStatement {
    var parameters = PostgresParameters()
    parameters.append(lanes)
    return PostgresStatement("SELECT postrider.wake_lanes($1::bigint[])", parameters)
  }

  private static func insertMessages(_ messages: [NewMessage], ciphers: [BodyCipher], policy: EnqueuePolicy)
    -> PostgresStatement
  {
    var parameters = PostgresParameters()
    parameters.append(messages.map { UUIDValue($0.id) })
    parameters.append(messages.map(\.tenant))
    parameters.append(messages.map(\.credential))
    parameters.append(messages.map { Int64($0.content.size) })
    parameters.append(messages.map { Int32(BodyCipher.chunkCount(size: $0.content.size)) })
    parameters.append(messages.map(\.envelope.body.rawValue))
    parameters.append(messages.map { $0.envelope.returned?.rawValue })
    parameters.append(messages.map(\.envelope.smtpUTF8))
    parameters.append(messages.map(\.session))
    parameters.append(messages.map(\.clientAddress))
    parameters.append(messages.map { $0.envelope.reversePath.map { Bytea($0.description) } })
    parameters.append(messages.map { $0.envelope.envelopeID.map { Bytea($0) } })
    parameters.append(zip(messages, ciphers).map { Bytea($1.wrappedKey(by: policy.master)) })
    parameters.append(messages.map { $0.noticeOf.map { UUIDValue($0) } })
    // Recipients of all messages in one flat array; each message takes its slice.
    var first: Int32 = 1
    var firsts: [Int32] = []
    for message in messages {
      firsts.append(first)
      first += Int32(message.envelope.recipients.count)
    }
    let recipients = messages.flatMap(\.envelope.recipients)
    parameters.append(firsts)
    parameters.append(messages.map { Int32($0.envelope.recipients.count) })
    parameters.append(recipients.map { Bytea($0.address.description) })
    parameters.append(recipients.map { $0.notify?.rawValue })
    parameters.append(recipients.map { $0.originalRecipient.map { Bytea($0) } })
    parameters.append(policy.retryPeriod.microseconds)
    parameters.append(messages.map { $0.retention?.body.wholeSeconds })
    parameters.append(messages.map { $0.retention?.bounced.wholeSeconds })
    parameters.append(policy.retention.body.wholeSeconds)
    parameters.append(policy.retention.bounced.wholeSeconds)
    parameters.append(messages.map(\.scan))
    parameters.append(messages.map(\.holdReason))
    return PostgresStatement(Self.messageSQL, parameters)
  }

  /// The clock is a set of one row: its functions would be called for each row otherwise, and they cost as much as the
  /// row. 14 is what a tenant assumes who wants to hear of success (`NotifyConditions.assumed`). Retention is the message's, the credential's, the tenant's or the node's; a notice, which may carry another
  /// message's body, loses its own when it has ended, and so never outlives that.
  private static let messageSQL = """
    WITH clock AS MATERIALIZED (SELECT postrider.schedule_transaction_now() AS moment)
    INSERT INTO postrider.message (id, day, tenant, credential, accepted_at, expires_at, size_bytes, chunk_count,
      body_kind, returned, smtp_utf8, session, client_address, reverse_path, envelope_id, body_key, notice_of,
      recipients, notify, original_recipients, retention, retention_bounced, return_path_host, return_path_each,
      scan, hold_reason)
    SELECT u.id, postrider.utc_day(c.moment), u.tenant, u.credential, c.moment,
      c.moment + $20::bigint * interval '1 microsecond', u.size, u.chunks, u.kind, u.returned, u.utf8, u.session,
      u.client, u.reverse_path, u.envelope_id, u.key, u.notice_of,
      ($17::bytea[])[u.first : u.first + u.count - 1],
      CASE WHEN t.notice_success AND u.reverse_path IS NOT NULL
        THEN array_replace(($18::smallint[])[u.first : u.first + u.count - 1], NULL, 14::smallint)
        ELSE ($18::smallint[])[u.first : u.first + u.count - 1] END,
      ($19::bytea[])[u.first : u.first + u.count - 1],
      CASE WHEN u.notice_of IS NULL THEN coalesce(u.retention, k.retention, t.retention, $23::int) ELSE 0 END,
      CASE WHEN u.notice_of IS NULL
        THEN coalesce(u.retention_bounced, k.retention_bounced, t.retention_bounced, $24::int) ELSE 0 END,
      CASE WHEN u.reverse_path IS NOT NULL THEN t.return_path_host END, coalesce(t.return_path_each, false),
      u.scan, u.hold_reason
    FROM clock c CROSS JOIN
      unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::smallint[], $7::smallint[],
        $8::boolean[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::uuid[], $15::int[],
        $16::int[], $21::int[], $22::int[], $25::text[], $26::text[])
      u(id, tenant, credential, size, chunks, kind, returned, utf8, session, client, reverse_path, envelope_id, key,
        notice_of, first, count, retention, retention_bounced, scan, hold_reason)
    LEFT JOIN LATERAL (
      SELECT x.retention, x.retention_bounced, x.notice_success, x.return_path_host, x.return_path_each
      FROM postrider.tenant x WHERE x.id = u.tenant OFFSET 0) t ON true
    LEFT JOIN LATERAL (
      SELECT x.retention, x.retention_bounced FROM postrider.credential x WHERE x.id = u.credential OFFSET 0) k ON true
    """

  private static func insertChunks(_ messages: [NewMessage], ciphers: [BodyCipher]) throws -> PostgresStatement {
    var owners: [UUIDValue] = []
    var numbers: [Int32] = []
    for message in messages {
      for chunk in 0..<BodyCipher.chunkCount(size: message.content.size) {
        owners.append(UUIDValue(message.id))
        numbers.append(Int32(chunk))
      }
    }
    var parameters = PostgresParameters()
    parameters.append(owners)
    parameters.append(numbers)
    let sealed = try zip(messages, ciphers).flatMap { message, cipher in
      let count = BodyCipher.chunkCount(size: message.content.size)
      return try (0..<count).map { Bytea(try message.sealedChunk($0, of: count, cipher)) }
    }
    parameters.append(sealed)
    return PostgresStatement(chunkSQL, parameters)
  }

  static func chunk(_ number: Int, of message: NewMessage, cipher: BodyCipher) throws -> PostgresStatement {
    let count = BodyCipher.chunkCount(size: message.content.size)
    var parameters = PostgresParameters()
    parameters.append([UUIDValue(message.id)])
    parameters.append([Int32(number)])
    parameters.append([Bytea(try message.sealedChunk(number, of: count, cipher))])
    return PostgresStatement(chunkSQL, parameters)
  }

  private static let chunkSQL = """
    WITH clock AS MATERIALIZED (SELECT postrider.schedule_transaction_now() AS moment)
    INSERT INTO postrider.body_chunk (message, day, seq, data)
    SELECT u.message, postrider.utc_day(c.moment), u.seq, u.data
    FROM clock c, unnest($1::uuid[], $2::int[], $3::bytea[]) u(message, seq, data)
    """

  private static func insertJobs(_ messages: [NewMessage], lanes: [LaneName: Int64], policy: EnqueuePolicy)
    -> PostgresStatement
  {
    var owners: [UUIDValue] = []
    var numbers: [Int32] = []
    var laneIDs: [Int64?] = []
    var tenants: [Int64] = []
    var places: [Int32?] = []
    var held: [Bool] = []
    for message in messages {
      if tenants.last != message.tenant { tenants.append(message.tenant) }
      for (index, name) in message.laneNames.enumerated() {
        owners.append(UUIDValue(message.id))
        numbers.append(Int32(index + 1))
        laneIDs.append(lanes[name])
        held.append(message.holdReason != nil)
        places.append(message.envelope.wantsDelayNotice(index) ? Int32(tenants.count) : nil)
      }
    }
    var parameters = PostgresParameters()
    parameters.append(owners)
    parameters.append(numbers)
    parameters.append(laneIDs)
    parameters.append(policy.retryPeriod.microseconds)
    parameters.append(places)
    parameters.append(tenants)
    parameters.append(policy.delayNotice.wholeSeconds)
    parameters.append(held)
    return PostgresStatement(jobSQL, parameters)
  }

  /// The tenants' choices are read once for each tenant in turn, not for each row.
  private static let jobSQL = """
    WITH clock AS MATERIALIZED (
      SELECT postrider.schedule_transaction_now() AS moment, postrider.schedule_now() AS due
    ), choice AS MATERIALIZED (
      SELECT array_agg(nullif(coalesce(
        (SELECT t.notice_delay FROM postrider.tenant t WHERE t.id = d.tenant), $7::int), 0) ORDER BY d.place) AS delays
      FROM unnest($6::bigint[]) WITH ORDINALITY d(tenant, place))
    INSERT INTO postrider.job (message, recipient, lane, day, due, event_at, delay_at, held)
    SELECT u.message, u.recipient, u.lane, postrider.utc_day(c.moment), c.due,
      c.moment + $4::bigint * interval '1 microsecond', c.moment + h.delays[u.place] * interval '1 second', u.held
    FROM clock c, choice h,
      unnest($1::uuid[], $2::int[], $3::bigint[], $5::int[], $8::boolean[]) u(message, recipient, lane, place, held)
    """
}

/// What an insertion says to the gate.
struct TenantEpoch: Hashable {
  let tenant: Int64
  let epoch: Int64
}

extension NewMessage {
  /// nil: it passes unasked.
  var gate: TenantEpoch? { epoch.map { TenantEpoch(tenant: tenant, epoch: $0) } }

  /// The lane of each recipient, in the recipients' order.
  var laneNames: [LaneName] {
    envelope.recipients.map { LaneName(tenant: tenant, destination: $0.address.destination) }
  }

  fileprivate func sealedChunk(_ number: Int, of count: Int, _ cipher: BodyCipher) throws -> [UInt8] {
    let start = number * BodyCipher.chunkSize
    let plaintext = try content.read(at: start, count: min(BodyCipher.chunkSize, content.size - start))
    return cipher.seal(plaintext, chunk: number, of: count)
  }
}

extension UUIDValue {
  package init(_ id: QueueID) { self.init(high: id.high, low: id.low) }
  package var queueID: QueueID { QueueID(high: high, low: low) }
}

extension Duration {
  /// Whole microseconds.
  package var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }

  /// As retention is stored: whole seconds, 0 to 68 years.
  package var wholeSeconds: Int32 { Int32(clamping: max(0, components.seconds)) }
}

extension Envelope {
  /// RFC 3461 §4.1: without NOTIFY delays are told. Nothing is ever told to the null reverse-path.
  fileprivate func wantsDelayNotice(_ index: Int) -> Bool {
    reversePath != nil && (recipients[index].notify.map { $0.contains(.delay) } ?? true)
  }
}
