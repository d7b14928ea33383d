internal import Foundation
internal import Redis
internal import RetryPolicy

/// The paces of slowed sites as all workers with one sending address share them, in Redis.
///
/// One hash for each sending address; its fields are the slowed sites. Two scripts, each one atomic step: one notes a
/// trouble, the other, once a second from each worker, tells the paces and deals out what may go until the next time.
/// No message asks for itself. Without Redis each worker goes by what it knows; what Redis has forgotten it learns again
/// from whoever asks first.
struct SharedPaces: Sendable {
  let redis: RedisClient
  /// The sending address.
  let source: String
  /// Any name of this worker's own.
  let worker: String

  private var paces: RedisArgument { "postrider:paces:\(source)" }
  private var workers: RedisArgument { "postrider:paces-workers:\(source)" }

  /// Notes a trouble. Where Redis knows of it already, its word counts.
  /// - Returns: the site's pace from now on.
  func note(_ site: String, _ pace: SitePace, isListed: Bool, policy: SlowdownPolicy) async throws -> SitePace {
    var entry = Entry(site, pace, now: .now)
    entry.first = policy.pause(isListed: isListed, troubles: 1).milliseconds
    entry.longest = policy.pauseMax.milliseconds
    let sent = ContinuousClock.now
    let reply = try await redis.evaluate(Self.noteScript, keys: [paces], arguments: [try Self.json(entry)])
    guard let text = reply.text else { throw RedisError.protocolViolation("no pace came back") }
    return try JSONDecoder().decode(Entry.self, from: Data(text.utf8)).pace(now: sent)
  }

  /// Tells what this worker knows and wants; what Redis does not have is put there.
  func exchange(_ known: [String: SitePace], wants: [String: Int]) async throws
    -> (paces: [(site: String, pace: SitePace, granted: Int)], workers: Int)
  {
    let sent = ContinuousClock.now
    let entries = known.map { site, pace in
      var entry = Entry(site, pace, now: sent)
      entry.want = wants[site] ?? 0
      return entry
    }
    let reply = try await redis.evaluate(
      Self.exchangeScript, keys: [paces, workers],
      arguments: [RedisArgument(worker), try Self.json(entries)])
    guard let parts = reply.elements, let first = parts.first?.integer else {
      throw RedisError.protocolViolation("no paces came back")
    }
    let shared = try parts.dropFirst().map { part in
      let entry = try JSONDecoder().decode(Entry.self, from: Data((part.text ?? "").utf8))
      return (site: entry.site, pace: entry.pace(now: sent), granted: entry.granted ?? 0)
    }
    return (shared, Int(first))
  }

  func forget(_ site: String, incident: Int64) async throws {
    _ = try await redis.evaluate(
      Self.forgetScript, keys: [paces], arguments: [RedisArgument(site), RedisArgument(incident)])
  }

  private static func json(_ value: some Encodable) throws -> RedisArgument {
    RedisArgument(bytes: Array(try JSONEncoder().encode(value)))
  }

  /// Times are milliseconds from now, because clocks differ. Numbers have 14 digits at most: more Redis does not keep.
  private struct Entry: Codable {
    var site: String
    var incident: Int64
    var category: String
    var normal: Double
    var rate: Double
    /// Until the pause ends; negative afterwards.
    var pause: Double
    var troubles: Int
    var recovery: Double
    var first: Double?
    var longest: Double?
    var want: Int?
    var granted: Int?

    init(_ site: String, _ pace: SitePace, now: ContinuousClock.Instant) {
      self.site = site
      incident = pace.incident
      category = pace.category
      normal = pace.normal
      rate = pace.rate
      pause = now.duration(to: pace.resumesAt).milliseconds
      troubles = pace.troubles
      recovery = pace.recovery.milliseconds
    }

    func pace(now: ContinuousClock.Instant) -> SitePace {
      SitePace(
        incident: incident, category: category, normal: normal, rate: rate,
        resumesAt: now + .milliseconds(Int64(pause)), troubles: troubles, recovery: .milliseconds(Int64(recovery)))
    }
  }

  // MARK: Scripts

  /// What both need: the clock of Redis in milliseconds, and an entry as it is kept and as it is told.
  private static let common = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local function keep(entry)
      local kept = {incident = entry.incident, category = entry.category, normal = entry.normal, rate = entry.rate,
        troubles = entry.troubles, recovery = entry.recovery, resumes = entry.resumes, turn = entry.turn}
      redis.call('HSET', KEYS[1], entry.site, cjson.encode(kept))
      redis.call('PEXPIRE', KEYS[1], 86400000)
    end
    local function read(site)
      local text = redis.call('HGET', KEYS[1], site)
      if not text then return nil end
      local entry = cjson.decode(text)
      entry.site = site
      return entry
    end
    local function rate(entry)
      if now < entry.resumes then return 0 end
      return entry.rate + entry.normal * (now - entry.resumes) / entry.recovery
    end
    local function tell(entry)
      entry.pause = entry.resumes - now
      return cjson.encode(entry)
    end\n
    """

  private static let noteScript = RedisScript(
    common + """
      local given = cjson.decode(ARGV[1])
      local entry = read(given.site)
      if entry and now >= entry.resumes and rate(entry) >= entry.normal then entry = nil end
      if not entry then
        entry = given
        entry.resumes = now + given.pause
        entry.turn = entry.resumes
      elseif now >= entry.resumes then
        entry.rate = math.max(rate(entry) / 2, 0.1)
        entry.troubles = entry.troubles + 1
        entry.recovery = given.recovery
        entry.resumes = now + math.floor(math.min(given.first * 2 ^ math.min(entry.troubles - 1, 20), given.longest))
        entry.turn = entry.resumes
      end
      keep(entry)
      return tell(entry)
      """)

  private static let exchangeScript = RedisScript(
    common + """
      redis.call('ZADD', KEYS[2], now, ARGV[1])
      redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 10000)
      redis.call('PEXPIRE', KEYS[2], 60000)
      local wants = {}
      for _, given in ipairs(cjson.decode(ARGV[2])) do
        wants[given.site] = given.want
        local entry = read(given.site)
        if not entry or (entry.incident == given.incident and entry.troubles < given.troubles) then
          given.resumes = now + given.pause
          given.turn = math.max(given.resumes, now)
          keep(given)
        end
      end
      local told = {redis.call('ZCARD', KEYS[2])}
      local kept = redis.call('HGETALL', KEYS[1])
      for i = 1, #kept, 2 do
        local entry = cjson.decode(kept[i + 1])
        entry.site = kept[i]
        local speed = rate(entry)
        if now >= entry.resumes and speed >= entry.normal then
          redis.call('HDEL', KEYS[1], entry.site)
        else
          local want = wants[entry.site] or 0
          local granted = 0
          if want > 0 and now >= entry.resumes and entry.turn <= now then
            local step = 60000 / speed
            local turn = math.max(entry.turn, now - 1000)
            granted = math.min(want, 1 + math.floor((now - turn) / step))
            entry.turn = math.floor(turn + granted * step)
            keep(entry)
          end
          entry.granted = granted
          told[#told + 1] = tell(entry)
        end
      end
      return told
      """)

  private static let forgetScript = RedisScript(
    """
    local text = redis.call('HGET', KEYS[1], ARGV[1])
    if text and cjson.decode(text).incident == tonumber(ARGV[2]) then return redis.call('HDEL', KEYS[1], ARGV[1]) end
    return 0
    """)
}

extension Duration {
  fileprivate var milliseconds: Double {
    (Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15).rounded()
  }
}
