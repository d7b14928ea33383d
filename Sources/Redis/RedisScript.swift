internal import NIOConcurrencyHelpers

/// A Lua script, made once and kept: `static let take = RedisScript("…")`.
///
/// Redis runs it as one atomic step. It is sent as a whole only to a server that does not know it yet.
package final class RedisScript: Sendable {
  let source: String
  /// Redis' own name for it: a digest of the source, so the same on every server.
  let digest = NIOLockedValueBox<String?>(nil)

  package init(_ source: String) { self.source = source }
}

extension RedisClient {
  /// Runs a script.
  /// - Parameters:
  ///   - keys: all keys that it touches (`KEYS`).
  ///   - arguments: `ARGV`.
  package func evaluate(
    _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = []
  ) async throws(RedisError) -> RedisValue {
    let operands = [RedisArgument(keys.count)] + keys + arguments
    let digest = try await digest(of: script)
    do throws(RedisError) {
      return try await send(["EVALSHA", RedisArgument(digest)] + operands)
    } catch {
      // The server was restarted or its scripts were flushed. EVAL runs the script and loads it again; nothing of it
      // has run so far.
      guard case .refused(let refusal) = error, refusal.code == "NOSCRIPT" else { throw error }
      return try await send(["EVAL", RedisArgument(script.source)] + operands)
    }
  }

  private func digest(of script: RedisScript) async throws(RedisError) -> String {
    if let known = script.digest.withLockedValue({ $0 }) { return known }
    guard let digest = try await send(["SCRIPT", "LOAD", RedisArgument(script.source)]).text, digest.utf8.count == 40
    else { throw .protocolViolation("SCRIPT LOAD was not answered with a digest") }
    script.digest.withLockedValue { $0 = digest }
    return digest
  }
}
