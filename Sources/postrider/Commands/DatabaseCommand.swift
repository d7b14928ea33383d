internal import ArgumentParser
internal import MailQueue
internal import Postgres
internal import Settings

extension DatabaseRole: ExpressibleByArgument {}

/// `postrider database`: who else may use it.
struct DatabaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "database", abstract: "Give a role of PostgreSQL exactly what a process of ours needs.",
    subcommands: [Grant.self])

  struct Grant: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give an existing role of PostgreSQL the rights of a process, and no others.",
      discussion: """
        Whatever else the role may do in the schema is taken from it. Safe to run again; to be run again after each
        `postrider migrate`. `postrider doctor` tells what is missing. With several databases the role must exist in
        each server; that for mailboxes only in the one of database.url.
        """)

    @OptionGroup var common: CommonOptions
    @Option(help: "What the role is for.") var role: DatabaseRole
    @Argument(help: "The role's name in PostgreSQL.") var name: String

    func run() throws {
      let answers =
        try role.isForDirectory
        ? ShardAnswers(found: [(nil, common.withDatabase("database grant") { try role.grant(to: name, $0) })])
        : common.withEachShard("database grant") { try role.grant(to: name, $0) }
      for (shard, _) in answers.found {
        print("\(shard.map { "\($0): " } ?? "")\(name) has the rights of the \(role.rawValue) role, and no others")
      }
      if let (shard, reason) = answers.missing.first {
        throw CommandFailure(.unavailable, "shard \(shard) cannot be reached, nothing was changed there: \(reason)")
      }
    }
  }
}
