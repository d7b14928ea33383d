internal import Foundation

/// Collects values from their sources, weakest first, and all problems on the way.
struct SettingsLoader {
  private var settings = Settings()
  private var problems: [String] = []
  private let table: [String: any AnySetting] = SettingTable.standard.byName
  /// A file of settings is small; anything larger is a mistake.
  private let fileBytesMax = 1 << 20

  mutating func readFile(_ path: String) {
    guard let data = FileManager.default.contents(atPath: path) else {
      problems.append("\(path): the file cannot be read")
      return
    }
    guard data.count <= fileBytesMax, let text = String(data: data, encoding: .utf8) else {
      problems.append("\(path): not a YAML file in UTF-8 of at most \(ByteSize.text(fileBytesMax))")
      return
    }
    readYAML(text, file: path)
  }

  mutating func readYAML(_ text: String, file: String) {
    let source = YAMLSource(text: text, file: file, known: Set(table.keys))
    problems += source.problems
    for item in source.found { take(item.value, for: item.key, origin: .file(file, line: item.line)) }
  }

  mutating func readEnvironment(_ environment: [String: String]) {
    let names = Dictionary(uniqueKeysWithValues: table.values.map { ($0.environmentName, $0.name) })
    for (variable, text) in environment.sorted(by: { $0.key < $1.key })
    where variable.hasPrefix("POSTRIDER_") && !Self.isReserved(variable) {
      if let key = names[variable] {
        take(.text(text), for: key, origin: .environment(variable))
      } else {
        let near = nearest(to: variable, among: names.keys.sorted()).map { "; did you mean \($0)?" }
        problems.append("environment: unknown variable \(quotedForMessage(variable))\(near ?? "")")
      }
    }
  }

  /// Variables that begin like settings and are none.
  private static func isReserved(_ name: String) -> Bool {
    name == "POSTRIDER_CONFIG" || name.hasPrefix("POSTRIDER_TEST_")
  }

  mutating func readOverrides(_ overrides: [String]) {
    for text in overrides {
      guard let equals = text.firstIndex(of: "=") else {
        problems.append("--set \(quotedForMessage(text)): write key=value")
        continue
      }
      let key = trimmed(text[..<equals])
      guard table[key] != nil else {
        problems.append("--set: unknown key \(quotedForMessage(key)); \(unknownKeyHint(key, known: Set(table.keys)))")
        continue
      }
      take(.text(String(text[text.index(after: equals)...])), for: key, origin: .flag)
    }
  }

  private mutating func take(_ raw: RawValue, for key: String, origin: Settings.Origin) {
    guard let setting = table[key] else { return }
    do {
      settings.set(key, try setting.parse(raw), origin: origin)
    } catch {
      // A secret that cannot be parsed cannot be masked with certainty either.
      let shown = error.value.map { setting.isSecret ? " (its value is not shown)" : " " + quotedForMessage($0) }
      let verb = shown == nil ? ": " : " is not allowed: "
      problems.append("\(origin): \(key)\(error.place)\(shown ?? "")\(verb)\(error.why)")
    }
  }

  consuming func finish() throws(SettingsFault) -> Settings {
    if problems.isEmpty { problems = contradictions(in: settings) }
    guard problems.isEmpty else { throw SettingsFault(problems: problems) }
    return settings
  }
}

/// Text from a configuration inside a message: quoted, one line, bounded.
func quotedForMessage(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars.prefix(200) {
    let isPlain =
      scalar.value >= 0x20 && scalar.properties.generalCategory != .control
      && scalar.properties.generalCategory != .format
    result += isPlain ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
  }
  return result + (text.unicodeScalars.count > 200 ? "…\"" : "\"")
}
