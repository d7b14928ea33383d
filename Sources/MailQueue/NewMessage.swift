package import MailModel

/// A message that an acceptor has received whole and wants to promise.
package struct NewMessage: Sendable {
  package var id: QueueID
  package var tenant: Int64
  /// The epoch of the tenant's placement, where there are several databases: an insertion elsewhere, or with another
  /// one, fails. nil: not asked, as for notices, which go where the message is that they are about.
  package var epoch: Int64?
  package var credential: Int64?
  package var envelope: Envelope
  package var content: MessageContent
  /// The session's id, as in the `Received` field and the log.
  package var session: String
  package var clientAddress: String
  /// The message that this one is a notice about.
  package var noticeOf: QueueID?
  /// For how long its body is kept; nil: as its credential, its tenant or the node's settings say.
  package var retention: Retention?
  /// What content scanners found; ours to write, so not escaped. nil: none was asked.
  package var scan: String?
  /// Why it is set aside from its first moment on, until somebody releases it; nil: it is not.
  package var holdReason: String?

  package init(
    id: QueueID, tenant: Int64, credential: Int64?, envelope: Envelope, content: MessageContent, session: String,
    clientAddress: String, noticeOf: QueueID? = nil, retention: Retention? = nil
  ) {
    self.id = id
    self.tenant = tenant
    self.credential = credential
    self.envelope = envelope
    self.content = content
    self.session = session
    self.clientAddress = clientAddress
    self.noticeOf = noticeOf
    self.retention = retention
  }
}

/// Proof that the message is durable.
package struct EnqueueReceipt: Sendable {
  package let id: QueueID
  /// How many messages shared the transaction.
  package let batch: Int

  package init(id: QueueID, batch: Int) {
    self.id = id
    self.batch = batch
  }
}

/// Why a message was not queued. Nothing of it is kept.
package enum EnqueueFailure: Error, Sendable {
  /// The database could not be asked, or its answer to COMMIT never came.
  case unavailable(String)
  /// The database, or the spill directory, has no room.
  case full(String)
  /// This message can never be stored.
  case unstorable(String)
  /// This database does not take the tenant's mail, or not from whoever knows only an earlier placement.
  case misplaced
  /// It is not wanted, whoever brings it; the reply says why.
  case refused(Reply)

  /// What the client is told. The private reason is for the log only.
  package var reply: Reply {
    switch self {
    case .unavailable: Reply(451, EnhancedStatus(4, 3, 0), "The queue is not available now, please try again later")
    case .full: Reply(452, EnhancedStatus(4, 3, 1), "Insufficient storage, please try again later")
    case .unstorable: Reply(554, EnhancedStatus(5, 6, 0), "This message cannot be stored")
    case .misplaced: Reply(451, EnhancedStatus(4, 3, 0), "The queue is being moved, please try again")
    case .refused(let reply): reply
    }
  }

  package var reason: String {
    switch self {
    case .unavailable(let why), .full(let why), .unstorable(let why): why
    case .misplaced: "the tenant's placement has changed"
    case .refused(let reply): reply.text
    }
  }
}

/// Where acceptors put messages.
package protocol MessageEnqueuing: Sendable {
  /// Makes the message durable.
  /// - Parameter completion: called exactly once, on any thread; with a receipt only after COMMIT.
  func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void)
}
