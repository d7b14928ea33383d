package import MailModel

/// What the owner of a `SubmissionMachine` has to do next, in order.
package enum SubmissionAction: Sendable, Hashable {
  case reply(Reply)
  /// Reply, then end the connection; nothing more is taken.
  case close(Reply)
  /// Reply in clear, throw away whatever else has been received, begin the handshake; then `tlsStarted()`.
  case startTLS(Reply)
  /// Check it; then `loginFinished`.
  case authenticate(LoginAttempt)
  /// Get ready for content; the reply, if any, asks for it.
  case beginMessage(Envelope, Reply?)
  /// Forget the content collected so far; the reply may come later.
  case discardMessage(Reply?)
  /// The content is complete: put it in the queue; then `messageFinished`.
  case endMessage(Envelope)
}

/// How a login ended.
package enum LoginVerdict: Sendable, Hashable {
  case accepted
  case rejected
  /// The password was right, but the account may not send.
  case disabled
  /// The password was right, but the account does not send over SMTP.
  case smtpOff
  case overloaded
  case unavailable
  /// Not looked at; a 421 ends the session.
  case refused(Reply)
}

/// The server's side of one submission session (RFC 5321, RFC 6409): octets in, actions out. It has no
/// socket, no clock and no database.
///
/// Its owner calls `step` for as long as that takes octets or returns an action, performs the action, and feeds
/// the octets that were not taken again. While a login, a handshake or the queue is awaited, `step` takes nothing: commands
/// that a client has pipelined wait in the owner's buffer, and the owner stops reading.
///
/// States: command, login dialogue, content after DATA, chunk after BDAT, and the waiting ones. An error costs a
/// reply, too many errors the session; nothing here can fail otherwise.
package struct SubmissionMachine: ~Copyable {
  enum Phase {
    case command
    case loginDialogue(LoginExchange)
    case data
    case chunk(Chunk)
    case waiting(Waiting)
    case closed
  }

  enum Waiting { case tls, login, queue }

  /// A BDAT chunk on its way (RFC 3030).
  struct Chunk {
    let size: Int
    var remaining: Int
    let isLast: Bool
    /// The octets are skipped, and this is said at their end.
    let refusal: Reply?
  }

  enum Hello { case helo, ehlo }

  let hostName: String
  let policy: SubmissionPolicy
  let limits: SubmissionLimits
  /// Why a recipient is not taken; nil: it is. Asked at once for each RCPT, so it must not wait for anything.
  let refusalOfRecipient: (@Sendable (MailAddress) -> Reply?)?
  /// The same for a reverse-path that is not null; set once it is known who submits.
  package var refusalOfSender: (@Sendable (MailAddress) -> Reply?)?
  /// Why nothing is taken from this client, whatever it is; said at MAIL. It may be set at any time.
  package var refusalOfClient: Reply?

  var phase = Phase.command
  var lines = CommandLineDecoder()
  var decoder: DataDecoder?
  /// Set by the owner when it cannot take the message; said at the end of the content.
  var refusal: Reply?
  var hello: Hello?
  var envelope: Envelope?
  /// A chunk was refused: only RSET goes on (RFC 3030 §2).
  var isSpoiled = false
  var refusedRecipients = 0
  var commandsWithoutMail = 0
  var errors = 0
  var failedLogins = 0

  /// The connection is encrypted.
  package private(set) var isSecure: Bool
  package private(set) var isLoggedIn = false
  package private(set) var isDraining = false
  /// What the client called itself.
  package internal(set) var helloName = ""

  /// - Parameters:
  ///   - isSecure: TLS was there before SMTP (RFC 8314).
  ///   - refusalOfRecipient: for listeners that take mail for certain recipients only; nil: any recipient will do.
  package init(
    hostName: String, policy: SubmissionPolicy, limits: SubmissionLimits, isSecure: Bool,
    refusalOfRecipient: (@Sendable (MailAddress) -> Reply?)? = nil
  ) {
    self.refusalOfRecipient = refusalOfRecipient
    self.hostName = hostName
    self.policy = policy
    self.limits = limits
    self.isSecure = isSecure
  }

  package var greeting: Reply { Reply(220, nil, "\(hostName) ESMTP Postrider") }

  /// EHLO rather than HELO was said.
  package var isExtended: Bool { hello == .ehlo }
  /// MAIL has been accepted, and its message is not finished.
  package var isInTransaction: Bool { envelope != nil }
  /// Octets are content, not commands.
  package var isReceivingContent: Bool {
    switch phase {
    case .data, .chunk: true
    case .command, .loginDialogue, .waiting, .closed: false
    }
  }
  /// Nothing is begun: no line, no transaction, no answer owed.
  package var isIdle: Bool {
    guard case .command = phase else { return false }
    return envelope == nil && lines.isEmpty
  }
  package var isWaiting: Bool {
    if case .waiting = phase { return true }
    return false
  }

  /// Why the message in hand will be refused at its end.
  package var refusalInHand: Reply? { refusal }

  /// Takes octets up to the next action. It is to be called, also without input, until it neither takes an octet
  /// nor returns an action: then nothing can be done before more octets come or what is awaited has happened.
  /// - Parameter content: is given the message's octets, valid during the call only.
  /// - Returns: how many octets were taken, and what to do.
  package mutating func step(
    _ input: UnsafeRawBufferPointer, content: (UnsafeRawBufferPointer) -> Void
  ) -> (consumed: Int, action: SubmissionAction?) {
    switch phase {
    case .command, .loginDialogue: stepLine(input)
    case .data: stepData(input, content)
    case .chunk(let chunk): stepChunk(chunk, input, content)
    case .waiting: (0, nil)
    case .closed: (input.count, nil)
    }
  }

  /// The handshake is over: the client begins anew (RFC 3207 §4.2).
  package mutating func tlsStarted() {
    isSecure = true
    hello = nil
    helloName = ""
    lines = CommandLineDecoder()
    phase = .command
  }

  package mutating func loginFinished(_ verdict: LoginVerdict) -> SubmissionAction {
    phase = .command
    switch verdict {
    case .accepted:
      isLoggedIn = true
      return .reply(SubmissionReplies.loggedIn)
    case .rejected:
      return failLogin(Reply(535, .init(5, 7, 8), "Authentication credentials invalid"))
    case .disabled:
      return failLogin(Reply(525, .init(5, 7, 13), "This account is disabled"))
    case .smtpOff:
      return failLogin(Reply(525, .init(5, 7, 13), "SMTP access is switched off for this account"))
    case .overloaded:
      return .reply(Reply(454, .init(4, 7, 0), "Too many logins at once, try again"))
    case .unavailable:
      return .reply(Reply(454, .init(4, 7, 0), "Temporary authentication failure, try again"))
    case .refused(let reply):
      return reply.code == 421 ? close(after: reply) : .reply(reply)
    }
  }

  /// The owner cannot take the message that is being received: the rest is skipped, then `reply` is said.
  package mutating func refuseMessage(_ reply: Reply) {
    if refusal == nil { refusal = reply }
  }

  /// The queue has answered.
  package mutating func messageFinished(_ reply: Reply) -> SubmissionAction {
    phase = .command
    endTransaction()
    if reply.isPositive { commandsWithoutMail = 0 }
    return answer(reply)
  }

  /// From now on the next command outside of a transaction is answered with 421 (RFC 5321 §3.8).
  package mutating func drain() { isDraining = true }

  /// Ends the session from the owner's side, for example after a time-out.
  package mutating func close() {
    phase = .closed
    endTransaction()
  }

  mutating func endTransaction() {
    envelope = nil
    decoder = nil
    refusal = nil
    isSpoiled = false
    refusedRecipients = 0
  }

  /// A reply, or the end of the session when there were too many refusals.
  mutating func answer(_ reply: Reply) -> SubmissionAction {
    guard reply.isPermanent else { return .reply(reply) }
    errors += 1
    guard errors > limits.errorsMax else { return .reply(reply) }
    return close(after: SubmissionReplies.tooManyErrors)
  }

  mutating func close(after reply: Reply) -> SubmissionAction {
    close()
    return .close(reply)
  }

  private mutating func failLogin(_ reply: Reply) -> SubmissionAction {
    failedLogins += 1
    return failedLogins > limits.failedLoginsMax ? close(after: SubmissionReplies.tooManyFailedLogins) : answer(reply)
  }
}
