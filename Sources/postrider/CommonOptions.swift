internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Observability
internal import Settings

/// Options that every command takes: `@OptionGroup var common: CommonOptions`.
struct CommonOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A YAML file with settings. Default: the file that POSTRIDER_CONFIG names, if any.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("A setting, stronger than file and environment; as often as wanted.", valueName: "key=value"),
    completion: .list(Settings().entries.map { $0.name + "=" }))
  var overrides: [String] = []

  @Flag(name: .long, help: "Print JSON for programs instead of tables for people.")
  var json = false

  /// The settings in effect. For a command that looks or steers.
  func settings() throws -> Settings {
    try Settings.load(file: config, environment: ProcessInfo.processInfo.environment, overrides: overrides)
  }

  /// The settings in effect, with logging started as they say. For a role; call once, first thing.
  func settingsWithLogging() throws -> Settings {
    let settings = try settings()
    Logs.bootstrap(
      format: LogFormat(rawValue: settings.log.format) ?? .text,
      level: Logger.Level(rawValue: settings.log.level) ?? .info)
    return settings
  }

  /// The file and overrides as arguments, so that a process which this one starts has the same settings.
  var asArguments: [String] {
    (config.map { ["--config", $0] } ?? []) + overrides.flatMap { ["--set", $0] }
  }
}
