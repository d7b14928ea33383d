internal import ArgumentParser
internal import MailModel
internal import MailQueue
internal import Postgres

extension MessageCommand {
  struct Held: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List messages that wait for a person because of what scanners found in them.",
      discussion: """
        `postrider message release ID` lets one go, `cancel ID` gives it up. What operators have held by hand is not listed;
        `postrider queue` counts it.
        """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Only this tenant's mail.") var tenant: String?
    @Option(help: "How many to list, oldest first.") var limit = 100

    private struct Record: Encodable {
      var id: String
      var tenant: String
      var shard: String?
      var acceptedAt: String
      var expiresAt: String
      /// Empty: the null reverse-path.
      var reversePath: String
      var heldRecipients: Int
      var sizeBytes: Int
      var reason: String
    }

    func validate() throws {
      guard (1...100_000).contains(limit) else { throw ValidationError("--limit takes 1 to 100000") }
    }

    func run() throws {
      let parts = try common.withEachShard("message held") { connection in
        (
          messages: try HeldMessages.list(tenant: tenant, limit: Int32(limit), connection),
          now: try connection.query("SELECT postrider.schedule_now()").timestamp(0, 0)
        )
      }
      if common.json {
        try JSONOutput.print(
          parts.found.flatMap { part in part.answer.messages.map { record($0, at: part.shard) } })
      } else {
        var table = Table("message", "tenant", "from", ">recipients", "accepted", "expires", "reason")
        for (_, answer) in parts.found {
          for message in answer.messages {
            table.add(
              message.id, message.tenant, message.sender?.description ?? "<>", message.recipients,
              message.acceptedAt.relative(to: answer.now), message.expiresAt.relative(to: answer.now), message.reason)
          }
        }
        if table.isEmpty { print("No message waits for a person.") } else { table.print() }
      }
      parts.warn()
    }

    private func record(_ message: HeldMessage, at shard: String?) -> Record {
      Record(
        id: message.id.description, tenant: message.tenant, shard: shard, acceptedAt: message.acceptedAt.iso,
        expiresAt: message.expiresAt.iso, reversePath: message.sender?.description ?? "",
        heldRecipients: message.recipients, sizeBytes: message.size, reason: message.reason)
    }
  }
}
