/// The limits of one connection to Redis. The defaults suit a Redis in the same data centre.
package struct RedisConfiguration: Sendable {
  /// From the first packet to the end of the greeting (AUTH, SELECT, PING).
  package var connectTimeout: Duration = .seconds(1)
  /// From `send` to the reply.
  package var commandTimeout: Duration = .seconds(1)
  /// Commands that wait for their reply, of all callers together.
  package var waitingCountMax = 10_000
  package var waitingBytesMax = 16 << 20
  package var commandSizeMax = 1 << 20
  package var replyLimits = RedisReplyLimits()
  /// The first pause after a failure; each further one is twice as long, up to `pauseMax`, less up to half at random.
  package var pauseFirst: Duration = .milliseconds(50)
  package var pauseMax: Duration = .seconds(5)
  /// How often a subscription asks whether the server is still there; twice that time in silence means no.
  package var pingInterval: Duration = .seconds(10)

  package init() {}
}

/// What one reply may cost. hiredis itself ends at a nesting of 7.
package struct RedisReplyLimits: Sendable {
  package var sizeBytesMax = 8 << 20
  /// Of all arrays in the reply together.
  package var elementsMax = 65_536
  /// Of a status, an error, an integer or a length.
  package var lineLengthMax = 65_536

  package init() {}
}
