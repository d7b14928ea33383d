// What an operator can decide, and the one place that knows all of it.
//
// Every key is declared once, in a structure under `Sections/`, with type, bounds, default and meaning. A value comes
// from a flag (`--set key=value`), else the environment, else the file, else the default. Nothing is guessed: an
// unknown key or a value that is not allowed ends the start, and the message names key, value, place, what is allowed
// and the nearest known key; all problems come at once.
internal import Foundation

/// The settings in effect: `settings.smtp.hostname`, `settings.retry.first` …
@dynamicMemberLookup
package struct Settings: Sendable {
  /// Where a value came from.
  package enum Origin: Sendable, Hashable {
    case standard
    case file(String, line: Int)
    case environment(String)
    case flag
  }

  private var values: [String: any Sendable] = [:]
  private var origins: [String: Origin] = [:]

  /// All defaults.
  package init() {}

  /// Reads and checks everything.
  /// - Parameters:
  ///   - file: a YAML file; nil takes the one named by `POSTRIDER_CONFIG`, or none.
  ///   - environment: the process's environment.
  ///   - overrides: `key=value` texts, the last one wins.
  /// - Throws: all problems that were found.
  package static func load(
    file: String?, environment: [String: String], overrides: [String]
  ) throws(SettingsFault) -> Settings {
    var loader = SettingsLoader()
    if let file = file ?? environment["POSTRIDER_CONFIG"] { loader.readFile(file) }
    loader.readEnvironment(environment)
    loader.readOverrides(overrides)
    return try loader.finish()
  }

  /// The same with the text of a file at hand. `file` is its name in messages.
  package static func load(yaml: String, file: String) throws(SettingsFault) -> Settings {
    var loader = SettingsLoader()
    loader.readYAML(yaml, file: file)
    return try loader.finish()
  }

  package subscript<Value>(_ setting: Setting<Value>) -> Value {
    (values[setting.name] as? Value) ?? setting.fallbackValue(in: self)
  }

  package subscript<Section: SettingSection>(
    dynamicMember path: KeyPath<SettingTable, Section>
  ) -> SettingGroup<Section> {
    SettingGroup(settings: self, section: SettingTable.standard[keyPath: path])
  }

  mutating func set(_ name: String, _ value: any Sendable, origin: Origin) {
    values[name] = value
    origins[name] = origin
  }

  /// Where the value of a key came from.
  package func origin(of name: String) -> Origin { origins[name] ?? .standard }

  /// Every key with its value in effect as text, passwords masked, and where it came from.
  package var entries: [(name: String, value: String, origin: Origin)] {
    SettingTable.standard.settings.map { ($0.name, $0.effectiveText(in: self), origin(of: $0.name)) }
  }
}

extension Settings.Origin: CustomStringConvertible {
  package var description: String {
    switch self {
    case .standard: "default"
    case .file(let name, let line): "\(name):\(line)"
    case .environment(let name): name
    case .flag: "--set"
    }
  }
}

/// The settings of one section: `settings.smtp`.
@dynamicMemberLookup
package struct SettingGroup<Section: SettingSection>: Sendable {
  let settings: Settings
  let section: Section

  package subscript<Value>(dynamicMember path: KeyPath<Section, Setting<Value>>) -> Value {
    settings[section[keyPath: path]]
  }

  package subscript<Inner: SettingSection>(dynamicMember path: KeyPath<Section, Inner>) -> SettingGroup<Inner> {
    SettingGroup<Inner>(settings: settings, section: section[keyPath: path])
  }
}

/// Why the settings are refused.
package struct SettingsFault: Error, Sendable, CustomStringConvertible {
  /// One sentence each, secrets masked.
  package let problems: [String]

  package var description: String { problems.joined(separator: "\n") }
}
