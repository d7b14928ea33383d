internal import ArgumentParser
internal import MailModel
internal import MailQueue
internal import Postgres
internal import SMTPWire
internal import Settings

/// `postrider suppression`: addresses that nothing is sent to.
struct SuppressionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suppression", abstract: "List, add and remove addresses that nothing is sent to.",
    discussion: """
      Dead addresses and complainers are added by themselves (settings suppression.*, and `postrider tenant set`). Mail to
      such an address is accepted and bounces at once, with the reason. With several databases each has a list of its
      own for the mail that it sends; these commands work on all of them.
      """,
    subcommands: [List.self, Add.self, Remove.self], defaultSubcommand: List.self)

  struct Record: Encodable {
    var address: String
    /// Absent: it holds for all.
    var tenant: String?
    var reason: String
    var detail: String
    var message: String?
    var addedAt: String
    /// Absent: until somebody removes it.
    var expiresAt: String?
    var shard: String?

    init(_ entry: SuppressionEntry, shard: String?) {
      address = entry.address
      tenant = entry.tenantName
      reason = entry.suppression.reason.name
      detail = entry.suppression.detail
      message = entry.message?.description
      addedAt = entry.suppression.addedAt.iso
      expiresAt = entry.suppression.expiresAt?.iso
      self.shard = shard
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List what holds now, in the order of the addresses.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var scope: SuppressionScope
    @Option(help: "Only this address.") var address: MailboxArgument?
    @Option(help: "Only addresses behind this one: the last of the list before.") var after = ""
    @Option(help: "How many to list.") var limit = 1000

    func validate() throws {
      guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit takes 1 to 1000000") }
    }

    func run() throws {
      let answers = try common.withEachShard("suppression list") { connection in
        try Suppressions.list(
          try scope.resolved(connection), address: address?.value, after: after, limit: limit, connection)
      }
      let entries = answers.found.flatMap { part in part.answer.map { ($0, part.shard) } }
        .sorted { $0.0.address < $1.0.address }.prefix(limit)
      if common.json {
        try JSONOutput.print(entries.map { Record($0.0, shard: $0.1) })
      } else {
        let isSharded = answers.found.count > 1
        var table = Table(["address", "tenant", "reason", "detail", "added", "until"] + (isSharded ? ["shard"] : []))
        for (entry, shard) in entries {
          let suppression = entry.suppression
          table.add(
            [
              entry.address, entry.tenantName ?? "(all)", suppression.reason.name, suppression.detail,
              suppression.addedAt.readable, suppression.expiresAt?.readable ?? "removed",
            ] + (isSharded ? [shard ?? ""] : []))
        }
        table.print()
      }
      answers.warn()
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send nothing to an address, or replace what is said about it.")

    @OptionGroup var common: CommonOptions
    @Argument var address: MailboxArgument
    @OptionGroup var scope: RequiredScope
    @Option(help: "Why; senders are told.") var reason = ""
    @Option(help: ArgumentHelp("For how long: 12h, 30d; otherwise until it is removed.", valueName: "duration"))
    var expires: SuppressionLifetime?

    func run() throws {
      let answers = try common.withEachShard("suppression add") { connection in
        guard let scope = try scope.choice.resolved(connection) else { return [SuppressionEntry]() }
        try Suppressions.add(address.value, for: scope, note: reason, lifetime: expires?.duration, connection)
        return try Suppressions.list(scope, address: address.value, limit: 1, connection)
      }
      answers.warn()
      let records = answers.found.flatMap { part in part.answer.map { Record($0, shard: part.shard) } }
      guard let first = records.first else {
        throw CommandFailure(.notFound, "there is no tenant \(scope.choice.tenant ?? "")")
      }
      let whom = first.tenant.map { "tenant \($0)" } ?? "all tenants"
      try common.report(records, "nothing is sent to \(first.address) for \(whom)")
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send to an address again.", discussion: "Without --tenant or --global: wherever it is suppressed.")

    @OptionGroup var common: CommonOptions
    @Argument var address: MailboxArgument
    @OptionGroup var scope: SuppressionScope

    func run() throws {
      let answers = try common.withEachShard("suppression remove") { connection in
        try Suppressions.remove(address.value, from: try scope.resolved(connection), connection)
      }
      answers.warn()
      let records = answers.found.flatMap { part in part.answer.map { Record($0, shard: part.shard) } }
      guard !records.isEmpty else { throw CommandFailure(.notFound, "\(address.value) is not suppressed") }
      let whom = records.map { $0.tenant.map { "tenant \($0)" } ?? "all tenants" }.joined(separator: ", ")
      try common.report(records, "\(records[0].address) is sent to again, for \(whom)")
    }
  }
}
