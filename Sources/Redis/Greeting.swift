/// What a new connection says before anything else, all at once, and what the server must answer.
///
/// PING comes last: a server that still loads its data, or wants a password that we have not, says so here.
struct Greeting {
  private enum Step {
    case authenticate
    case select
    case role
    case ping
  }

  private let url: RedisURL
  private var awaited: [Step]

  init(_ url: RedisURL) {
    self.url = url
    var steps: [Step] = url.login == nil ? [] : [.authenticate]
    if url.database != 0 { steps.append(.select) }
    // A Sentinel may be wrong for a while, and a server may have changed since it was asked.
    if url.sentinels != nil { steps.append(.role) }
    awaited = steps + [.ping]
  }

  var commands: [[RedisArgument]] {
    awaited.map { step in
      switch step {
      case .authenticate: ["AUTH"] + (url.login?.arguments ?? [])
      case .select: ["SELECT", RedisArgument(url.database)]
      case .role: ["ROLE"]
      case .ping: ["PING"]
      }
    }
  }

  /// - Returns: whether this was the last answer.
  mutating func accept(_ value: RedisValue) throws(RedisError) -> Bool {
    guard let step = awaited.first else { throw .protocolViolation("a reply that nobody asked for") }
    awaited.removeFirst()
    if case .refusal(let refusal) = value {
      if step == .authenticate || refusal.code == "NOAUTH" { throw .authentication(readable(refusal)) }
      throw .refused(refusal)
    }
    if step == .role {
      guard value.elements?.first?.text == "master" else { throw .notConnected("the server is no master") }
      return awaited.isEmpty
    }
    guard case .status = value else { throw .protocolViolation("an unexpected answer to the greeting") }
    return awaited.isEmpty
  }

  /// A server could repeat the password.
  private func readable(_ refusal: RedisRefusal) -> String {
    let text = "\(refusal.code) \(refusal.message)"
    guard let login = url.login, text.contains(login.password) else { return text }
    return "\(refusal.code) (the server's words contain the password)"
  }
}
