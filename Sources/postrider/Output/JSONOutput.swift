internal import Foundation
internal import Observability

/// JSON for programs: names as they are in Swift with underscores, times in ISO 8601, keys sorted.
enum JSONOutput {
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    return escaped(json: String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  static func print(_ value: some Encodable) throws { Swift.print(try text(value)) }
}
