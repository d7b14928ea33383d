import MailModel

/// A user name and a password, on their way to be checked. Never printed.
package struct LoginAttempt: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  package let username: String
  package let password: [UInt8]

  package init(username: String, password: [UInt8]) {
    self.username = username
    self.password = password
  }

  package var description: String { "a login" }
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The client's side of AUTH PLAIN (RFC 4616) and AUTH LOGIN (draft-murchison-sasl-login).
struct LoginExchange {
  enum Step {
    case challenge([UInt8])
    case attempt(LoginAttempt)
    case refuse(Reply)
  }

  private enum State {
    case plain
    case loginName
    case loginPassword(String)
  }

  private var state: State

  /// - Returns: nil for a mechanism that is not offered.
  init?(mechanism: String) {
    switch mechanism {
    case "PLAIN": state = .plain
    case "LOGIN": state = .loginName
    default: return nil
    }
  }

  /// What follows the AUTH command.
  mutating func start(_ initialResponse: [UInt8]?) -> Step {
    guard let initialResponse else {
      if case .plain = state { return .challenge([]) }
      return .challenge(Base64.encode("Username:".utf8))
    }
    return respond(initialResponse)
  }

  /// One continuation line (RFC 4954 §4): base 64, or `*` to give up.
  mutating func receive(_ line: [UInt8]) -> Step {
    if line.elementsEqual("*".utf8) { return .refuse(Reply(501, .init(5, 7, 0), "login cancelled")) }
    guard let response = Base64.decode(line) else {
      return .refuse(Reply(501, .init(5, 5, 2), "the response is not base 64"))
    }
    return respond(response)
  }

  private mutating func respond(_ response: [UInt8]) -> Step {
    switch state {
    case .plain:
      return plain(response)
    case .loginName:
      guard let name = Grammar.text(response), !name.isEmpty, response.count <= 255 else {
        return .refuse(Self.malformed)
      }
      state = .loginPassword(name)
      return .challenge(Base64.encode("Password:".utf8))
    case .loginPassword(let name):
      return attempt(name, response)
    }
  }

  /// `[authzid] NUL authcid NUL passwd`. Acting for somebody else is not offered.
  private func plain(_ response: [UInt8]) -> Step {
    let parts = response.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.count == 3, let name = Grammar.text(parts[1]), !name.isEmpty, parts[1].count <= 255 else {
      return .refuse(Self.malformed)
    }
    guard parts[0].isEmpty || parts[0] == parts[1] else {
      return .refuse(Reply(535, .init(5, 7, 8), "acting for another identity is not offered"))
    }
    return attempt(name, Array(parts[2]))
  }

  private func attempt(_ name: String, _ password: [UInt8]) -> Step {
    guard !password.isEmpty, password.count <= 1024, !password.contains(0) else { return .refuse(Self.malformed) }
    return .attempt(LoginAttempt(username: name, password: password))
  }

  private static let malformed = Reply(501, .init(5, 5, 2), "malformed user name or password")
}
