internal import MailModel
internal import Redis

/// The counters as all acceptors share them, in Redis: a hash for each credential, domain and tenant, with one field for
/// each span that is limited, `start messages recipients`. It goes when its last window ends.
///
/// A window begins with the first message after the one before has ended, by Redis' clock. Everything about a message is
/// one atomic step, so that a limit of 100 admits 100, whoever asks at the same time.
struct SharedCounters: Sendable {
  let redis: RedisClient

  /// Counts a message in all windows, or in none.
  func reserve(_ counters: [Counter], recipients: Int) async throws(RedisError) -> CounterAnswer {
    var arguments = [RedisArgument(recipients)]
    for counter in counters {
      arguments.append(RedisArgument(counter.windows.count))
      for window in counter.windows {
        arguments.append(RedisArgument(window.span.seconds))
        arguments.append(window.messages.map { RedisArgument($0) } ?? "-")
        arguments.append(window.recipients.map { RedisArgument($0) } ?? "-")
      }
    }
    let reply = try await redis.evaluate(
      Self.reserveScript, keys: counters.map { RedisArgument($0.key) }, arguments: arguments)
    let numbers = reply.elements?.compactMap(\.integer) ?? []
    let count = counters.reduce(0) { $0 + $1.windows.count }
    if numbers.first == 1, numbers.count == count + 1 { return .counted(starts: Array(numbers.dropFirst())) }
    guard numbers.count == 4, numbers[0] == 0, (1...Int64(max(1, count))).contains(numbers[1]) else {
      throw .protocolViolation("a count was not answered as expected")
    }
    return .full(
      place: Int(numbers[1]) - 1, kind: numbers[2] == 1 ? .messages : .recipients, waitMilliseconds: numbers[3])
  }

  /// Takes a message back out of the windows that it was counted in, as far as they still last. Does not wait.
  func giveBack(_ counters: [Counter], starts: [Int64], recipients: Int) {
    var arguments = [RedisArgument(recipients)]
    var starts = starts[...]
    for counter in counters {
      arguments.append(RedisArgument(counter.windows.count))
      for window in counter.windows {
        arguments.append(RedisArgument(window.span.seconds))
        arguments.append(RedisArgument(starts.popFirst() ?? 0))
      }
    }
    redis.evaluateLater(
      Self.giveBackScript, keys: counters.map { RedisArgument($0.key) }, arguments: arguments)
  }

  /// Answers 1 and the windows' starts, or 0, the place of the window that is full for longest, 1 for messages or 2 for
  /// recipients, and the milliseconds until it ends.
  private static let reserveScript = RedisScript(
    """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local recipients = tonumber(ARGV[1])
    local at, windows, place, kind, wait = 2, {}, 0, 0, -1
    for k = 1, #KEYS do
      local count = tonumber(ARGV[at])
      local fields = {}
      for w = 1, count do fields[w] = ARGV[at + 3 * w - 2] end
      local kept = redis.call('HMGET', KEYS[k], unpack(fields))
      for w = 1, count do
        local length = tonumber(fields[w]) * 1000
        local start, messages, sent
        if kept[w] then start, messages, sent = string.match(kept[w], '^(%d+) (%d+) (%d+)$') end
        start = tonumber(start)
        -- A clock that was set back by more than a window leaves nothing to go by.
        if not start or now >= start + length or start > now + length then start, messages, sent = now, 0, 0 end
        messages, sent = messages + 1, sent + recipients
        windows[#windows + 1] = {key = k, field = fields[w], start = start, messages = messages, sent = sent}
        local full = 0
        if messages > (tonumber(ARGV[at + 3 * w - 1]) or math.huge) then full = 1
        elseif sent > (tonumber(ARGV[at + 3 * w]) or math.huge) then full = 2 end
        local left = start + length - now
        windows[#windows].left = left
        if full > 0 and left > wait then place, kind, wait = #windows, full, left end
      end
      at = at + 1 + 3 * count
    end
    if place > 0 then return {0, place, kind, wait} end
    local answer, left = {1}, {}
    for i, window in ipairs(windows) do
      redis.call('HSET', KEYS[window.key], window.field, window.start .. ' ' .. window.messages .. ' ' .. window.sent)
      left[window.key] = math.max(left[window.key] or 0, window.left)
      answer[i + 1] = window.start
    end
    for k, milliseconds in pairs(left) do redis.call('PEXPIRE', KEYS[k], milliseconds) end
    return answer
    """)

  private static let giveBackScript = RedisScript(
    """
    local recipients = tonumber(ARGV[1])
    local at = 2
    for k = 1, #KEYS do
      local count = tonumber(ARGV[at])
      for w = 1, count do
        local field = ARGV[at + 2 * w - 1]
        local start, messages, sent = string.match(
          redis.call('HGET', KEYS[k], field) or '', '^(%d+) (%d+) (%d+)$')
        if start == ARGV[at + 2 * w] then
          redis.call('HSET', KEYS[k], field,
            start .. ' ' .. math.max(0, messages - 1) .. ' ' .. math.max(0, sent - recipients))
        end
      end
      at = at + 1 + 2 * count
    end
    return 0
    """)
}
