internal import Cryptography
internal import Redis

/// The ring as it is in Redis: one value, wrapped by the node's master key, that disappears when nobody renews it.
///
/// It changes as a whole and only where the one who changes it has seen the present value, so that of several who find
/// a key missing at the same time one makes it and the others take it.
struct StoredTicketKeys: Sendable {
  enum Reading: Sendable {
    case nothing
    case ring(TicketKeyRing)
    /// Garbled, or wrapped by a master key that is not ours.
    case unreadable(reason: String)
  }

  /// What is under the key; empty: nothing.
  typealias Value = [UInt8]

  private static let name = RedisArgument("postrider:ticket-keys")
  private static let context = Array("postrider session ticket keys".utf8)

  let redis: RedisClient
  let master: MasterKey

  /// What is in Redis, and its own time then in Unix milliseconds: one clock for everyone.
  struct Seen: Sendable {
    let value: Value
    let now: Int64
  }

  func fetch() async throws(RedisError) -> Seen {
    try Self.seen(try await redis.evaluate(Self.fetching, keys: [Self.name]))
  }

  /// Puts a ring in the place of a value.
  /// - Parameter milliseconds: how long it stays without being renewed.
  /// - Returns: what is there now: the ring, or what somebody else has put there meanwhile.
  func replace(_ value: Value, by ring: TicketKeyRing, milliseconds: Int64) async throws(RedisError) -> Seen {
    let wrapped = master.wrap(ring.bytes, context: Self.context)
    return try Self.seen(
      try await redis.evaluate(
        Self.replacing, keys: [Self.name],
        arguments: [RedisArgument(bytes: value), RedisArgument(bytes: wrapped), RedisArgument(milliseconds)]))
  }

  func read(_ value: Value) -> Reading {
    guard !value.isEmpty else { return .nothing }
    do throws(CryptographyFailure) {
      let ring = TicketKeyRing(bytes: try master.unwrap(value, context: Self.context))
      return ring.map { .ring($0) } ?? .unreadable(reason: "its form is unknown")
    } catch {
      return .unreadable(reason: error.reason)
    }
  }

  private static func seen(_ reply: RedisValue) throws(RedisError) -> Seen {
    guard let reply = reply.elements, reply.count == 2, let value = reply[0].binary, let now = reply[1].integer else {
      throw .protocolViolation("the script for ticket keys was not answered as it says")
    }
    return Seen(value: value, now: now)
  }

  private static let fetching = RedisScript(
    """
    local time = redis.call('TIME')
    return {redis.call('GET', KEYS[1]) or '', time[1] * 1000 + math.floor(time[2] / 1000)}
    """)

  private static let replacing = RedisScript(
    """
    local time = redis.call('TIME')
    local value = redis.call('GET', KEYS[1]) or ''
    if value == ARGV[1] then
      value = ARGV[2]
      redis.call('SET', KEYS[1], value, 'PX', ARGV[3])
    end
    return {value, time[1] * 1000 + math.floor(time[2] / 1000)}
    """)
}

extension RedisValue {
  fileprivate var binary: [UInt8]? {
    if case .bytes(let bytes) = self { bytes } else { nil }
  }
}
