package import MailModel
package import Redis

/// What was used of one window.
package struct WindowUsage: Sendable, Hashable {
  package let span: Rates.Span
  /// nil: no limit, so nothing may have been counted.
  package let messagesMax: Int?
  package let recipientsMax: Int?
  package let isWarmUp: Bool
  package let messages: Int
  package let recipients: Int
  /// Until the window ends; nil: none has begun.
  package let resetsAfter: Duration?
}

/// Reads the shared counters, for people.
package struct LimitUsage: Sendable {
  private let redis: RedisClient

  package init(redis: RedisClient) { self.redis = redis }

  /// What was used of the limits of one scope.
  /// - Parameter key: by `Counter.key`.
  package func of(_ key: String, windows: [Counter.Window]) async throws(RedisError) -> [WindowUsage] {
    guard !windows.isEmpty else { return [] }
    let reply = try await redis.evaluate(
      Self.script, keys: [RedisArgument(key)], arguments: windows.map { RedisArgument($0.span.seconds) })
    let numbers = reply.elements?.compactMap(\.integer) ?? []
    guard numbers.count == windows.count * 3 else { throw .protocolViolation("usage was not answered as expected") }
    return windows.enumerated().map { place, window in
      let (left, messages, recipients) = (numbers[place * 3], numbers[place * 3 + 1], numbers[place * 3 + 2])
      return WindowUsage(
        span: window.span, messagesMax: window.messages, recipientsMax: window.recipients, isWarmUp: window.isWarmUp,
        messages: Int(messages), recipients: Int(recipients), resetsAfter: left > 0 ? .milliseconds(left) : nil)
    }
  }

  private static let script = RedisScript(
    """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local answer = {}
    for _, field in ipairs(ARGV) do
      local start, messages, sent = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%d+) (%d+) (%d+)$')
      local left = (tonumber(start) or 0) + tonumber(field) * 1000 - now
      if left <= 0 then left, messages, sent = 0, 0, 0 end
      answer[#answer + 1] = left
      answer[#answer + 1] = tonumber(messages)
      answer[#answer + 1] = tonumber(sent)
    end
    return answer
    """)
}
