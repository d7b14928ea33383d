internal import CPostgres

/// The rows that one statement returned, in binary. Valid on the thread of its connection; copy values out.
package final class PostgresResult {
  private let handle: OpaquePointer
  package let rowCount: Int

  init(owning handle: OpaquePointer) {
    self.handle = handle
    rowCount = Int(PQntuples(handle))
  }

  deinit { PQclear(handle) }

  /// What the server says it did, for example `COMMIT` or `UPDATE 3`.
  package var commandTag: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

  /// How many rows an INSERT, UPDATE or DELETE touched.
  package var affectedRows: Int { PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }

  package func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(handle, Int32(row), Int32(column)) == 1 }

  /// Calls `body` with the value's bytes, in place.
  package func withBytes<T, E: Error>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> T)
    throws(E)
    -> T
  {
    let length = Int(PQgetlength(handle, Int32(row), Int32(column)))
    return try body(UnsafeRawBufferPointer(start: PQgetvalue(handle, Int32(row), Int32(column)), count: length))
  }

  package func bytes(_ row: Int, _ column: Int) -> [UInt8] { withBytes(row, column) { Array($0) } }

  /// Text, or bytes taken as UTF-8 with repairs.
  package func text(_ row: Int, _ column: Int) -> String {
    withBytes(row, column) { String(decoding: $0, as: UTF8.self) }
  }

  private func integer<T: FixedWidthInteger>(_ row: Int, _ column: Int, as: T.Type) throws(PostgresError) -> T {
    try withBytes(row, column) { (bytes) throws(PostgresError) in
      guard bytes.count == MemoryLayout<T>.size else {
        throw PostgresError(.decoding, "column \(column) has \(bytes.count) bytes, not \(MemoryLayout<T>.size)")
      }
      return T(bigEndian: bytes.loadUnaligned(as: T.self))
    }
  }

  package func int64(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
    try integer(row, column, as: Int64.self)
  }
  package func int32(_ row: Int, _ column: Int) throws(PostgresError) -> Int32 {
    try integer(row, column, as: Int32.self)
  }
  package func int16(_ row: Int, _ column: Int) throws(PostgresError) -> Int16 {
    try integer(row, column, as: Int16.self)
  }
  package func bool(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
    try integer(row, column, as: UInt8.self) != 0
  }

  package func double(_ row: Int, _ column: Int) throws(PostgresError) -> Double {
    Double(bitPattern: try integer(row, column, as: UInt64.self))
  }

  package func timestamp(_ row: Int, _ column: Int) throws(PostgresError) -> Timestamp {
    let value = try int64(row, column)
    let (shifted, overflow) = value.addingReportingOverflow(Timestamp.postgresEpoch)
    return Timestamp(microseconds: overflow ? value : shifted)
  }

  package func day(_ row: Int, _ column: Int) throws(PostgresError) -> Day {
    Day(days: try int32(row, column) &+ Day.postgresEpoch)
  }

  package func uuid(_ row: Int, _ column: Int) throws(PostgresError) -> UUIDValue {
    try withBytes(row, column) { (bytes) throws(PostgresError) in
      guard bytes.count == 16 else { throw PostgresError(.decoding, "column \(column) is no uuid") }
      return UUIDValue(
        high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  /// A one-dimensional array of byte strings (`bytea[]`, `text[]`); NULL elements are nil.
  package func byteArrays(_ row: Int, _ column: Int) throws(PostgresError) -> [[UInt8]?] {
    try withBytes(row, column) { (bytes) throws(PostgresError) in
      func word(_ offset: Int) throws(PostgresError) -> Int {
        guard offset + 4 <= bytes.count else { throw PostgresError(.decoding, "column \(column) is no array") }
        return Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
      }
      guard try word(0) == 1 else { return [] }
      let count = try word(12)
      var elements: [[UInt8]?] = []
      var offset = 20
      for _ in 0..<max(0, count) {
        let length = try word(offset)
        offset += 4
        guard length >= 0 else {
          elements.append(nil)
          continue
        }
        guard offset + length <= bytes.count else { throw PostgresError(.decoding, "column \(column) is cut off") }
        elements.append(Array(bytes[offset..<offset + length]))
        offset += length
      }
      return elements
    }
  }

  /// An array of fixed-width integers (`bigint[]`, `smallint[]`); NULL elements are nil.
  package func integers<T: FixedWidthInteger>(_ row: Int, _ column: Int, as: T.Type) throws(PostgresError) -> [T?] {
    try byteArrays(row, column).map { (element) throws(PostgresError) -> T? in
      guard let element else { return nil }
      guard element.count == MemoryLayout<T>.size else {
        throw PostgresError(.decoding, "column \(column) has elements of \(element.count) bytes")
      }
      return element.reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }
  }

  /// A one-dimensional array of days (`date[]`); NULL elements are nil.
  package func days(_ row: Int, _ column: Int) throws(PostgresError) -> [Day?] {
    try integers(row, column, as: Int32.self).map { $0.map { Day(days: $0 &+ Day.postgresEpoch) } }
  }
}
