package import MailModel

/// The commands of a transaction, each of which gets one reply.
enum ClientExpectation: Sendable, Hashable {
  case reset, mail, recipient(Int), data

  var wait: ClientWait {
    switch self {
    case .reset: .reset
    case .mail: .mail
    case .recipient: .recipient
    case .data: .data
    }
  }
}

/// A transaction under way.
struct RunningTransaction: Sendable {
  let transaction: ClientTransaction
  let commands: [ClientExpectation]
  /// Commands written, and commands answered.
  var sent = 0
  var answered = 0
  var outcomes: [ClientOutcome?]
  /// The server took these recipients; their outcome is that of the message.
  var accepted: [Int] = []
  /// LMTP: how many of them have had their reply to the final dot.
  var answeredAtTheEnd = 0
  var mailWasAccepted = false

  var expected: ClientExpectation? { answered < commands.count ? commands[answered] : nil }

  /// Gives every recipient that has no outcome yet this one.
  mutating func settle(_ result: AttemptResult) {
    for index in outcomes.indices where outcomes[index] == nil { outcomes[index] = .done(result) }
  }
}

extension ClientDialogue {
  /// Begins a transaction; only when `isReady`.
  ///
  /// With PIPELINING (RFC 2920) everything up to DATA is one write. Recipients beyond what one transaction takes
  /// come out as `.nextTransaction`.
  package mutating func begin(_ transaction: ClientTransaction) -> ClientAction {
    let limit = min(policy.recipientsMax, capabilities.recipientsMax ?? .max)
    let count = min(transaction.recipients.count, limit)
    var commands: [ClientExpectation] = needsReset ? [.reset, .mail] : [.mail]
    commands += (0..<count).map { .recipient($0) }
    commands.append(.data)
    var outcomes = [ClientOutcome?](repeating: nil, count: transaction.recipients.count)
    for index in count..<max(count, outcomes.count) { outcomes[index] = .nextTransaction }
    running = RunningTransaction(transaction: transaction, commands: commands, outcomes: outcomes)
    guard isReady, count > 0, Self.isSafe(transaction) else {
      return finish(.failed(.system("this transaction cannot be sent"), .mail), keep: isReady)
    }
    state = .commands
    needsReset = false
    return sendNext()
  }

  /// The content and the final dot are written.
  package mutating func contentSent() {
    if case .content = state { state = .finalDot }
  }

  /// The message must not go on (lease lost, shutdown, content unreadable): the connection ends without a final dot.
  package mutating func abandon(_ result: AttemptResult) -> ClientAction {
    guard running != nil else {
      state = .closed
      return .close
    }
    return finish(result, keep: false)
  }

  private static func isSafe(_ transaction: ClientTransaction) -> Bool {
    let paths = [transaction.reversePath].compactMap(\.self) + transaction.recipients.map(\.address)
    let originals = transaction.recipients.compactMap(\.originalRecipient)
    return paths.allSatisfy { ClientCommands.isSafe($0.description) }
      && originals.allSatisfy { ClientCommands.isSafe($0) && !$0.utf8.contains(32) }
  }

  private mutating func sendNext() -> ClientAction {
    guard var running else { return .close }
    let end = capabilities.pipelining ? running.commands.count : min(running.sent + 1, running.commands.count)
    var bytes: [UInt8] = []
    for command in running.commands[running.sent..<end] {
      switch command {
      case .reset: bytes += ClientCommands.command("RSET")
      case .mail: bytes += ClientCommands.mail(running.transaction, capabilities)
      case .recipient(let index):
        bytes += ClientCommands.recipient(running.transaction.recipients[index], capabilities)
      case .data: bytes += ClientCommands.command("DATA")
      }
    }
    running.sent = end
    self.running = running
    return .send(bytes)
  }

  mutating func transactionAnswered(_ reply: Reply) -> ClientAction {
    // 421 may answer anything and says that the connection ends (RFC 5321 §3.8).
    if reply.code == 421 {
      let stale = isUntouched
      return finish(.refused(reply, wait.stage), keep: false, isStale: stale)
    }
    switch state {
    case .commands: return commandAnswered(reply)
    case .finalDot: return messageAnswered(reply)
    case .emptyMessage:
      // Nobody was to get the nothing that was sent; whatever the reply is, the transaction is over.
      return finish(.failed(.protocolViolation("DATA was accepted without a recipient"), .data), keep: true)
    default:
      // A reply in the middle of the message: the server will not listen to the rest.
      // In LMTP it would speak for one recipient at most (RFC 2033 §4.2), and nobody knows for which.
      if reply.code >= 400, policy.transfer == .smtp { return finish(.refused(reply, .data), keep: false) }
      return transactionLost(.protocolViolation("a reply with code \(reply.code) in the middle of the message"))
    }
  }

