internal import MailModel
internal import MailQueue
internal import Postgres

/// A message for programs: what `message show --json` and `message trace --json` print.
struct MessageRecord: Encodable {
  var id: String
  var tenant: String
  var credential: String?
  /// Empty: the null reverse-path.
  var reversePath: String
  var acceptedAt: String
  var expiresAt: String
  var sizeBytes: Int
  var body: String
  var smtpUTF8: Bool
  var returned: String?
  var envelopeID: String?
  var session: String
  var clientAddress: String
  var isRedacted: Bool
  var redactedAt: String?
  var endedAt: String?
  /// Until when the body is kept, when the message has ended.
  var bodyUntil: String?
  var retentionSeconds: Int64
  var bouncedRetentionSeconds: Int64
  /// What content scanners found; absent: none was asked.
  var scan: String?
  /// Why it was held when it was accepted; absent: it was not.
  var holdReason: String?
  var isFinal: Bool
  var noticeOf: String?
  var notices: [String]
  var recipients: [RecipientRecord]
  /// Only in a trace.
  var attempts: [AttemptRecord]?

  init(_ trace: MessageTrace, withAttempts: Bool) {
    let facts = trace.facts
    id = facts.id.description
    tenant = facts.tenantName ?? String(facts.tenant)
    credential = facts.credential
    reversePath = facts.envelope.reversePath?.description ?? ""
    acceptedAt = facts.acceptedAt.iso
    expiresAt = facts.expiresAt.iso
    sizeBytes = facts.size
    body = facts.envelope.body.keyword
    smtpUTF8 = facts.envelope.smtpUTF8
    returned = facts.envelope.returned?.keyword
    envelopeID = facts.envelope.envelopeID
    session = facts.session
    clientAddress = facts.clientAddress
    isRedacted = facts.isRedacted
    redactedAt = facts.redactedAt?.iso
    endedAt = trace.endedAt?.iso
    bodyUntil = trace.bodyUntil?.iso
    retentionSeconds = facts.retention.body.components.seconds
    bouncedRetentionSeconds = facts.retention.bounced.components.seconds
    scan = facts.scan
    holdReason = facts.holdReason
    isFinal = trace.isFinal
    noticeOf = facts.noticeOf?.description
    notices = facts.notices.map(\.description)
    recipients = facts.envelope.recipients.indices.map { RecipientRecord(trace, number: $0 + 1) }
    attempts = withAttempts ? trace.outcomes.map { AttemptRecord($0, of: facts) } : nil
  }
}

struct RecipientRecord: Encodable {
  var number: Int
  var address: String
  var notify: String?
  var originalRecipient: String?
  var state: String
  /// The next attempt.
  var due: String?
  var endedAt: String?
  var node: String?
  var workerSession: String?
  var attempts: Int
  var lastReply: String?

  init(_ trace: MessageTrace, number: Int) {
    let recipient = trace.facts.envelope.recipients[number - 1]
    self.number = number
    address = recipient.address.description
    notify = recipient.notify?.said?.keyword
    originalRecipient = recipient.originalRecipient
    state = trace.states[number - 1].name.replacing(" ", with: "_")
    attempts = trace.outcomes.count { $0.recipient == Int32(number) && $0.node != nil }
    lastReply = trace.lastOutcome(of: number)?.attempt.result.words
    switch trace.states[number - 1] {
    case .pending(let due), .deferred(let due): self.due = due.iso
    case .inFlight(let node, let session): (self.node, workerSession) = (node, session.description)
    case .ended(_, let at): endedAt = at.iso
    case .held, .unknown: break
    }
  }
}

struct AttemptRecord: Encodable {
  struct Security: Encodable {
    var version: String
    var cipher: String
    var isVerified: Bool
  }

  var at: String
  var recipient: Int
  var address: String?
  var attempt: Int
  var outcome: String
  /// Noted after the claim had passed to another worker: it changed nothing.
  var isLate: Bool
  var node: String?
  var workerSession: String?
  var durationMs: Int64
  var stage: String?
  var mxHost: String?
  var mxAddress: String?
  var mxPort: Int?
  var tls: Security?
  var replyCode: Int?
  var enhancedStatus: String?
  /// The remote server's words, or ours about a failure of another kind.
  var reply: String
  var failure: String?
  var nextDue: String?

  init(_ outcome: TracedOutcome, of facts: MessageFacts) {
    at = outcome.at.iso
    recipient = Int(outcome.recipient)
    address = facts.address(of: outcome.recipient)
    attempt = Int(outcome.number)
    self.outcome = outcome.kind.name
    isLate = outcome.isLate
    node = outcome.node
    workerSession = outcome.session?.description
    durationMs = outcome.attempt.duration.microseconds / 1000
    stage = outcome.attempt.result.stage?.name
    let remote = outcome.attempt.remote
    mxHost = remote?.name
    mxAddress = remote?.address
    mxPort = remote?.port
    tls = remote?.tls.map { Security(version: $0.version, cipher: $0.cipher, isVerified: $0.verified) }
    replyCode = outcome.attempt.result.reply?.code
    enhancedStatus = outcome.attempt.result.reply?.enhanced?.description
    reply = outcome.attempt.result.words
    if case .failed(let failure, _) = outcome.attempt.result { self.failure = failure.name }
    nextDue = outcome.nextDue?.iso
  }
}

extension MessageFacts {
  /// - Parameter number: from 1.
  func address(of number: Int32) -> String? {
    let index = Int(number) - 1
    return envelope.recipients.indices.contains(index) ? envelope.recipients[index].address.description : nil
  }
}

extension AttemptResult {
  var reply: Reply? {
    switch self {
    case .delivered(let reply), .refused(let reply, _): reply
    case .failed, .notTried: nil
    }
  }

  var stage: AttemptStage? {
    switch self {
    case .refused(_, let stage): stage
    case .failed(.expired, _): nil
    case .failed(_, let stage): stage
    case .delivered, .notTried: nil
    }
  }

  /// The reply's text, or what we have to say about a failure. Not escaped.
  var words: String {
    switch self {
    case .delivered(let reply), .refused(let reply, _): reply.text
    case .failed(let failure, _): failure.explanation
    case .notTried(let why): why
    }
  }
}
