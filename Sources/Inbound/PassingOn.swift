internal import MailModel
internal import MailQueue
internal import ReportReading

/// Beyond this a report is noted, but not passed on: it would be held in memory.
private let passedOnMax = 1 << 20

/// What a sender would have got if his own address had been the return path, and still wants: an automatic reply of a
/// recipient (RFC 3834 §4: they go to the return path), or a report that he asked for (RFC 3461 §4.1).
///
/// It goes to him as it came, with the null reverse-path: nothing answers to that, so nothing goes round in circles. It is
/// passed on only when it said something new, so that one recipient causes one automatic reply at most.
/// - Parameter fresh: what the report said that was new.
func passedOn(
  _ message: NewMessage, _ report: IncomingReport, about original: QueueID, to subject: ReportedMessage,
  _ fresh: [RecordedReport]
) -> NewMessage? {
  guard let sender = subject.reversePath, message.content.size <= passedOnMax else { return nil }
  switch report.content {
  case .automaticReply: break
  case .delivery(let deliveries):
    guard wantsReport(deliveries, subject, fresh) else { return nil }
  case .feedback, .other: return nil
  }
  var envelope = Envelope(reversePath: nil, recipients: [Recipient(address: sender, notify: .never)])
  envelope.body = message.envelope.body
  envelope.smtpUTF8 = message.envelope.smtpUTF8 || sender.needsSMTPUTF8
  return NewMessage(
    id: message.id, tenant: subject.tenant, credential: nil, envelope: envelope, content: message.content,
    session: message.session, clientAddress: message.clientAddress, noticeOf: original)
}

/// Failures are told by a notice of our own; of the rest he must have asked for.
private func wantsReport(
  _ deliveries: [ReportedDelivery], _ subject: ReportedMessage, _ fresh: [RecordedReport]
) -> Bool {
  guard deliveries.allSatisfy({ $0.action != .failed }) else { return false }
  let wanted: NotifyConditions = deliveries.contains { $0.action == .delayed } ? .delay : .success
  return fresh.contains { report in
    guard let place = report.recipient, let wishes = subject.recipients[Int(place) - 1].notify else { return false }
    return wishes.contains(wanted)
  }
}
