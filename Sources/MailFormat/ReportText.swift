internal import MailModel

/// The part of a report that a person reads.
enum ReportText {
  static func subject(_ kind: DeliveryReport.Kind) -> String {
    switch kind {
    case .failed: "Undelivered mail returned to sender"
    case .delayed: "Delayed mail, still being tried"
    case .delivered: "Your mail was delivered"
    case .relayed: "Your mail was handed on"
    }
  }

  static func body(_ report: DeliveryReport) -> String {
    var lines = ["This is the mail system at \(MailText.singleLine(report.reportingMTA)).", ""]
    lines += MailText.lines(opening(report), width: 72, wordMax: 400) + [""]
    for recipient in report.recipients { lines += paragraph(recipient, report.kind) + [""] }
    lines += [
      "Your message was accepted on \(MailDate.text(report.arrival)).",
      "Its id at this node is \(report.originalQueueID).",
      "A report for programs and the header of your message are attached.", "",
    ]
    return lines.joined(separator: "\r\n")
  }

  private static func opening(_ report: DeliveryReport) -> String {
    let recipients = report.recipients.count == 1 ? "the recipient" : "the \(report.recipients.count) recipients"
    switch report.kind {
    case .failed:
      return
        "Your message could not be delivered to \(recipients) below. It will not be tried again: if it still matters, "
        + "please correct the cause and send it anew."
    case .delayed(let until):
      return "Your message has not yet been delivered to \(recipients) below. You need not do anything: it is tried "
        + "again until \(MailDate.text(until)), and you will hear if that fails."
    case .delivered:
      return "Your message was delivered to \(recipients) below, as you asked to be told."
    case .relayed:
      return "Your message was handed to the next mail server for \(recipients) below. That server does not confirm "
        + "delivery, so this is all that can be said."
    }
  }

  private static func paragraph(_ recipient: ReportedRecipient, _ kind: DeliveryReport.Kind) -> [String] {
    var lines = ["<\(MailText.singleLine("\(recipient.recipient.address)"))>"]
    lines += indented(recipient.explanation)
    if let reply = recipient.diagnostic {
      let who = recipient.remoteMTA.map { "The mail server \($0) said:" } ?? "The mail server said:"
      lines += indented(who)
      lines += indented(reply.text, by: "        ")
    }
    return lines
  }

  private static func indented(_ text: String, by margin: String = "    ") -> [String] {
    MailText.lines(MailText.singleLine(text), width: 68, wordMax: 400).filter { !$0.isEmpty }.map { margin + $0 }
  }
}
