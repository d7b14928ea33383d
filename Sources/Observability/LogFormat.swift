internal import Foundation
internal import Logging

/// How log lines look.
package enum LogFormat: String, CaseIterable, Sendable {
  /// `2026-11-20T22:30:38.123Z INFO accepted id=… session=…`, for people.
  case text
  /// One JSON object a line, for programs: `time`, `level`, `message`, then the fields.
  case json
}

/// Everything that one line says.
struct LogLine {
  var unixMilliseconds: Int64
  var level: Logger.Level
  var message: String
  var fields: LogFields

  /// The line with its newline, as UTF-8.
  func render(_ format: LogFormat) -> [UInt8] {
    var line: [UInt8] = []
    line.reserveCapacity(512)
    switch format {
    case .text: appendText(to: &line)
    case .json: appendJSON(to: &line)
    }
    return line
  }

  private func appendText(to line: inout [UInt8]) {
    appendISO8601(unixMilliseconds: unixMilliseconds, to: &line)
    line.append(0x20)
    line += level.rawValue.uppercased().utf8
    line.append(0x20)
    line += escaped(message).utf8
    for field in fields.ordered {
      line.append(0x20)
      Self.append(field.name, to: &line)
      line.append(0x3D)
      Self.append(Self.plain(field.value), to: &line)
    }
    line.append(0x0A)
  }

  /// Nearly every name and value is plain ASCII without a blank, and goes as it is.
  private static func append(_ text: String, to line: inout [UInt8]) {
    var text = text
    let isPlain = text.withUTF8 { bytes in
      let isPlain =
        (1...1024).contains(bytes.count)
        && bytes.allSatisfy { (0x21..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C }
      if isPlain { line += bytes }
      return isPlain
    }
    if !isPlain { line += quoted(text).utf8 }
  }

  /// Quotes only where a reader could mistake the end of the value.
  private static func quoted(_ value: String) -> String {
    let safe = escaped(value)
    guard safe.isEmpty || safe.utf8.contains(where: { $0 == 0x20 || $0 == 0x22 || $0 == 0x3D }) else { return safe }
    return "\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
  }

  private static func plain(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): text
    case .stringConvertible(let value): value.description
    case .array(let values): values.map(plain).joined(separator: ",")
    case .dictionary(let values):
      values.sorted { $0.key < $1.key }.map { "\($0.key):\(plain($0.value))" }.joined(separator: ",")
    }
  }

  private func appendJSON(to line: inout [UInt8]) {
    line += #"{"time":""#.utf8
    appendISO8601(unixMilliseconds: unixMilliseconds, to: &line)
    line += #"","level":"\#(level.rawValue)","message":"#.utf8
    line += JSONText.string(message).utf8
    for field in fields.ordered where !["time", "level", "message"].contains(field.name) {
      line.append(0x2C)
      line += JSONText.string(field.name).utf8
      line.append(0x3A)
      line += JSONText.value(field.value).utf8
    }
    line += "}\n".utf8
  }
}

/// JSON that is also safe to look at: what `escaped(_:)` would replace is written as `\uNNNN`.
enum JSONText {
  static func value(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): string(text)
    case .stringConvertible(let value): scalar(value)
    case .array(let values): "[" + values.map(Self.value).joined(separator: ",") + "]"
    case .dictionary(let values):
      "{" + values.sorted { $0.key < $1.key }.map { string($0.key) + ":" + Self.value($0.value) }.joined(separator: ",")
        + "}"
    }
  }

  /// Numbers and booleans stay what they are; all else is a string.
  private static func scalar(_ value: any CustomStringConvertible) -> String {
    switch value {
    case let number as any FixedWidthInteger: number.description
    case let number as Double: number.isFinite ? number.description : "null"
    case let flag as Bool: flag.description
    default: string(value.description)
    }
  }

  static func string(_ text: String, limit: Int = 8192) -> String {
    var result = "\""
    var kept = 0
    for scalar in text.unicodeScalars {
      if kept == limit {
        result += "…"
        break
      }
      kept += 1
      switch scalar.value {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0x20..<0x7F: result.unicodeScalars.append(scalar)
      default:
        if isSteering(scalar) {
          for unit in String(scalar).utf16 { result += "\\u" + hexadecimal(UInt32(unit), digits: 4) }
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// Appends `2026-11-20T22:30:38.123Z`.
func appendISO8601(unixMilliseconds: Int64, to line: inout [UInt8]) {
  var seconds = time_t(unixMilliseconds / 1000)
  var parts = tm()
  gmtime_r(&seconds, &parts)
  func append(_ value: Int, width: Int, then separator: UInt8) {
    var divisor = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      line.append(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
      divisor /= 10
    }
    line.append(separator)
  }
  append(Int(parts.tm_year) + 1900, width: 4, then: UInt8(ascii: "-"))
  append(Int(parts.tm_mon) + 1, width: 2, then: UInt8(ascii: "-"))
  append(Int(parts.tm_mday), width: 2, then: UInt8(ascii: "T"))
  append(Int(parts.tm_hour), width: 2, then: UInt8(ascii: ":"))
  append(Int(parts.tm_min), width: 2, then: UInt8(ascii: ":"))
  append(Int(parts.tm_sec), width: 2, then: UInt8(ascii: "."))
  append(Int(unixMilliseconds % 1000), width: 3, then: UInt8(ascii: "Z"))
}
