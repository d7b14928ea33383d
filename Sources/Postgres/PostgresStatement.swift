internal import CPostgres

/// One statement with its parameters.
package struct PostgresStatement: Sendable {
  package let sql: String
  package let parameters: PostgresParameters

  package init(_ sql: String, _ parameters: PostgresParameters = PostgresParameters()) {
    self.sql = sql
    self.parameters = parameters
  }

  func sendPrepare(on handle: OpaquePointer, name: String) -> Bool {
    PQsendPrepare(handle, name, sql, Int32(parameters.types.count), parameters.types) == 1
  }

  func sendExecute(on handle: OpaquePointer, name: String) -> Bool {
    parameters.buffer.withUnsafeBytes { buffer in
      // An empty value must not be a null pointer: that would be NULL.
      let base = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 8)
      let values = parameters.spans.map { span in
        span.flatMap { base?.advanced(by: $0.lowerBound).assumingMemoryBound(to: CChar.self) }
      }
      let lengths = parameters.spans.map { Int32($0?.count ?? 0) }
      let formats = [Int32](repeating: 1, count: values.count)
      return PQsendQueryPrepared(handle, name, Int32(values.count), values, lengths, formats, 1) == 1
    }
  }
}
