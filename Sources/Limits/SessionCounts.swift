package import MailModel
internal import NIOConcurrencyHelpers
package import NodeMetrics
package import Redis
internal import ServiceLifecycle

/// Who may have so many sessions at once, over all acceptors.
package enum SessionSubject: Sendable, Hashable {
  /// What counts as one client.
  case address(String)
  case credential(Int64)

  var key: String {
    switch self {
    case .address(let address): "postrider:sessions:address:\(address)"
    case .credential(let credential): "postrider:sessions:credential:\(credential)"
    }
  }

  /// Why one more is not taken.
  package func refusal(limit: Int) -> Reply {
    let whose = if case .address = self { "from your address" } else { "of this account" }
    return Reply(421, EnhancedStatus(4, 7, 1), "Limit reached: \(limit) sessions at once \(whose); try again later")
  }

  var label: String {
    if case .address = self { "sessions_address" } else { "sessions_credential" }
  }
}

/// One session's place among those of an address or a credential; letting go of it makes room.
package final class SessionPlace: Sendable {
  private let leave: @Sendable () -> Void

  init(leave: @escaping @Sendable () -> Void) { self.leave = leave }

  deinit { leave() }
}

/// Counts open sessions, for all acceptors together while Redis answers, else alone.
///
/// Redis has a count of each acceptor's for each address and credential, good for a lease that a heartbeat renews. So the
/// sessions of an acceptor that died are forgotten by themselves, and whatever went wrong between counting and telling
/// is put right by the next heartbeat.
package final class SessionCounts: Service {
  private let redis: RedisClient?
  private let share: Double
  private let acceptor: String
  private let lease: Duration
  private let absence: RedisAbsence
  private let metrics: LimitMetrics
  /// This acceptor's.
  private let counts = NIOLockedValueBox<[SessionSubject: Int]>([:])

  /// - Parameters:
  ///   - redis: nil: this acceptor is alone.
  ///   - share: which part of a limit is allowed without Redis.
  ///   - lease: how long the sessions of a dead acceptor count.
  package init(
    redis: RedisClient?, share: Double, lease: Duration = .seconds(30), absence: RedisAbsence,
    metrics: LimitMetrics = LimitMetrics()
  ) {
    self.redis = redis
    self.share = share
    self.lease = lease
    self.absence = absence
    self.metrics = metrics
    acceptor = String(UInt64.random(in: 0...UInt64.max), radix: 36)
  }

  /// - Returns: nil when there are `limit` already.
  package func enter(_ subject: SessionSubject, limit: Int) async -> SessionPlace? {
    let own = counts.withLockedValue { counts in
      counts[subject, default: 0] += 1
      return counts[subject] ?? 1
    }
    guard await fits(subject, own: own, limit: limit) else {
      forget(subject)
      metrics.refused(by: subject.label)
      return nil
    }
    return SessionPlace { [self] in leave(subject) }
  }

  private func fits(_ subject: SessionSubject, own: Int, limit: Int) async -> Bool {
    guard let redis else { return own <= limit }
    do throws(RedisError) {
      let reply = try await redis.evaluate(
        Self.enterScript, keys: [RedisArgument(subject.key)],
        arguments: [RedisArgument(acceptor), leaseArgument, RedisArgument(limit)])
      absence.note(nil)
      return reply.integer == 1
    } catch {
      absence.note(error)
      return own <= max(1, Int(Double(limit) * share))
    }
  }

  private func leave(_ subject: SessionSubject) {
    forget(subject)
    redis?.evaluateLater(
      Self.leaveScript, keys: [RedisArgument(subject.key)], arguments: [RedisArgument(acceptor), leaseArgument])
  }

  private func forget(_ subject: SessionSubject) {
    counts.withLockedValue { counts in
      let count = counts[subject] ?? 0
      counts[subject] = count > 1 ? count - 1 : nil
    }
  }

  /// Renews what this acceptor has, until graceful shutdown or cancellation. What is left then ends with its lease.
  package func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: lease / 3)
        if !Task.isCancelled { renew() }
      }
    }
  }

  /// Tells all counts anew. Does not wait.
  func renew() {
    guard let redis else { return }
    var rest = Array(counts.withLockedValue { $0 })[...]
    while !rest.isEmpty {
      let part = rest.prefix(500)
      rest = rest.dropFirst(500)
      redis.evaluateLater(
        Self.renewScript, keys: part.map { RedisArgument($0.key.key) },
        arguments: [RedisArgument(acceptor), leaseArgument] + part.map { RedisArgument($0.value) })
    }
  }

  private var leaseArgument: RedisArgument { RedisArgument(Int64(lease / .milliseconds(1))) }

  private static let common = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local acceptor, lease = ARGV[1], tonumber(ARGV[2])
    local function tell(key, count)
      if count > 0 then
        redis.call('HSET', key, acceptor, count .. ' ' .. now + lease)
        redis.call('PEXPIRE', key, lease)
      else
        redis.call('HDEL', key, acceptor)
      end
    end\n
    """

  private static let enterScript = RedisScript(
    common + """
      local total, own = 0, 0
      local kept = redis.call('HGETALL', KEYS[1])
      for i = 1, #kept, 2 do
        local count, ends = string.match(kept[i + 1], '^(%d+) (%d+)$')
        if tonumber(ends) <= now then
          redis.call('HDEL', KEYS[1], kept[i])
        else
          total = total + count
          if kept[i] == acceptor then own = tonumber(count) end
        end
      end
      if total + 1 > tonumber(ARGV[3]) then return 0 end
      tell(KEYS[1], own + 1)
      return 1
      """)

  private static let leaveScript = RedisScript(
    common + """
      local count = string.match(redis.call('HGET', KEYS[1], acceptor) or '', '^(%d+) ')
      if count then tell(KEYS[1], count - 1) end
      return 0
      """)

  private static let renewScript = RedisScript(
    common + """
      for k = 1, #KEYS do tell(KEYS[k], tonumber(ARGV[k + 2])) end
      return 0
      """)
}
