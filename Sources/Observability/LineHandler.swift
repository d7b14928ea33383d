internal import Foundation
package import Logging

/// swift-log's end: renders a line and hands it to a `LogOutput`.
package struct LineHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  package var logLevel: Logger.Level
  private let label: String
  private let format: LogFormat
  private let output: LogOutput

  package init(label: String, format: LogFormat, level: Logger.Level, output: LogOutput) {
    self.label = label
    self.format = format
    self.logLevel = level
    self.output = output
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
    if let own = event.metadata { fields.merge(own) { $1 } }
    if let error = event.error { fields[LogKey.error.rawValue] = .string("\(error)") }
    if fields[LogKey.component.rawValue] == nil { fields[LogKey.component.rawValue] = .string(label) }
    write(event.level, event.message.description, LogFields(fields))
  }

  fileprivate func write(_ level: Logger.Level, _ message: String, _ fields: LogFields) {
    let line = LogLine(
      unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000), level: level, message: message, fields: fields)
    output.write(line.render(format), isUrgent: level >= .warning)
  }
}

extension LineHandler {
  /// A short way for lines whose keys all are of `LogKey`. What the handler says on every line is sorted once.
  struct Direct: Sendable {
    fileprivate let handler: LineHandler
    fileprivate let base: LogFields

    /// Writes one line of level `info`. Pairs without a value are left out.
    func write(_ message: String, _ pairs: KeyValuePairs<LogKey, (any CustomStringConvertible & Sendable)?>) {
      var fields = base
      fields.reserve(pairs.count)
      for (key, value) in pairs {
        if let value { fields.add(key, value) }
      }
      handler.write(.info, message, fields)
    }
  }

  /// nil when something is to be asked for each line.
  var direct: Direct? {
    guard metadataProvider == nil else { return nil }
    var fields = metadata
    if fields[LogKey.component.rawValue] == nil { fields[LogKey.component.rawValue] = .string(label) }
    return Direct(handler: self, base: LogFields(fields))
  }
}

/// Logging of a whole process.
package enum Logs {
  /// The process's stderr.
  package static let standardError = LogOutput()

  /// Makes every `Logger` of the process write to stderr. Call once, first thing.
  package static func bootstrap(format: LogFormat, level: Logger.Level) {
    LoggingSystem.bootstrap { label in
      LineHandler(label: label, format: format, level: level, output: standardError)
    }
  }

  /// Waits (bounded) until stderr has all lines. Call last thing.
  package static func flush() { standardError.flush() }
}
