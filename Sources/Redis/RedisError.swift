/// Why there is no reply. None of them may stop mail: the caller goes on without Redis.
///
/// Texts that came from the server are not escaped yet, and never hold a command's arguments.
package enum RedisError: Error, Sendable, Equatable {
  /// Nothing was sent.
  case notConnected(String)
  /// The command was sent, or was about to be; whether it was carried out is unknown.
  case connectionLost(String)
  /// No reply within the limit; whether the command was carried out is unknown. The connection is given up.
  case timeout(Duration)
  /// Too much waits already. Nothing was sent.
  case overloaded
  /// Longer than `commandSizeMax`. Nothing was sent.
  case commandTooLarge
  /// The server answered with an error.
  case refused(RedisRefusal)
  /// The server does not take the user name or the password.
  case authentication(String)
  /// The server sent what is no reply, or one beyond the limits.
  case protocolViolation(String)
  /// After `shutdown`.
  case closed
}

/// An error reply: `NOSCRIPT No matching script.`
package struct RedisRefusal: Error, Sendable, Equatable {
  /// The first word: `ERR`, `NOSCRIPT`, `WRONGPASS`.
  package let code: String
  package let message: String

  init(_ line: String) {
    // Redis repeats the arguments of a command that it does not know; among them could be a password.
    let text = String(line.prefix(500)).cut(before: ", with args beginning with")
    code = String(text.prefix { $0 != " " })
    message = String(text.dropFirst(code.count + 1))
  }
}

extension RedisError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notConnected(let reason): "not connected to Redis: \(reason)"
    case .connectionLost(let reason): "the connection to Redis was lost: \(reason)"
    case .timeout(let limit): "Redis did not answer within \(limit)"
    case .overloaded: "too many commands wait for Redis"
    case .commandTooLarge: "the command is too large for Redis"
    case .refused(let refusal): "Redis refused the command: \(refusal.code) \(refusal.message)"
    case .authentication(let reason): "Redis does not accept the user name or password: \(reason)"
    case .protocolViolation(let reason): "Redis sent no valid reply: \(reason)"
    case .closed: "the connection to Redis was shut down"
    }
  }
}

extension String {
  fileprivate func cut(before marker: String) -> String {
    var rest = self[...]
    while !rest.isEmpty {
      if rest.hasPrefix(marker) { return String(self[..<rest.startIndex]) }
      rest = rest.dropFirst()
    }
    return self
  }
}
