internal import ArgumentParser
internal import Foundation
internal import Settings

/// `postrider config`: what is in effect and why.
struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show, check and document the settings.",
    subcommands: [Show.self, Check.self, Documentation.self], defaultSubcommand: Show.self)
}

extension Config {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every setting with its value and where that came from. Passwords are masked.")

    @OptionGroup var common: CommonOptions
    @Flag(name: .long, help: "Only what differs from the defaults.")
    var changed = false

    private struct Entry: Encodable {
      var key: String
      var value: String
      var origin: String
    }

    func run() throws {
      let entries = try common.settings().entries.filter { !changed || $0.origin != .standard }
      if common.json {
        try JSONOutput.print(entries.map { Entry(key: $0.name, value: $0.value, origin: $0.origin.description) })
        return
      }
      var table = Table("key", "value", "from")
      for entry in entries { table.add(entry.name, entry.value, entry.origin) }
      table.print()
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check the settings without starting anything; exit code 78 when they are refused.")

    @OptionGroup var common: CommonOptions

    private struct Result: Encodable {
      var ok: Bool
      var problems: [String]
    }

    func run() throws {
      do {
        _ = try common.settings()
      } catch let fault as SettingsFault where common.json {
        try JSONOutput.print(Result(ok: false, problems: fault.problems))
        throw ExitCode(ExitStatus.configuration.rawValue)
      }
      if common.json {
        try JSONOutput.print(Result(ok: true, problems: []))
      } else {
        print("The settings are in order.")
      }
    }
  }

  struct Documentation: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print docs/configuration.md: every key, from the same table.")

    func run() throws { print(Settings.documentation(), terminator: "") }
  }
}
