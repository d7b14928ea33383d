internal import NIOConcurrencyHelpers
package import NIOCore

/// Commands to one Redis, over one connection that all callers share.
///
/// It connects, and connects again, by itself. While there is no connection, and when one is lost, commands fail at
/// once; none waits longer than its limit. **Whoever calls goes on without Redis:** it decides only how fast.
///
/// What an ACL user needs: PING, SELECT (for a database other than 0), ROLE (behind Sentinel), EVALSHA, EVAL, SCRIPT LOAD, PUBLISH, SUBSCRIBE
/// and whatever the scripts use.
package final class RedisClient: Sendable {
  private let link: RedisLink
  private let pipeline: CommandPipeline
  private let commandSizeMax: Int

  /// Begins to connect.
  /// - Parameter group: must live until after `shutdown`.
  package init(url: RedisURL, configuration: RedisConfiguration = RedisConfiguration(), group: any EventLoopGroup) {
    let eventLoop = group.next()
    pipeline = CommandPipeline(configuration: configuration, eventLoop: eventLoop)
    link = RedisLink(url: url, configuration: configuration, eventLoop: eventLoop, user: pipeline)
    commandSizeMax = configuration.commandSizeMax
    link.start()
  }

  /// Sends one command and waits for its reply, within `commandTimeout`. Cancelling the task does not shorten that.
  package func send(_ arguments: [RedisArgument]) async throws(RedisError) -> RedisValue {
    let result = await withCheckedContinuation { continuation in
      send(arguments) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// Sends one command without waiting; never blocks.
  /// - Parameter completion: called exactly once, on any thread, possibly before this returns.
  package func send(
    _ arguments: [RedisArgument], completion: @escaping @Sendable (Result<RedisValue, RedisError>) -> Void
  ) {
    do throws(RedisError) {
      pipeline.submit(try format(arguments, sizeMax: commandSizeMax), completion: completion)
    } catch {
      completion(.failure(error))
    }
  }

  /// - Returns: how many subscriptions received it.
  @discardableResult
  package func publish(_ payload: RedisArgument, to channel: RedisArgument) async throws(RedisError) -> Int {
    let reply = try await send(["PUBLISH", channel, payload])
    guard let count = reply.integer else { throw .protocolViolation("PUBLISH was not answered with a number") }
    return Int(count)
  }

  package var status: RedisStatus { link.status.withLockedValue { $0 } }

  /// Waits for the attempt to connect that is in hand, or the next one; returns at once when connected.
  /// - Throws: why it failed. There will be further ones.
  package func connect() async throws(RedisError) {
    let failure: RedisError?
    do { failure = try await link.outcome().get() } catch { failure = .closed }
    if let failure { throw failure }
  }

  /// Waits, through failures, until there is a connection.
  /// - Returns: false when `limit` has passed without one.
  package func waitUntilConnected(limit: Duration) async -> Bool {
    (try? await link.isReady(within: limit).get()) ?? false
  }

  /// Closes the connection; what waits, and what comes later, fails with `closed`.
  package func shutdown() async { try? await link.shutdown().get() }

  deinit { _ = link.shutdown() }
}
