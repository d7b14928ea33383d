internal import ArgumentParser
internal import MailQueue
internal import Postgres
internal import Settings

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Brings the database to this build's schema.",
    discussion: "Safe to run at any time and from several places; refuses a database that is newer than this build.")

  @OptionGroup var common: CommonOptions
  @Flag(help: "Make a test database, whose schedule can be moved on. Fixed when the schema is first made.")
  var test = false

  func run() async throws {
    let settings = try common.settings()
    let configuration = PostgresConfiguration(
      url: settings.database.url, role: "postrider migrate", statementTimeout: .seconds(3600))
    do {
      let connection = try configuration.connect()
      let before = try Schema.version(connection)
      try Schema.migrate(
        connection, purpose: test ? .test : .production, partitionsAhead: Int32(settings.keeper.partitionsAhead)
      ) { print("applied \($0.number): \($0.title)") }
      print(before == Schema.newest ? "the schema is up to date (\(before))" : "the schema is now \(Schema.newest)")
    } catch let error as PostgresError {
      throw CommandFailure(.unavailable, "cannot migrate: \(error.message)")
    }
  }
}
