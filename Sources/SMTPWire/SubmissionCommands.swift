import MailModel

/// Command lines: whose turn it is, and what each does. One method per verb.
extension SubmissionMachine {
  mutating func stepLine(_ input: UnsafeRawBufferPointer) -> (consumed: Int, action: SubmissionAction?) {
    let mayLogIn = isSecure && policy.requiresLogin && !isLoggedIn
    let lengthMax = mayLogIn ? limits.loginLineLengthMax : limits.commandLengthMax
    let (consumed, outcome) = lines.decode(input, lengthMax: lengthMax)
    guard let outcome else { return (consumed, nil) }
    if isDraining, envelope == nil { return (consumed, close(after: SubmissionReplies.shuttingDown)) }
    switch outcome {
    case .line(let line): return (consumed, take(line))
    case .bare(let octet): return (consumed, refuseLine(SubmissionReplies.bareInCommand(octet)))
    case .tooLong: return (consumed, refuseLine(SubmissionReplies.commandTooLong))
    }
  }

  /// A broken line also ends a login dialogue.
  private mutating func refuseLine(_ reply: Reply) -> SubmissionAction {
    phase = .command
    return answer(reply)
  }

  private mutating func take(_ line: [UInt8]) -> SubmissionAction? {
    if case .loginDialogue(var exchange) = phase {
      phase = .command
      let step = exchange.receive(line)
      return follow(step, exchange)
    }
    guard let verb = CommandParser.verb(of: line) else { return count(answer(SubmissionReplies.unknownCommand)) }
    guard verb == .auth || line.count <= limits.commandLengthMax else {
      return count(answer(SubmissionReplies.commandTooLong))
    }
    if verb == .bdat { return bdat(line) }
    if let notNow = refusalOfTurn(verb) { return count(answer(notNow)) }
    do throws(CommandFault) {
      return count(perform(try CommandParser.parse(verb, line, smtpUTF8: envelope?.smtpUTF8 ?? false)))
    } catch {
      return count(answer(error.reply))
    }
  }

  /// Bounds what a client may do without ever sending a message.
  mutating func count(_ action: SubmissionAction?) -> SubmissionAction? {
    switch action {
    case .reply(SubmissionReplies.recipientOk), .beginMessage, .endMessage, .close, .startTLS:
      return action
    default:
      commandsWithoutMail += 1
      return commandsWithoutMail > limits.commandsWithoutMailMax
        ? close(after: SubmissionReplies.tooManyCommands) : action
    }
  }

  /// 503 and its relatives: what must have happened before `verb` (RFC 5321 §4.1.4).
  func refusalOfTurn(_ verb: Verb) -> Reply? {
    switch verb {
    case .ehlo, .helo, .rset, .noop, .quit, .vrfy, .expn, .help:
      return nil
    case .startTLS:
      if isSecure { return SubmissionReplies.tlsActive }
      guard policy.offersStartTLS else { return SubmissionReplies.noTLS }
      if hello == nil { return SubmissionReplies.helloFirst }
      return hello == .ehlo ? nil : SubmissionReplies.ehloFirst
    case .auth:
      return refusalOfLogin
    case .mail:
      if hello == nil { return SubmissionReplies.helloFirst }
      if let missing = missingTrust { return missing }
      return envelope == nil ? nil : SubmissionReplies.nestedMail
    case .rcpt:
      return refusalOutsideTransaction ?? (decoder == nil ? nil : SubmissionReplies.inTransaction)
    case .data:
      if let refusal = refusalOutsideTransaction ?? missingRecipients { return refusal }
      return decoder == nil ? nil : SubmissionReplies.dataAmongChunks
    case .bdat:
      return refusalOutsideTransaction ?? missingRecipients
    }
  }

  private var missingTrust: Reply? {
    if policy.requiresTLS, !isSecure { return SubmissionReplies.tlsFirst }
    return policy.requiresLogin && !isLoggedIn ? SubmissionReplies.loginFirst : nil
  }

  private var refusalOutsideTransaction: Reply? {
    if hello == nil { return SubmissionReplies.helloFirst }
    if let missing = missingTrust { return missing }
    if envelope == nil { return SubmissionReplies.mailFirst }
    return isSpoiled ? SubmissionReplies.resetFirst : nil
  }

  private var missingRecipients: Reply? {
    guard let envelope, envelope.recipients.isEmpty else { return nil }
    return refusedRecipients > 0 ? SubmissionReplies.noValidRecipients : SubmissionReplies.recipientFirst
  }

