package import MailModel

/// The client's side of one SMTP (RFC 5321 §3, §4.1) or LMTP (RFC 2033) connection as a state machine: replies in,
/// actions out.
///
/// Greeting, EHLO, HELO or LHLO, STARTTLS, login; then any number of transactions. It does no input or output and knows
/// no clock: whoever drives it puts bytes through `ReplyParser`, performs the action, and sets the time limit for
/// `wait` anew after each step.
///
/// A recipient counts as delivered only by a 2yz to the final dot, in LMTP by its own; whatever is not understood ends the connection
/// and leaves the outcome temporary.
package struct ClientDialogue: Sendable {
  enum State: Sendable {
    case greeting, hello, oldHello, startTLS, handshake
    case login(LoginStep)
    case ready
    case commands, content, emptyMessage, finalDot
    case quitting, closed
  }

  enum LoginStep: Sendable { case plain, user, password, result }

  package let policy: ClientPolicy
  package private(set) var capabilities = ClientCapabilities()
  /// The certificate was valid for the name that we asked for.
  package private(set) var isVerified = false
  var isEncrypted = false
  var state: State
  var running: RunningTransaction?
  var transactionsDone = 0
  /// The server may still hold a transaction that came to nothing.
  var needsReset = false

  package init(policy: ClientPolicy) {
    self.policy = policy
    state = policy.encryption == .implicit ? .handshake : .greeting
  }

  package var isReady: Bool { if case .ready = state { true } else { false } }
  package var isClosed: Bool { if case .closed = state { true } else { false } }

  /// What is due from the server, and so which time limit applies.
  package var wait: ClientWait {
    switch state {
    case .greeting: .greeting
    case .hello, .oldHello: .hello
    case .startTLS, .handshake: .startTLS
    case .login: .login
    case .ready, .closed: .idle
    case .commands: running?.expected?.wait ?? .mail
    case .content: .content
    case .emptyMessage, .finalDot: .finalDot
    case .quitting: .quit
    }
  }

  package mutating func receive(_ reply: Reply) -> ClientAction {
    switch state {
    case .greeting: return greeted(reply)
    case .hello, .oldHello: return helloAnswered(reply)
    case .startTLS: return startTLSAnswered(reply)
    case .login(let step): return loginAnswered(reply, step)
    case .commands, .content, .emptyMessage, .finalDot: return transactionAnswered(reply)
    // Bytes between the 220 and the handshake, a farewell while idle, the reply to QUIT.
    case .handshake: return lost(.protocolViolation("bytes in clear after STARTTLS"))
    case .ready, .quitting, .closed:
      state = .closed
      return .close
    }
  }

  /// The handshake is over.
  package mutating func tlsEstablished(verified: Bool) -> ClientAction {
    guard case .handshake = state else { return lost(.protocolViolation("TLS out of turn")) }
    (isEncrypted, isVerified) = (true, verified)
    if policy.encryption == .implicit {
      state = .greeting
      return .wait
    }
    // RFC 3207 §4.2: what the server said before TLS is forgotten.
    return sayHello()
  }

  /// The connection ended, a time limit passed, or what came is not SMTP.
  package mutating func lost(_ failure: LocalFailure) -> ClientAction {
    if running != nil { return transactionLost(failure) }
    var stage = wait.stage
    var mayRetryInClear = false
    if case .handshake = state {
      stage = .tls
      // Not after a breach of protocol: bytes slipped in before the handshake are somebody's attempt at something.
      if case .protocolViolation = failure {} else { mayRetryInClear = policy.encryption == .whenOffered }
    }
    let wasSettingUp = isSettingUp
    state = .closed
    guard wasSettingUp else { return .close }
    return .failed(
      ClientSetupFailure(
        result: .failed(failure, stage), mayTryNextHost: true, mayRetryInClear: mayRetryInClear))
  }

  /// Says goodbye. Only when ready.
  package mutating func quit() -> [UInt8] {
    state = .quitting
    return ClientCommands.command("QUIT")
  }

  private var isSettingUp: Bool {
    switch state {
    case .greeting, .hello, .oldHello, .startTLS, .handshake, .login: true
    default: false
    }
  }

  private mutating func fail(_ result: AttemptResult, mayTryNextHost: Bool = true) -> ClientAction {
    state = .closed
    return .failed(ClientSetupFailure(result: result, mayTryNextHost: mayTryNextHost, mayRetryInClear: false))
  }
}

