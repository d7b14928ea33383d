// What a sender hears about a message: decides who is told of what, and turns outcomes into a report that can be
// queued like any other message.
//
// A notice has a null reverse-path, and nothing with a null reverse-path ever leads to a notice: that is how mail
// loops end (RFC 5321 §4.5.5).
package import MailFormat
package import MailModel

/// What there may be to tell.
package enum NoticeEvent: Sendable, Hashable {
  case failure, delay, success

  package init(_ kind: DeliveryReport.Kind) {
    self =
      switch kind {
      case .failed: .failure
      case .delayed: .delay
      case .delivered, .relayed: .success
      }
  }
}

/// Whether the sender hears of an event of one recipient (RFC 3461 §4.1).
/// - Parameter reversePath: the message's; nil is the null reverse-path.
package func wantsNotice(of event: NoticeEvent, reversePath: MailAddress?, recipient: Recipient) -> Bool {
  guard reversePath != nil else { return false }
  // Without NOTIFY it is up to us (RFC 3461 §4.1): failures and delays; successes if the tenant wants them.
  let wanted = recipient.notify ?? [.failure, .delay]
  return switch event {
  case .failure: wanted.contains(.failure)
  case .delay: wanted.contains(.delay)
  case .success: !wanted.isDisjoint(with: [.success, .assumed])
  }
}

/// The message that a notice is about.
package struct OriginalMessage: Sendable {
  package var id: QueueID
  package var reversePath: MailAddress?
  /// `ENVID`, decoded.
  package var envelopeID: String?
  /// When it was accepted, seconds since 1970.
  package var arrival: Int64
  /// What the notice brings back of it.
  package var contents: ReturnedContents

  package init(
    id: QueueID, reversePath: MailAddress?, envelopeID: String?, arrival: Int64, contents: ReturnedContents
  ) {
    self.id = id
    self.reversePath = reversePath
    self.envelopeID = envelopeID
    self.arrival = arrival
    self.contents = contents
  }
}

/// A notice, ready for the queue.
package struct Notice: Sendable {
  package let id: QueueID
  package let envelope: Envelope
  /// The complete message with CRLF.
  package let content: [UInt8]
}

/// Writes one notice about several recipients of a message.
/// - Parameters:
///   - recipients: those with the same fate; the ones whose sender does not want to hear are left out.
///   - wording: in which language and words.
///   - id: the notice's own queue id.
///   - now: seconds since 1970, schedule time.
/// - Returns: nil when nobody wants to hear.
package func makeNotice(
  _ kind: DeliveryReport.Kind, about original: OriginalMessage, recipients: [ToldRecipient],
  wording: NoticeWording = NoticeWording(), nodeName: String, id: QueueID, now: Int64
) -> Notice? {
  let told = recipients.filter {
    wantsNotice(of: NoticeEvent(kind), reversePath: original.reversePath, recipient: $0.recipient)
  }
  guard let sender = original.reversePath, !told.isEmpty else { return nil }
  let report = DeliveryReport(
    kind: kind, reportingMTA: nodeName, arrival: original.arrival, envelopeID: original.envelopeID,
    originalQueueID: original.id, recipients: told.map(\.reported))
  let message = makeReport(
    report, text: wording.text(kind, about: original, told: told, nodeName: nodeName), to: sender, from: nodeName,
    id: id, now: now, original: original.contents)
  let envelope = Envelope(
    reversePath: nil, recipients: [Recipient(address: sender, notify: .never)], body: message.body,
    smtpUTF8: message.smtpUTF8)
  return Notice(id: id, envelope: envelope, content: message.bytes)
}
