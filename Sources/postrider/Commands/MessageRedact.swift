internal import ArgumentParser
internal import MailModel
internal import MailQueue

extension MessageCommand {
  struct Redact: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Destroy its body's key now, whatever its retention.",
      discussion: """
        Only when no recipient waits: cancel those first. The notices about it that have ended lose theirs too, because
        they may hold its text. The envelope and the outcomes stay. It cannot be undone.
        """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument

    private struct Record: Encodable {
      var id: String
      var action = "redact"
      /// The ids of the messages whose keys were destroyed just now: this one, and notices about it.
      var redacted: [String]
      /// Notices about it that still wait and may hold its text.
      var waitingNotices: [String]
    }

    func run() throws {
      let (redacted, waiting) = try common.withMessage("message redact", message.id) { trace, connection in
        guard let redacted = try Redaction.redact(message.id, connection) else {
          throw CommandFailure(
            .failure, "\(message.id) still waits: the body of waiting mail is never touched",
            advice: "`postrider message cancel` gives its recipients up")
        }
        let notices = try trace.facts.notices.filter {
          try MessageTrace.find($0, connection)?.facts.isRedacted == false
        }
        return (redacted, notices)
      }
      if common.json {
        try JSONOutput.print(
          Record(
            id: message.id.description, redacted: redacted.map(\.description),
            waitingNotices: waiting.map(\.description)))
      } else {
        for id in redacted { print("redacted \(id)") }
        if redacted.isEmpty { print("\(message.id) was redacted before") }
        for id in waiting { print("notice \(id) about it still waits and may hold its text") }
      }
    }
  }
}
