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
    let line = LogLine(
      unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000), level: event.level,
      message: event.message.description, metadata: fields)
    output.write(line.render(format), isUrgent: event.level >= .warning)
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
