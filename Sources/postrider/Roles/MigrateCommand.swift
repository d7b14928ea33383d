internal import ArgumentParser
internal import MailQueue
internal import Postgres
internal import Settings

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Brings the database, or each of several, to this build's schema.",
    discussion: "Safe to run at any time and from several places; refuses a database that is newer than this build.")

  @OptionGroup var common: CommonOptions
  @Flag(help: "Make a test database, whose schedule can be moved on. Fixed when the schema is first made.")
  var test = false

  func run() async throws {
    let settings = try common.settings()
    do {
      // The home database last: it names the others to the roles.
      let others = try settings.database.shards.map { ($0.name, try migrate($0, settings)) }
      let home = try migrate(settings.shards[0], settings)
      try ShardIdentity.register(home: home, others: others)
    } catch let error as PostgresError {
      throw CommandFailure(.unavailable, "cannot migrate: \(error.message)")
    }
  }

  private func migrate(_ shard: DatabaseShard, _ settings: Settings) throws -> PostgresConnection {
    let configuration = PostgresConfiguration(
      url: shard.url, role: "postrider migrate", statementTimeout: .seconds(3600))
    let prefix = settings.isSharded ? "\(shard.name): " : ""
    let connection = try configuration.connect()
    let before = try Schema.version(connection)
    try Schema.migrate(
      connection, purpose: test ? .test : .production, partitionsAhead: Int32(settings.keeper.partitionsAhead)
    ) { print("\(prefix)applied \($0.number): \($0.title)") }
    print(
      prefix
        + (before == Schema.newest ? "the schema is up to date (\(before))" : "the schema is now \(Schema.newest)"))
    return connection
  }
}
