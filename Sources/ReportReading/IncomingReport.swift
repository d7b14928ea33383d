// What other servers report about mail that we sent: delivery status notifications (RFC 3464, RFC 6533), feedback
// reports (RFC 5965), and the texts of servers that know neither.
//
// Reading is pure and bounded, and never fails: what is not understood is `.other`. An automatic reply of a person is
// never taken for a bounce. Nothing in a report is proof of anything: the address that it came to is (`ReturnPaths`).
package import MailModel

/// What a report is about.
package enum ReportContent: Sendable, Hashable {
  /// One element for each recipient that it speaks of; never empty.
  case delivery([ReportedDelivery])
  case feedback(Feedback)
  /// A vacation notice and its like (RFC 3834).
  case automaticReply
  /// Neither a bounce nor a complaint, or not understood; in a few words.
  case other(String)
}

/// What one message to a return path says.
package struct IncomingReport: Sendable, Hashable {
  package var content: ReportContent
  /// `Reporting-MTA`, without its type; or who signs the text.
  package var reporter: String?
}

/// What happened to a recipient (RFC 3464 §2.3.3).
package enum ReportedAction: String, Sendable, Hashable, CaseIterable {
  case failed, delayed, delivered, relayed, expanded
}

/// What a report says about one recipient.
package struct ReportedDelivery: Sendable, Hashable {
  /// The original recipient first, then the final one, which may be another's after forwarding. May be empty.
  package var addresses: [String]
  package var action: ReportedAction
  package var status: EnhancedStatus?
  /// The reply or text that says why, as it came; empty when there is none.
  package var diagnostic: [UInt8]

  package init(
    addresses: [String], action: ReportedAction, status: EnhancedStatus? = nil, diagnostic: [UInt8] = []
  ) {
    self.addresses = addresses
    self.action = action
    self.status = status
    self.diagnostic = diagnostic
  }
}

/// A feedback report (RFC 5965).
package struct Feedback: Sendable, Hashable {
  /// `abuse`, `fraud`, `not-spam` …, in lower case.
  package var type: String
  /// `Original-Rcpt-To`; mailbox providers often leave it out.
  package var addresses: [String]
  package var userAgent: String?

  /// The recipient does not want this mail. `not-spam` says the contrary, and reports about failed authentication or
  /// a virus (RFC 6591, RFC 5965 §7.3) say nothing about what the recipient wants.
  package var isComplaint: Bool { ["abuse", "fraud", "opt-out", "opt-out-list", "other"].contains(type) }
}

/// Reads a message that came to a return path.
/// - Parameter message: its beginning is enough: the first half megabyte is looked at.
package func readReport(_ message: [UInt8]) -> IncomingReport {
  let reader = MIMEReader(message.prefix(reportBytesMax))
  if let feedback = readFeedback(reader) { return feedback }
  if reader.reportType == "disposition-notification" {
    return IncomingReport(content: .other("a notice about reading (MDN)"))
  }
  if let status = readDeliveryStatus(reader) { return status }
  return readPlainText(reader)
}

/// A returned message may be large, and what matters stands in front of it.
package let reportBytesMax = 512 << 10
