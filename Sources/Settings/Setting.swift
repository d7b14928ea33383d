/// One key: its name, what values it takes, its default and what it means.
///
/// Declared once, in one of the structures under `Sections/`; reading, checking, printing and
/// `docs/configuration.md` all follow from that declaration.
package struct Setting<Value: Sendable>: Sendable {
  /// The full name, `smtp.message_size_max`.
  package let name: String
  let type: SettingType<Value>
  let fallback: Fallback
  let meaning: String
  /// Printed only with its password masked.
  let isSecret: Bool

  enum Fallback: Sendable {
    case value(Value)
    /// Taken from elsewhere; the text says from where.
    case derived(String, @Sendable (Settings) -> Value)
  }

  init(_ name: String, _ type: SettingType<Value>, default value: Value, isSecret: Bool = false, _ meaning: String) {
    self.name = name
    self.type = type
    self.fallback = .value(value)
    self.meaning = meaning
    self.isSecret = isSecret
  }

  init(
    _ name: String, _ type: SettingType<Value>, defaultFrom source: String,
    _ derive: @escaping @Sendable (Settings) -> Value, _ meaning: String
  ) {
    self.name = name
    self.type = type
    self.fallback = .derived(source, derive)
    self.meaning = meaning
    self.isSecret = false
  }

  func fallbackValue(in settings: Settings) -> Value {
    switch fallback {
    case .value(let value): value
    case .derived(_, let derive): derive(settings)
    }
  }
}

/// A `Setting` whatever its type.
protocol AnySetting: Sendable {
  var name: String { get }
  var meaning: String { get }
  var isSecret: Bool { get }
  /// `duration, 1s to 1h`
  var allowed: String { get }
  /// The default as documentation shows it.
  var fallbackText: String { get }
  func parse(_ raw: RawValue) throws(BadValue) -> any Sendable
  /// The value in effect as a file would write it, secrets masked.
  func effectiveText(in settings: Settings) -> String
}

extension Setting: AnySetting {
  var allowed: String { type.allowed }

  var fallbackText: String {
    switch fallback {
    case .value(let value): type.show(value)
    case .derived(let source, _): "(\(source))"
    }
  }

  func parse(_ raw: RawValue) throws(BadValue) -> any Sendable { try type.parse(raw) }

  func effectiveText(in settings: Settings) -> String {
    isSecret ? type.showSafely(settings[self]) : type.show(settings[self])
  }
}

extension AnySetting {
  /// `POSTRIDER_SMTP_MESSAGE_SIZE_MAX`
  var environmentName: String {
    "POSTRIDER_" + String(name.uppercased().map { $0 == "." ? "_" : $0 })
  }
}

/// A group of keys that share the beginning of their names.
package protocol SettingSection: Sendable {
  /// `smtp`
  var prefix: String { get }
  var title: String { get }
}

extension SettingSection {
  /// The section's own keys and those of sections in it, in the order of declaration.
  var settings: [any AnySetting] {
    Mirror(reflecting: self).children.flatMap { child -> [any AnySetting] in
      switch child.value {
      case let setting as any AnySetting: [setting]
      case let section as any SettingSection: section.settings
      default: []
      }
    }
  }
}
