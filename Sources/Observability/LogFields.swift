internal import Logging

/// What a line says besides its message, in the order of `LogKey`; names that are no `LogKey` come last, by name.
struct LogFields: Sendable {
  private(set) var ordered: [(place: Int, name: String, value: Logger.MetadataValue)]

  init(_ metadata: Logger.Metadata) {
    ordered = metadata.map { (place: LogKey.order[$0.key] ?? Self.last, name: $0.key, value: $0.value) }
    ordered.sort { ($0.place, $0.name) < ($1.place, $1.name) }
  }

  private static let last = LogKey.order.count

  mutating func reserve(_ more: Int) { ordered.reserveCapacity(ordered.count + more) }

  /// Puts a field where it belongs. Those that come in order cost a comparison each.
  mutating func add(_ key: LogKey, _ value: any CustomStringConvertible & Sendable) {
    let place = LogKey.places[key] ?? Self.last
    var index = ordered.endIndex
    while index > 0, ordered[index - 1].place > place { index -= 1 }
    let field = (place: place, name: key.rawValue, value: Logger.MetadataValue.stringConvertible(value))
    if index > 0, ordered[index - 1].place == place {
      ordered[index - 1] = field
    } else {
      ordered.insert(field, at: index)
    }
  }
}