// MARK: Set-up

extension ClientDialogue {
  private mutating func greeted(_ reply: Reply) -> ClientAction {
    switch reply.code {
    case 200..<300: return sayHello()
    case 300..<400: return lost(.protocolViolation("greeted with code \(reply.code)"))
    // A 5yz says for the whole host that it takes no mail (RFC 5321 §3.1); a 4yz is this host's trouble today.
    default: return fail(.refused(reply, .greeting), mayTryNextHost: reply.isTransient)
    }
  }

  private mutating func sayHello() -> ClientAction {
    state = .hello
    let hello = policy.transfer == .lmtp ? "LHLO" : "EHLO"
    return .send(ClientCommands.command("\(hello) \(policy.heloName)"))
  }

  private mutating func helloAnswered(_ reply: Reply) -> ClientAction {
    if case .hello = state, reply.isPermanent, policy.transfer == .smtp {
      // RFC 5321 §3.2: a server that does not know EHLO gets HELO. RFC 2033 §4.1: LMTP has LHLO and nothing else.
      state = .oldHello
      return .send(ClientCommands.command("HELO \(policy.heloName)"))
    }
    switch reply.code {
    case 200..<300: break
    case 300..<400: return lost(.protocolViolation("EHLO answered with code \(reply.code)"))
    // What does not speak LMTP is the operator's mistake, not the recipient's: temporary.
    case _ where policy.transfer == .lmtp: return lost(.protocolViolation("LHLO answered with code \(reply.code)"))
    default: return fail(.refused(reply, .hello), mayTryNextHost: reply.isTransient)
    }
    if case .hello = state {
      capabilities = ClientCapabilities(ehlo: reply)
      capabilities.takesAnyHeader = policy.transfer == .lmtp
    } else {
      capabilities = ClientCapabilities()
    }
    return encryptOrLogIn()
  }

  private mutating func encryptOrLogIn() -> ClientAction {
    if isEncrypted || policy.encryption == .never { return logIn() }
    if capabilities.startTLS {
      state = .startTLS
      return .send(ClientCommands.command("STARTTLS"))
    }
    return policy.encryption == .always ? fail(.failed(.tls("the server does not offer STARTTLS"), .tls)) : logIn()
  }

  private mutating func startTLSAnswered(_ reply: Reply) -> ClientAction {
    if reply.code == 220 {
      state = .handshake
      return .startTLS
    }
    if reply.code == 421 { return fail(.refused(reply, .tls)) }
    guard reply.code >= 400 else { return lost(.protocolViolation("STARTTLS answered with code \(reply.code)")) }
    return policy.encryption == .always ? fail(.failed(.tls("STARTTLS was refused: \(reply.text)"), .tls)) : logIn()
  }

  private mutating func logIn() -> ClientAction {
    guard let login = policy.login else {
      state = .ready
      return .ready
    }
    guard isEncrypted, isVerified else {
      return fail(.failed(.tls("a login is sent over verified TLS only"), .login))
    }
    if capabilities.mechanisms.contains("PLAIN") {
      state = .login(.plain)
      let secret = [0] + Array(login.user.utf8) + [0] + Array(login.password.utf8)
      return .send(ClientCommands.command("AUTH PLAIN \(ClientCommands.base64(secret))"))
    }
    guard capabilities.mechanisms.contains("LOGIN") else {
      // The operator's route is at fault, not the recipient: temporary.
      return fail(.failed(.system("the server offers neither AUTH PLAIN nor AUTH LOGIN"), .login))
    }
    state = .login(.user)
    return .send(ClientCommands.command("AUTH LOGIN"))
  }

  private mutating func loginAnswered(_ reply: Reply, _ step: LoginStep) -> ClientAction {
    guard let login = policy.login else { return lost(.protocolViolation("a login that nobody asked for")) }
    switch (step, reply.code) {
    case (.plain, 235), (.result, 235):
      state = .ready
      return .ready
    case (.user, 334):
      state = .login(.password)
      return .send(ClientCommands.command(ClientCommands.base64(Array(login.user.utf8))))
    case (.password, 334):
      state = .login(.result)
      return .send(ClientCommands.command(ClientCommands.base64(Array(login.password.utf8))))
    // The operator's route is at fault, not the recipient: retried, whatever the code.
    case (_, 400...): return fail(.refused(reply, .login))
    default: return lost(.protocolViolation("AUTH answered with code \(reply.code)"))
    }
  }
}
