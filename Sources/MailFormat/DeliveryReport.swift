package import MailModel

/// What a report says to programs (RFC 3464): what became of one message for one or several recipients.
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
    package var action: String {
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
  /// Seconds since 1970.
  package var lastAttempt: Int64?

  package init(
    recipient: Recipient, status: EnhancedStatus, remoteMTA: String?, diagnostic: Reply?, lastAttempt: Int64?
  ) {
    self.recipient = recipient
    self.status = status
    self.remoteMTA = remoteMTA
    self.diagnostic = diagnostic
    self.lastAttempt = lastAttempt
  }
}

/// The part of a report that a person reads.
package struct ReportText: Sendable, Hashable {
  /// One line.
  package var subject: String
  /// Lines end with LF; none is too long to be read.
  package var body: String
  /// For `Content-Language` (RFC 3282): `nl`.
  package var language: String

  package init(subject: String, body: String, language: String) {
    self.subject = subject
    self.body = body
    self.language = language
  }
}

/// What a report carries of the message that it is about.
package enum ReturnedContents: Sendable {
  /// The header section, with or without its blank line; what follows that is left out.
  case header([UInt8])
  /// The whole message. It is cut to its header when it has lines that no message may have.
  case whole([UInt8])
}

/// A report with what its envelope must say.
package struct ReportMessage: Sendable {
  /// The complete message with CRLF.
  package let bytes: [UInt8]
  package let body: BodyKind
  package let smtpUTF8: Bool
}

/// Writes a report as a complete message with CRLF (RFC 6522 multipart/report): a text for people, the status for
/// programs, the original or its header.
///
/// It is pure ASCII with lines of at most 998 bytes, whatever the original and the remote servers said, so that it
/// needs no extension on its way. There are two exceptions: an original that is returned whole travels as it came,
/// and for a recipient who has a UTF-8 address, and so a mail system that knows SMTPUTF8, everything is in UTF-8
/// (RFC 6533).
/// - Parameters:
///   - recipient: the original's reverse-path. The report's own must be null (RFC 3464 §2).
///   - nodeName: the right side of `From` and Message-ID.
///   - id: the report's own queue id.
///   - now: seconds since 1970.
package func makeReport(
  _ report: DeliveryReport, text: ReportText, to recipient: MailAddress, from nodeName: String, id: QueueID, now: Int64,
  original: ReturnedContents
) -> ReportMessage {
  // The id is random: a hostile header cannot contain this boundary.
  let boundary = "=_postrider_\(id)"
  let form: ReportForm = recipient.needsSMTPUTF8 ? .international : .sevenBit
  let original = ReturnedPart(original, form)
  let isEightBit = form == .international || original.isEightBit
  var message = HeaderWriter()
  message.add("From", "Mail Delivery System <mailer-daemon@\(MailText.ascii(nodeName))>")
  message.add("To", "<\(MailText.singleLine("\(recipient)"))>")
  message.add("Subject", form.unstructured(text.subject))
  message.add("Date", MailDate.text(now))
  message.add("Message-ID", "<\(id)@\(MailText.ascii(nodeName))>")
  if let messageID = original.messageID {
    message.add("In-Reply-To", messageID)
    message.add("References", messageID)
  }
  message.add("Auto-Submitted", "auto-replied")  // RFC 3834 §5
  message.add("MIME-Version", "1.0")
  message.add("Content-Type", "multipart/report; report-type=\(form.reportType); boundary=\"\(boundary)\"")
  if isEightBit { message.add("Content-Transfer-Encoding", "8bit") }
  message.end()
  message.line("This is a report in MIME format: a text, a status for programs, and the message or its header.")

  message.part(
    boundary, type: "text/plain; charset=utf-8", description: "Notification", encoding: form.textEncoding,
    language: text.language)
  let body = Array(text.body.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n").utf8)
  message.bytes += form == .sevenBit ? QuotedPrintable.encode(body) : body
  message.part(
    boundary, type: form.statusType, description: "Delivery report", encoding: form == .sevenBit ? "7bit" : "8bit")
  message.addStatus(report, form)
  message.part(boundary, type: original.contentType, description: original.description, encoding: original.encoding)
  message.bytes += original.bytes
  message.line("")
  message.line("--\(boundary)--")
  return ReportMessage(
    bytes: message.bytes, body: isEightBit ? .eightBit : .sevenBit, smtpUTF8: form == .international)
}

/// Collects lines of a message.
struct HeaderWriter {
  var bytes: [UInt8] = []

  mutating func line(_ text: String) { bytes += Array((text + "\r\n").utf8) }

  mutating func add(_ name: String, _ value: String) { bytes += Array(MailText.folded("\(name): \(value)").utf8) }

  mutating func end() { line("") }

  mutating func part(
    _ boundary: String, type: String, description: String, encoding: String, language: String? = nil
  ) {
    line("")
    line("--\(boundary)")
    add("Content-Type", type)
    if let language { add("Content-Language", MailText.ascii(language)) }
    add("Content-Description", description)
    add("Content-Transfer-Encoding", encoding)
    end()
  }

  /// The fields of RFC 3464 §2.2 and §2.3.
  mutating func addStatus(_ report: DeliveryReport, _ form: ReportForm) {
    if let envelopeID = report.envelopeID { add("Original-Envelope-Id", form.text(envelopeID)) }
    add("Reporting-MTA", "dns; \(MailText.ascii(report.reportingMTA))")
    add("X-Postrider-Queue-ID", "\(report.originalQueueID)")
    add("Arrival-Date", MailDate.text(report.arrival))
    for recipient in report.recipients {
      end()
      if let original = recipient.recipient.originalRecipient {
        add("Original-Recipient", StatusAddress.original(original, form))
      }
      add("Final-Recipient", StatusAddress.final(recipient.recipient.address, form))
      add("Action", report.kind.action)
      add("Status", "\(recipient.status)")
      if let host = recipient.remoteMTA { add("Remote-MTA", "dns; \(MailText.ascii(host))") }
      if let reply = recipient.diagnostic { add("Diagnostic-Code", "smtp; \(form.text(reply.text))") }
      if let time = recipient.lastAttempt { add("Last-Attempt-Date", MailDate.text(time)) }
      if case .delayed(let until) = report.kind { add("Will-Retry-Until", MailDate.text(until)) }
    }
  }
}
