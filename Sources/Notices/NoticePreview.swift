package import MailFormat
internal import MailModel

extension NoticeWording {
  /// A notice about made-up mail to two recipients.
  package func preview(_ kind: DeliveryReport.Kind, nodeName: String) -> ReportText {
    let id = QueueID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)
    let original = OriginalMessage(
      id: id, reversePath: MailAddress(localPart: "alice", domain: "sender.example"), envelopeID: nil,
      arrival: Self.sampleTime, contents: .header(Array("Subject: Invoice 42\r\n\r\n".utf8)))
    let host = RemoteHost(name: "mx.recipient.example", address: "192.0.2.25", port: 25)
    let told = ["bob", "carol"].enumerated().map { number, name in
      ToldRecipient(
        Recipient(address: MailAddress(localPart: name, domain: "recipient.example")),
        after: Attempt(result: Self.sampleResult(kind, number), remote: host), lastAttempt: Self.sampleTime + 600,
        attempts: 1 + number * 4)
    }
    return text(kind, about: original, told: told, nodeName: nodeName)
  }

  /// Friday, 20 November 2026, 18:30 UTC.
  package static let sampleTime: Int64 = 1_795_199_400

  private static func sampleResult(_ kind: DeliveryReport.Kind, _ number: Int) -> AttemptResult {
    switch kind {
    case .failed:
      number == 0
        ? .refused(Reply(550, EnhancedStatus(5, 1, 1), "No such user here"), .recipient)
        : .refused(Reply(554, EnhancedStatus(5, 7, 1), "Message looks like spam"), .finalDot)
    case .delayed:
      number == 0
        ? .refused(Reply(452, EnhancedStatus(4, 2, 2), "Mailbox full"), .recipient)
        : .failed(.timeout("waiting for the greeting"), .greeting)
    case .delivered, .relayed: .delivered(Reply(250, EnhancedStatus(2, 0, 0), "Ok: queued"))
    }
  }
}

extension DeliveryReport.Kind {
  /// A kind by the name that it has in `Action`, for texts about made-up mail.
  package static func sample(_ action: String) -> DeliveryReport.Kind? {
    let all: [DeliveryReport.Kind] = [
      .failed, .delayed(until: NoticeWording.sampleTime + 5 * 86_400), .delivered, .relayed,
    ]
    return all.first { $0.action == action }
  }
}
