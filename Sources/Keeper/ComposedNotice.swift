internal import MailFormat
internal import MailModel
internal import MailQueue
internal import NIOCore
internal import Notices
internal import Postgres

/// A notice as a message for the queue.
/// - Returns: nil when nobody wants to hear.
func compose(_ pending: PendingNotice, _ subject: NoticeSubject, _ configuration: KeeperConfiguration, now: Int64)
  -> NewMessage?
{
  let original = OriginalMessage(
    id: pending.message, reversePath: subject.reversePath, envelopeID: subject.envelopeID,
    arrival: subject.acceptedAt.unixSeconds,
    contents: subject.isWhole ? .whole(subject.content) : .header(subject.content))
  let recipients = subject.recipients.map {
    ToldRecipient(
      $0.recipient, after: $0.attempt, hasExpired: $0.hasExpired, lastAttempt: $0.lastAttempt.unixSeconds,
      attempts: $0.attempts)
  }
  let id = QueueID(unixMilliseconds: UInt64(max(0, now)) * 1000)
  let wording = NoticeWording(
    language: subject.choice.language ?? configuration.notices.language, templates: subject.choice.templates)
  guard
    let notice = makeNotice(
      pending.kind.report(until: subject.expiresAt.unixSeconds), about: original, recipients: recipients,
      wording: wording, nodeName: configuration.nodeName, id: id, now: now)
  else { return nil }
  return NewMessage(
    id: id, tenant: pending.tenant, credential: nil, envelope: notice.envelope,
    content: .memory(ByteBuffer(bytes: notice.content)), session: "keeper", clientAddress: "",
    noticeOf: pending.message)
}

extension NoticeKind {
  fileprivate func report(until: Int64) -> DeliveryReport.Kind {
    switch self {
    case .failed: .failed
    case .delayed: .delayed(until: until)
    case .delivered: .delivered
    case .relayed: .relayed
    }
  }
}
