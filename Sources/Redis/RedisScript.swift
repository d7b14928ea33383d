internal import NIOConcurrencyHelpers

/// A Lua script, made once and kept: `static let take = RedisScript("…")`.
///
/// Redis runs it as one atomic step. It is sent as a whole only to a server that does not know it yet.
package final class RedisScript: Sendable {
  let source: String
  /// Redis' own name for it: a digest of the source, so the same on every server.
  let digest = NIOLockedValueBox<String?>(nil)

  package init(_ source: String) { self.source = source }

  /// Remembers what SCRIPT LOAD answered.
  @discardableResult
  func name(_ answer: Result<RedisValue, RedisError>) -> String? {
    guard case .success(let value) = answer, let text = value.text, text.utf8.count == 40 else { return nil }
    digest.withLockedValue { $0 = text }
    return text
  }
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

  /// Runs a script without waiting for it: nobody learns whether it was run.
  package func evaluateLater(_ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = []) {
    let operands = [RedisArgument(keys.count)] + keys + arguments
    let whole = ["EVAL", RedisArgument(script.source)] + operands
    // Whoever waits for a script asks for its name; here the first time is sent as a whole.
    guard let digest = script.digest.withLockedValue({ $0 }) else {
      return send(whole) { result in
        if case .success = result { self.send(["SCRIPT", "LOAD", RedisArgument(script.source)]) { script.name($0) } }
      }
    }
    send(["EVALSHA", RedisArgument(digest)] + operands) { result in
      if case .failure(.refused(let refusal)) = result, refusal.code == "NOSCRIPT" { self.send(whole) { _ in } }
    }
  }

  private func digest(of script: RedisScript) async throws(RedisError) -> String {
    if let known = script.digest.withLockedValue({ $0 }) { return known }
    let reply = try await send(["SCRIPT", "LOAD", RedisArgument(script.source)])
    guard let digest = script.name(.success(reply)) else {
      throw .protocolViolation("SCRIPT LOAD was not answered with a digest")
    }
    return digest
  }
}
