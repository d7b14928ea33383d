import ArgumentParser
import Supervision

/// `postrider dev postgres-settings`: the recommended settings have one home, and other programs ask here.
struct DevPostgresSettings: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "postgres-settings",
    abstract: "Prints the PostgreSQL settings that the private server has, as lines of a postgresql.conf.")

  func run() {
    for (name, value) in PrivatePostgres.recommendedSettings {
      // A quotation mark is doubled in postgresql.conf.
      say("\(name) = '\(value.replacing("'", with: "''"))'")
    }
  }
}
