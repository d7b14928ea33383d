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
  var metadata: Logger.Metadata

  func render(_ format: LogFormat) -> String {
    switch format {
    case .text: text
    case .json: json
    }
  }

  private var sortedFields: [(name: String, value: Logger.MetadataValue)] {
    let last = LogKey.order.count
    return metadata.map { (name: $0.key, value: $0.value) }.sorted {
      (LogKey.order[$0.name] ?? last, $0.name) < (LogKey.order[$1.name] ?? last, $1.name)
    }
  }

  private var text: String {
    var line = iso8601(unixMilliseconds: unixMilliseconds)
    line += " " + level.rawValue.uppercased() + " " + escaped(message)
    for field in sortedFields {
      line += " " + escaped(field.name, limit: 64) + "=" + Self.quoted(Self.plain(field.value))
    }
    return line + "\n"
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

  private var json: String {
    var line =
      "{\"time\":\"\(iso8601(unixMilliseconds: unixMilliseconds))\",\"level\":\"\(level.rawValue)\",\"message\":"
    line += JSONText.string(message)
    for field in sortedFields where !["time", "level", "message"].contains(field.name) {
      line += "," + JSONText.string(field.name) + ":" + JSONText.value(field.value)
    }
    return line + "}\n"
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

/// `2026-11-20T22:30:38.123Z`.
func iso8601(unixMilliseconds: Int64) -> String {
  var seconds = time_t(unixMilliseconds / 1000)
  var parts = tm()
  gmtime_r(&seconds, &parts)
  func padded(_ value: some BinaryInteger, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
  return padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2) + "T"
    + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2) + "."
    + padded(unixMilliseconds % 1000, 3) + "Z"
}
