package import Logging
package import MailModel

/// The mail log: one line per accepted message, one per attempt for one recipient. Nothing else writes such lines.
package struct MailLog: Sendable {
  private let logger: Logger
  /// These lines are the most frequent by far: they skip the dictionary that swift-log would make of each.
  private let direct: LineHandler.Direct?

  /// - Parameter logger: its metadata (role, worker …) stands on every line.
  package init(logger: Logger = Logger(label: "mail")) {
    self.logger = logger
    direct = (logger.handler as? LineHandler)?.direct
  }

  private func write(_ message: String, _ pairs: KeyValuePairs<LogKey, (any CustomStringConvertible & Sendable)?>) {
    guard logger.logLevel <= .info else { return }
    if let direct {
      direct.write(message, pairs)
    } else {
      logger.info(Logger.Message(stringLiteral: message), metadata: .fields(pairs))
    }
  }

  /// Writes the line of a message that has been committed.
  package func accepted(_ message: AcceptedMessage) {
    write(
      "accepted",
      [
        .messageID: message.id, .session: message.session, .tenant: message.tenant,
        .credential: message.credential, .sender: message.sender?.description ?? "<>",
        .clientAddress: message.clientAddress, .tls: message.tls?.version, .tlsCipher: message.tls?.cipher,
        .scan: message.scan, .size: message.sizeBytes, .recipients: message.recipientCount,
        .duration: message.duration.milliseconds,
      ])
  }

  /// Writes the line of one attempt.
  package func attempted(_ attempt: LoggedAttempt) {
    let remote = attempt.attempt.remote
    var (stage, reply, explanation): (AttemptStage?, String?, String?)
    switch attempt.attempt.result {
    case .delivered(let answer): reply = answer.text
    case .refused(let answer, let place): (reply, stage) = (answer.text, place)
    case .failed(let failure, let place): (explanation, stage) = (failure.explanation, place)
    case .notTried(let why): explanation = why
    }
    write(
      attempt.outcome.rawValue,
      [
        .messageID: attempt.id, .tenant: attempt.tenant, .recipient: attempt.recipient, .attempt: attempt.number,
        .host: remote?.name, .address: remote?.address, .port: remote?.port,
        .tls: remote.map { $0.tls?.version ?? "none" }, .tlsVerified: remote?.tls?.verified, .stage: stage?.name,
        .reply: reply, .explanation: explanation, .retryIn: attempt.retryAfter.map(Self.seconds),
        .duration: attempt.attempt.duration.milliseconds,
      ])
  }

  private static func seconds(_ duration: Duration) -> Int64 { duration.components.seconds }
}

/// What the acceptance line says.
package struct AcceptedMessage: Sendable {
  package var id: QueueID
  package var session: String
  /// The tenant's name, or its number where only that is known.
  package var tenant: String
  package var credential: String?
  package var sender: MailAddress?
  package var clientAddress: String
  package var tls: TLSFacts?
  package var sizeBytes: Int
  package var recipientCount: Int
  /// From the first byte of DATA or BDAT to the commit.
  package var duration: Duration
  /// What content scanners found; nil: none was asked.
  package var scan: String?

  package init(
    id: QueueID, session: String, tenant: String, credential: String?, sender: MailAddress?, clientAddress: String,
    tls: TLSFacts?, sizeBytes: Int, recipientCount: Int, duration: Duration
  ) {
    self.id = id
    self.session = session
    self.tenant = tenant
    self.credential = credential
    self.sender = sender
    self.clientAddress = clientAddress
    self.tls = tls
    self.sizeBytes = sizeBytes
    self.recipientCount = recipientCount
    self.duration = duration
  }
}

/// What the line of an attempt says.
package struct LoggedAttempt: Sendable {
  /// What becomes of the recipient now.
  package enum Outcome: String, Sendable {
    case delivered, deferred, bounced
    /// Nothing was tried; the recipient goes back as it was.
    case returned
    /// The outcome came after the lease had been lost: it changed nothing.
    case late
  }

  package var id: QueueID
  package var tenant: String
  package var recipient: MailAddress
  /// 1 is the first.
  package var number: Int
  package var outcome: Outcome
  package var attempt: Attempt
  /// From now to the next attempt; nil when there is none.
  package var retryAfter: Duration?

  package init(
    id: QueueID, tenant: String, recipient: MailAddress, number: Int, outcome: Outcome, attempt: Attempt,
    retryAfter: Duration? = nil
  ) {
    self.id = id
    self.tenant = tenant
    self.recipient = recipient
    self.number = number
    self.outcome = outcome
    self.attempt = attempt
    self.retryAfter = retryAfter
  }
}