  private mutating func commandAnswered(_ reply: Reply) -> ClientAction {
    guard let expected = running?.expected else { return transactionLost(.protocolViolation("a reply too many")) }
    let isWrong = expected == .data ? !(reply.code == 354 || reply.code >= 400) : (300..<400).contains(reply.code)
    if isWrong { return transactionLost(.protocolViolation("code \(reply.code) \(expected.wait.name)")) }
    running?.answered += 1
    switch expected {
    case .reset:
      // A server that cannot even forget is left alone; a fresh connection needs no RSET.
      if !reply.isPositive { return finish(.refused(reply, .mail), keep: false, isStale: true) }
    case .mail:
      running?.mailWasAccepted = reply.isPositive
      if !reply.isPositive { running?.settle(.refused(reply, .mail)) }
    case .recipient(let index): recipientAnswered(reply, index)
    case .data: return dataAnswered(reply)
    }
    return proceed()
  }

  private mutating func recipientAnswered(_ reply: Reply, _ index: Int) {
    guard var running, running.outcomes[index] == nil else { return }
    if reply.isPositive {
      running.accepted.append(index)
    } else if Self.meansTooMany(reply), !running.accepted.isEmpty {
      running.outcomes[index] = .nextTransaction
    } else {
      running.outcomes[index] = .done(.refused(reply, .recipient))
    }
    self.running = running
  }

  /// RFC 5321 §4.5.3.1.10: 452, and 552 of old servers. With another enhanced code it is about this mailbox.
  /// Without an accepted recipient before it, it cannot be about their number: so each transaction gets somewhere.
  private static func meansTooMany(_ reply: Reply) -> Bool {
    guard reply.code == 452 || reply.code == 552 else { return false }
    guard let enhanced = reply.enhanced else { return true }
    return enhanced.subject == 5 && enhanced.detail == 3
  }

  /// After a reply that leaves commands to send or to be answered, or not.
  private mutating func proceed() -> ClientAction {
    guard let running else { return .close }
    if running.answered < running.sent { return .wait }
    let isHopeless = running.expected == .data ? running.accepted.isEmpty : running.answeredMailInVain
    if isHopeless { return finish(nil, keep: true) }
    return sendNext()
  }

  private mutating func dataAnswered(_ reply: Reply) -> ClientAction {
    guard let running else { return .close }
    if reply.code == 354 {
      if !running.accepted.isEmpty {
        state = .content
        return .sendContent
      }
      // RFC 2033 §4.2 forbids it, and to an empty message for nobody there would be no reply.
      if policy.transfer == .lmtp { return finish(nil, keep: false) }
      // RFC 2920 §3.1: the server took DATA although nobody is left; it gets an empty message.
      state = .emptyMessage
      return .send(Array(".\r\n".utf8))
    }
    return finish(.refused(reply, .data), keep: true)
  }

  private mutating func messageAnswered(_ reply: Reply) -> ClientAction {
    if policy.transfer == .lmtp { return answeredForOne(reply) }
    switch reply.code {
    case 200..<300: return finish(.delivered(reply), keep: true)
    case 300..<400: return transactionLost(.protocolViolation("the final dot was answered with code \(reply.code)"))
    default: return finish(.refused(reply, .finalDot), keep: true)
    }
  }

  /// RFC 2033 §4.2: one reply for each recipient that was taken, in their order. Who has had one keeps it, whatever
  /// becomes of the others.
  private mutating func answeredForOne(_ reply: Reply) -> ClientAction {
    guard var running, running.answeredAtTheEnd < running.accepted.count else { return .close }
    guard !(300..<400).contains(reply.code) else {
      return transactionLost(.protocolViolation("the final dot was answered with code \(reply.code)"))
    }
    let result: AttemptResult = reply.isPositive ? .delivered(reply) : .refused(reply, .finalDot)
    running.outcomes[running.accepted[running.answeredAtTheEnd]] = .done(result)
    running.answeredAtTheEnd += 1
    self.running = running
    return running.answeredAtTheEnd == running.accepted.count ? finish(nil, keep: true) : .wait
  }

  mutating func transactionLost(_ failure: LocalFailure) -> ClientAction {
    var stale = false
    if case .connection = failure { stale = isUntouched }
    return finish(.failed(failure, wait.stage), keep: false, isStale: stale)
  }

  /// A reused connection, and not one reply to this transaction.
  private var isUntouched: Bool {
    guard case .commands = state, let running else { return false }
    return transactionsDone > 0 && running.answered == 0
  }

  /// - Parameter result: for the recipients without an outcome.
  private mutating func finish(_ result: AttemptResult?, keep: Bool, isStale: Bool = false) -> ClientAction {
    guard var running else { return .close }
    // DATA ends a transaction on both sides; without it an accepted MAIL is still open.
    if case .commands = state { needsReset = running.mailWasAccepted }
    if let result { running.settle(result) }
    transactionsDone += 1
    state = keep ? .ready : .closed
    self.running = nil
    let outcomes = running.outcomes.map { $0 ?? .done(.notTried("the transaction ended early")) }
    return .finished(ClientTransactionResult(outcomes: outcomes, isStale: isStale))
  }
}

extension RunningTransaction {
  /// MAIL was refused, so nothing after it can succeed.
  fileprivate var answeredMailInVain: Bool {
    guard let mail = commands.firstIndex(of: .mail) else { return false }
    return answered > mail && !mailWasAccepted
  }
}