  private var refusalOfLogin: Reply? {
    guard policy.requiresLogin else { return SubmissionReplies.noLogin }
    if !isSecure { return SubmissionReplies.loginNeedsTLS }
    if hello == nil { return SubmissionReplies.helloFirst }
    if hello == .helo { return SubmissionReplies.ehloFirst }
    if isLoggedIn { return SubmissionReplies.loginActive }
    return envelope == nil ? nil : SubmissionReplies.inTransaction
  }

  private mutating func perform(_ command: Command) -> SubmissionAction {
    switch command {
    case .ehlo(let name): return greet(name, .ehlo)
    case .helo(let name): return greet(name, .helo)
    case .startTLS:
      phase = .waiting(.tls)
      return .startTLS(SubmissionReplies.startTLS)
    case .auth(let mechanism, let response): return auth(mechanism, response)
    case .mail(let command): return mail(command)
    case .rcpt(let recipient): return rcpt(recipient)
    case .data: return data()
    case .rset: return reset(SubmissionReplies.ok)
    case .noop: return .reply(SubmissionReplies.ok)
    case .quit: return close(after: SubmissionReplies.goodbye(hostName))
    case .vrfy: return .reply(SubmissionReplies.verify)
    case .expn: return answer(SubmissionReplies.expand)
    case .help: return .reply(SubmissionReplies.help)
    case .bdat: return answer(SubmissionReplies.unknownCommand)  // handled before: its chunk must be taken
    }
  }

  /// EHLO also resets a transaction (RFC 5321 §4.1.4).
  private mutating func greet(_ name: String, _ kind: Hello) -> SubmissionAction {
    hello = kind
    helloName = name
    guard kind == .ehlo else { return reset(Reply(250, nil, hostName)) }
    var lines = ["\(hostName) greets \(name)", "PIPELINING", "SIZE \(limits.messageSizeMax)", "8BITMIME"]
    if !isSecure, policy.offersStartTLS { lines.append("STARTTLS") }
    if isSecure, policy.requiresLogin { lines.append("AUTH PLAIN LOGIN") }
    lines.append("ENHANCEDSTATUSCODES")
    if policy.offersDSN { lines.append("DSN") }
    lines += ["SMTPUTF8", "CHUNKING", "LIMITS RCPTMAX=\(limits.recipientsMax)", "HELP"]
    return reset(Reply(code: 250, enhanced: nil, lines: lines.map { Array($0.utf8) }))
  }

  private mutating func reset(_ reply: Reply) -> SubmissionAction {
    let hadContent = decoder != nil
    endTransaction()
    return hadContent ? .discardMessage(reply) : .reply(reply)
  }

  private mutating func auth(_ mechanism: String, _ response: [UInt8]?) -> SubmissionAction {
    guard var exchange = LoginExchange(mechanism: mechanism) else { return answer(SubmissionReplies.unknownMechanism) }
    let step = exchange.start(response)
    return follow(step, exchange)
  }

  private mutating func follow(_ step: LoginExchange.Step, _ exchange: LoginExchange) -> SubmissionAction {
    switch step {
    case .challenge(let text):
      phase = .loginDialogue(exchange)
      return .reply(Reply(code: 334, enhanced: nil, lines: [text]))
    case .attempt(let login):
      phase = .waiting(.login)
      return .authenticate(login)
    case .refuse(let reply):
      return answer(reply)
    }
  }

  private mutating func mail(_ command: MailCommand) -> SubmissionAction {
    if let size = command.size, size > limits.messageSizeMax {
      return answer(SubmissionReplies.tooLarge(limits.messageSizeMax))
    }
    if let refusalOfClient { return answer(refusalOfClient) }
    if let path = command.reversePath, let refusal = refusalOfSender?(path) { return answer(refusal) }
    envelope = Envelope(
      reversePath: command.reversePath, body: command.body, smtpUTF8: command.smtpUTF8, returned: command.returned,
      envelopeID: command.envelopeID)
    return .reply(SubmissionReplies.senderOk)
  }

  private mutating func rcpt(_ recipient: Recipient) -> SubmissionAction {
    if let refusal = refusalOfRecipient?(recipient.address) {
      refusedRecipients += 1
      return answer(refusal)
    }
    guard let count = envelope?.recipients.count, count < limits.recipientsMax else {
      refusedRecipients += 1
      return refusedRecipients > limits.excessRecipientsMax
        ? close(after: SubmissionReplies.tooManyRefusedRecipients)
        : .reply(SubmissionReplies.tooManyRecipients(limits.recipientsMax))
    }
    envelope?.recipients.append(recipient)
    return .reply(SubmissionReplies.recipientOk)
  }
}
