package import MailModel

/// What the set-up of a connection may and must do.
package struct ClientPolicy: Sendable, Hashable {
  package enum Encryption: Sendable, Hashable {
    case never
    case whenOffered
    /// No mail without it.
    case always
    /// The connection is encrypted from its first byte: STARTTLS has no place.
    case implicit
  }

  package var transfer: TransferProtocol
  /// What we say in EHLO or LHLO.
  package var heloName: String
  package var encryption: Encryption
  package var login: ClientLogin?
  /// Recipients of one transaction; RFC 5321 §4.5.3.1.8 promises 100.
  package var recipientsMax: Int

  package init(
    heloName: String, encryption: Encryption, login: ClientLogin? = nil, recipientsMax: Int = 100,
    transfer: TransferProtocol = .smtp
  ) {
    self.transfer = transfer
    self.heloName = heloName
    self.encryption = encryption
    self.login = login
    self.recipientsMax = max(1, recipientsMax)
  }
}

/// A login at the server. Never logged, never described.
package struct ClientLogin: Sendable, Hashable {
  package let user: String
  package let password: String

  package init(user: String, password: String) {
    self.user = user
    self.password = password
  }
}

/// One mail transaction as the client side sees it: already fitted to what the server can do.
package struct ClientTransaction: Sendable, Hashable {
  package var reversePath: MailAddress?
  package var recipients: [Recipient]
  /// Bytes of the message with CRLF, without dot-stuffing (RFC 1870 §3).
  package var size: Int
  package var eightBit: Bool
  package var smtpUTF8: Bool
  package var returned: ReturnedContent?
  package var envelopeID: String?

  package init(
    reversePath: MailAddress?, recipients: [Recipient], size: Int, eightBit: Bool = false, smtpUTF8: Bool = false,
    returned: ReturnedContent? = nil, envelopeID: String? = nil
  ) {
    self.reversePath = reversePath
    self.recipients = recipients
    self.size = size
    self.eightBit = eightBit
    self.smtpUTF8 = smtpUTF8
    self.returned = returned
    self.envelopeID = envelopeID
  }
}

/// How a recipient came out of a transaction.
package enum ClientOutcome: Sendable, Hashable {
  case done(AttemptResult)
  /// The server wants it in a later transaction (452 4.5.3, RFC 5321 §4.5.3.1.10).
  case nextTransaction
}

/// How a transaction ended.
package struct ClientTransactionResult: Sendable, Hashable {
  /// In the order of the recipients.
  package var outcomes: [ClientOutcome]
  /// The connection ended before the server said a word about this transaction, after earlier ones had gone well:
  /// it had been closed while idle. Nothing happened, and a fresh connection may try.
  package var isStale: Bool

  package init(outcomes: [ClientOutcome], isStale: Bool) {
    self.outcomes = outcomes
    self.isStale = isStale
  }
}

/// Why a connection cannot be used for mail.
package struct ClientSetupFailure: Sendable, Hashable {
  package var result: AttemptResult
  /// Another host may do better: 4yz, silence, a broken connection. A 5yz is the domain's answer.
  package var mayTryNextHost: Bool
  /// The TLS handshake failed and policy lets the message go in clear.
  package var mayRetryInClear: Bool

  package init(result: AttemptResult, mayTryNextHost: Bool, mayRetryInClear: Bool) {
    self.result = result
    self.mayTryNextHost = mayTryNextHost
    self.mayRetryInClear = mayRetryInClear
  }
}

/// What whoever holds the connection does next.
package enum ClientAction: Sendable, Hashable {
  /// Nothing: the next reply is waited for.
  case wait
  case send([UInt8])
  /// Start TLS now, then call `tlsEstablished` or `lost`. Not a byte may be waiting in the parser.
  case startTLS
  /// The set-up is over: transactions may begin.
  case ready
  /// Send the message with dot-stuffing and the final dot, then call `contentSent`.
  case sendContent
  /// The transaction is over. The connection takes another one if `isReady`, otherwise it is to be closed.
  case finished(ClientTransactionResult)
  /// Close the connection.
  case failed(ClientSetupFailure)
  case close
}

/// What is being waited for: each has its own time limit (RFC 5321 §4.5.3.2).
package enum ClientWait: Sendable, Hashable, CaseIterable {
  case greeting, hello, startTLS, login, mail, recipient, data, content, finalDot, reset, quit
  /// Nothing is due from the server.
  case idle

  /// The stage that a failure here belongs to.
  package var stage: AttemptStage {
    switch self {
    case .greeting: .greeting
    case .hello: .hello
    case .startTLS: .tls
    case .login: .login
    case .mail, .idle, .reset, .quit: .mail
    case .recipient: .recipient
    case .data, .content: .data
    case .finalDot: .finalDot
    }
  }

  /// For "timed out: …".
  package var name: String {
    switch self {
    case .greeting: "waiting for the greeting"
    case .hello: "waiting for the reply to EHLO"
    case .startTLS: "starting TLS"
    case .login: "logging in"
    case .mail: "waiting for the reply to MAIL"
    case .recipient: "waiting for the reply to RCPT"
    case .data: "waiting for the reply to DATA"
    case .content: "sending the message"
    case .finalDot: "waiting for the reply to the final dot"
    case .reset: "waiting for the reply to RSET"
    case .quit: "waiting for the reply to QUIT"
    case .idle: "idle"
    }
  }
}
