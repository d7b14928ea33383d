/// A PostgreSQL primary beside the home database, with the mail of the tenants that were placed there.
package struct DatabaseShard: Sendable, Hashable {
  /// `home` is the database of `database.url`.
  package static let home = "home"

  /// Lower-case letters, digits and `-`, at most 32; for good, since the databases know it.
  package var name: String
  /// As `database.url`.
  package var url: String

  package init(name: String, url: String) {
    self.name = name
    self.url = url
  }
}

extension SettingType where Value == String {
  /// A libpq URL or keyword string.
  static var databaseURL: Self {
    url(["postgresql", "postgres"], example: "postgresql://user@host/postrider", alsoAllowed: { $0.contains("=") })
  }
}

extension SettingType where Value == [DatabaseShard] {
  static var shards: Self {
    Self(
      allowed: "a list of {name, url}", show: { text($0) { $0 } }, showSafely: { text($0, url: redacted) },
      parse: { raw throws(BadValue) in
        let why = "write a list of {name, url}"
        let value: RawValue
        if case .text(let text) = raw { value = try YAMLText.value(text, why: why) } else { value = raw }
        guard case .list(let items) = value else { throw BadValue(why: why) }
        var shards: [DatabaseShard] = []
        for (index, item) in items.enumerated() {
          guard case .mapping(let fields) = item else { throw BadValue(place: "[\(index)]", why: why) }
          let shard = try shard(fields, place: "[\(index)]")
          guard !shards.contains(where: { $0.name == shard.name }) else {
            throw BadValue(place: "[\(index)].name", value: shard.name, why: "each name once")
          }
          shards.append(shard)
        }
        return shards
      })
  }

  private static func text(_ shards: [DatabaseShard], url: (String) -> String) -> String {
    "[" + shards.map { "{name: \"\($0.name)\", url: \"\(url($0.url))\"}" }.joined(separator: ", ") + "]"
  }

  private static func shard(_ fields: [(key: String, value: RawValue)], place: String) throws(BadValue)
    -> DatabaseShard
  {
    var texts: [String: String] = [:]
    for (key, value) in fields {
      guard ["name", "url"].contains(key) else { throw BadValue(place: "\(place).\(key)", why: "known are name, url") }
      guard case .text(let text) = value else { throw BadValue(place: "\(place).\(key)", why: "write one value") }
      texts[key] = text
    }
    guard let name = texts["name"], isShardName(name), name != DatabaseShard.home else {
      throw BadValue(
        place: "\(place).name", value: texts["name"],
        why: "write 1 to 32 lower-case letters, digits, «-», beginning with a letter; «home» is database.url")
    }
    let url: String
    do throws(BadValue) {
      url = try SettingType<String>.databaseURL.parse(.text(texts["url"] ?? ""))
    } catch {
      throw BadValue(place: "\(place).url", value: error.value, why: error.why)
    }
    return DatabaseShard(name: name, url: url)
  }

  private static func isShardName(_ name: String) -> Bool {
    (1...32).contains(name.utf8.count) && name.utf8.first.map { (0x61...0x7A).contains($0) } == true
      && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
  }
}
