package import Logging

extension Logger.Metadata {
  /// Metadata from keys of `LogKey`; pairs without a value are left out:
  /// `logger.info("claimed", metadata: .fields([.worker: session, .count: n]))`.
  package static func fields(_ pairs: KeyValuePairs<LogKey, (any CustomStringConvertible & Sendable)?>) -> Self {
    var metadata: Self = [:]
    for (key, value) in pairs {
      if let value { metadata[key.rawValue] = .stringConvertible(value) }
    }
    return metadata
  }
}

extension Logger {
  /// The value that every line of this logger carries under a key.
  package subscript(key: LogKey) -> String? {
    get { self[metadataKey: key.rawValue].map { "\($0)" } }
    set { self[metadataKey: key.rawValue] = newValue.map { .string($0) } }
  }
}

extension Duration {
  /// Milliseconds as a plain number, `1234.567`: how every duration is logged.
  package var milliseconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) * 1000 + (Double(attoseconds) / 1e12).rounded() / 1000
  }
}
