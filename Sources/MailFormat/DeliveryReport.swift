package import MailModel

/// What a report says (RFC 3464): what became of one message for one or several recipients.
package struct DeliveryReport: Sendable {
  package enum Kind: Sendable, Hashable {
    /// Given up.
    case failed
    /// Still being tried, until then (seconds since 1970).
    case delayed(until: Int64)
    case delivered
    /// Handed to a server that does not report itself.
    case relayed

    /// The value of `Action` (RFC 3464 §2.3.3).
    var action: String {
      switch self {
      case .failed: "failed"
      case .delayed: "delayed"
      case .delivered: "delivered"
      case .relayed: "relayed"
      }
    }
  }

  package var kind: Kind
  /// The node that writes the report.
  package var reportingMTA: String
  /// When the original was accepted, seconds since 1970.
  package var arrival: Int64
  /// `ENVID` of the original, decoded.
  package var envelopeID: String?
  package var originalQueueID: QueueID
  package var recipients: [ReportedRecipient]

  package init(
    kind: Kind, reportingMTA: String, arrival: Int64, envelopeID: String?, originalQueueID: QueueID,
    recipients: [ReportedRecipient]
  ) {
    self.kind = kind
    self.reportingMTA = reportingMTA
    self.arrival = arrival
    self.envelopeID = envelopeID
    self.originalQueueID = originalQueueID
    self.recipients = recipients
  }
}

/// One recipient of a report.
package struct ReportedRecipient: Sendable {
  package var recipient: Recipient
  package var status: EnhancedStatus
  /// The host that gave the reply.
  package var remoteMTA: String?
  /// Its reply, as it came.
  package var diagnostic: Reply?
  /// Sentences for the sender.
  package var explanation: String
  /// Seconds since 1970.
  package var lastAttempt: Int64?

  package init(
    recipient: Recipient, status: EnhancedStatus, remoteMTA: String?, diagnostic: Reply?, explanation: String,
    lastAttempt: Int64?
  ) {
    self.recipient = recipient
    self.status = status
    self.remoteMTA = remoteMTA
    self.diagnostic = diagnostic
    self.explanation = explanation
    self.lastAttempt = lastAttempt
  }
}

/// Writes a report as a complete message with CRLF (RFC 3462 multipart/report): a text for people, the status for
/// programs, the header of the original.
///
/// It is pure ASCII with lines of at most 998 bytes, whatever the original and the remote servers said, so that it
/// needs no extension on its way; only a `To` that is itself UTF-8 makes an exception.
/// - Parameters:
///   - recipient: the original's reverse-path. The report's own must be null (RFC 3464 §2).
///   - nodeName: the right side of `From` and Message-ID.
///   - id: the report's own queue id.
///   - now: seconds since 1970.
///   - originalHeader: the original's header section, with or without its blank line.
package func makeReport(
  _ report: DeliveryReport, to recipient: MailAddress, from nodeName: String, id: QueueID, now: Int64,
  originalHeader: [UInt8]
) -> [UInt8] {
  // The id is random: a hostile header cannot contain this boundary.
  let boundary = "=_postrider_\(id)"
  let original = ReturnedHeader(originalHeader)
  var message = HeaderWriter()
  message.add("From", "Mail Delivery System <mailer-daemon@\(MailText.ascii(nodeName))>")
  message.add("To", "<\(MailText.singleLine("\(recipient)"))>")
  message.add("Subject", ReportText.subject(report.kind))
  message.add("Date", MailDate.text(now))
  message.add("Message-ID", "<\(id)@\(MailText.ascii(nodeName))>")
  if let messageID = original.messageID {
    message.add("In-Reply-To", messageID)
    message.add("References", messageID)
  }
  message.add("Auto-Submitted", "auto-replied")  // RFC 3834 §5
  message.add("MIME-Version", "1.0")
  message.add("Content-Type", "multipart/report; report-type=delivery-status; boundary=\"\(boundary)\"")
  message.end()
  message.line("This is a report in MIME format: a text, a status for programs, and the header of the original.")

  message.part(boundary, type: "text/plain; charset=utf-8", description: "Notification", encoding: "quoted-printable")
  message.bytes += QuotedPrintable.encode(Array(ReportText.body(report).utf8))
  message.part(boundary, type: "message/delivery-status", description: "Delivery report", encoding: "7bit")
  message.addStatus(report)
  message.part(boundary, type: original.contentType, description: "Header of the message", encoding: original.encoding)
  message.bytes += original.bytes
  message.line("")
  message.line("--\(boundary)--")
  return message.bytes
}

/// Collects lines of a message.
struct HeaderWriter {
  var bytes: [UInt8] = []

  mutating func line(_ text: String) { bytes += Array((text + "\r\n").utf8) }

  mutating func add(_ name: String, _ value: String) { bytes += Array(MailText.folded("\(name): \(value)").utf8) }

  mutating func end() { line("") }

  mutating func part(_ boundary: String, type: String, description: String, encoding: String) {
    line("")
    line("--\(boundary)")
    add("Content-Type", type)
    add("Content-Description", description)
    add("Content-Transfer-Encoding", encoding)
    end()
  }

  /// The fields of RFC 3464 §2.2 and §2.3.
  mutating func addStatus(_ report: DeliveryReport) {
    if let envelopeID = report.envelopeID { add("Original-Envelope-Id", MailText.ascii(envelopeID)) }
    add("Reporting-MTA", "dns; \(MailText.ascii(report.reportingMTA))")
    add("X-Postrider-Queue-ID", "\(report.originalQueueID)")
    add("Arrival-Date", MailDate.text(report.arrival))
    for recipient in report.recipients {
      end()
      if let original = recipient.recipient.originalRecipient {
        add("Original-Recipient", StatusAddress.original(original))
      }
      add("Final-Recipient", StatusAddress.final(recipient.recipient.address))
      add("Action", report.kind.action)
      add("Status", "\(recipient.status)")
      if let host = recipient.remoteMTA { add("Remote-MTA", "dns; \(MailText.ascii(host))") }
      if let reply = recipient.diagnostic { add("Diagnostic-Code", "smtp; \(MailText.ascii(reply.text))") }
      if let time = recipient.lastAttempt { add("Last-Attempt-Date", MailDate.text(time)) }
      if case .delayed(let until) = report.kind { add("Will-Retry-Until", MailDate.text(until)) }
    }
  }
}
