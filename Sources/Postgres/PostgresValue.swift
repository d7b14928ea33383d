/// A statement's parameters in PostgreSQL's binary format, in one buffer that libpq reads in place.
///
/// ```swift
/// var parameters = PostgresParameters()
/// parameters.append(tenant)                 // $1 bigint
/// parameters.append(names)                  // $2 text[]
/// ```
package struct PostgresParameters: Sendable {
  private(set) var buffer: [UInt8] = []
  private(set) var spans: [Range<Int>?] = []
  private(set) var types: [UInt32] = []

  package init() {}

  package mutating func append(_ value: (some PostgresEncodable)?) {
    guard let value else {
      spans.append(nil)
      types.append(0)
      return
    }
    let start = buffer.count
    value.encode(into: &buffer)
    spans.append(start..<buffer.count)
    types.append(type(of: value).postgresType)
  }

  /// Appends an array parameter whose elements may be NULL.
  package mutating func append<Element: PostgresEncodable>(_ values: some Collection<Element?>) {
    appendArray(Element.self, count: values.count, hasNulls: true) { array in
      for value in values { array.append(value) }
    }
  }

  package mutating func append<Element: PostgresEncodable>(_ values: some Collection<Element>) {
    appendArray(Element.self, count: values.count, hasNulls: false) { array in
      for value in values { array.append(value) }
    }
  }

  /// Appends an array parameter whose elements are written one by one, so that large ones need no copy of their own.
  package mutating func appendArray<Element: PostgresEncodable>(
    _: Element.Type, count: Int, hasNulls: Bool, _ fill: (inout PostgresArrayWriter<Element>) -> Void
  ) {
    let start = buffer.count
    var array = PostgresArrayWriter<Element>(buffer: buffer)
    buffer = []
    array.writeHeader(count: count, hasNulls: hasNulls)
    fill(&array)
    buffer = array.buffer
    spans.append(start..<buffer.count)
    types.append(Element.postgresArrayType)
  }
}

/// Writes the elements of one array parameter.
package struct PostgresArrayWriter<Element: PostgresEncodable> {
  fileprivate var buffer: [UInt8]

  fileprivate mutating func writeHeader(count: Int, hasNulls: Bool) {
    Int32(count == 0 ? 0 : 1).encode(into: &buffer)
    Int32(hasNulls ? 1 : 0).encode(into: &buffer)
    Int32(bitPattern: Element.postgresType).encode(into: &buffer)
    guard count > 0 else { return }
    Int32(count).encode(into: &buffer)
    Int32(1).encode(into: &buffer)
  }

  package mutating func append(_ value: Element?) {
    guard let value else { return Int32(-1).encode(into: &buffer) }
    let lengthAt = buffer.count
    Int32(0).encode(into: &buffer)
    value.encode(into: &buffer)
    let length = UInt32(buffer.count - lengthAt - 4)
    for index in 0..<4 { buffer[lengthAt + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index)) }
  }
}

/// A Swift value with a binary form in PostgreSQL.
package protocol PostgresEncodable {
  /// The type's OID (`pg_type.dat`).
  static var postgresType: UInt32 { get }
  static var postgresArrayType: UInt32 { get }
  func encode(into buffer: inout [UInt8])
}

extension PostgresEncodable where Self: FixedWidthInteger {
  package func encode(into buffer: inout [UInt8]) {
    withUnsafeBytes(of: bigEndian) { buffer.append(contentsOf: $0) }
  }
}

extension Int16: PostgresEncodable {
  package static var postgresType: UInt32 { 21 }
  package static var postgresArrayType: UInt32 { 1005 }
}

extension Int32: PostgresEncodable {
  package static var postgresType: UInt32 { 23 }
  package static var postgresArrayType: UInt32 { 1007 }
}

extension Int64: PostgresEncodable {
  package static var postgresType: UInt32 { 20 }
  package static var postgresArrayType: UInt32 { 1016 }
}

extension Double: PostgresEncodable {
  package static var postgresType: UInt32 { 701 }
  package static var postgresArrayType: UInt32 { 1022 }
  package func encode(into buffer: inout [UInt8]) {
    withUnsafeBytes(of: bitPattern.bigEndian) { buffer.append(contentsOf: $0) }
  }
}

extension Bool: PostgresEncodable {
  package static var postgresType: UInt32 { 16 }
  package static var postgresArrayType: UInt32 { 1000 }
  package func encode(into buffer: inout [UInt8]) { buffer.append(self ? 1 : 0) }
}

extension String: PostgresEncodable {
  package static var postgresType: UInt32 { 25 }
  package static var postgresArrayType: UInt32 { 1009 }
  package func encode(into buffer: inout [UInt8]) { buffer.append(contentsOf: utf8) }
}

/// `bytea`: what came from a client or a remote server is stored as this, because `text` refuses NUL and broken UTF-8.
package struct Bytea: PostgresEncodable, Sendable, Hashable {
  package let bytes: [UInt8]
  package init(_ bytes: [UInt8]) { self.bytes = bytes }
  package init(_ text: String) { bytes = Array(text.utf8) }
  package static var postgresType: UInt32 { 17 }
  package static var postgresArrayType: UInt32 { 1001 }
  package func encode(into buffer: inout [UInt8]) { buffer.append(contentsOf: bytes) }
}

/// `uuid`.
package struct UUIDValue: PostgresEncodable, Sendable, Hashable {
  package let high: UInt64
  package let low: UInt64
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
  package static var postgresType: UInt32 { 2950 }
  package static var postgresArrayType: UInt32 { 2951 }
  package func encode(into buffer: inout [UInt8]) {
    withUnsafeBytes(of: high.bigEndian) { buffer.append(contentsOf: $0) }
    withUnsafeBytes(of: low.bigEndian) { buffer.append(contentsOf: $0) }
  }
}

/// `timestamptz` in microseconds since 1970-01-01 UTC. PostgreSQL counts from 2000.
package struct Timestamp: PostgresEncodable, Sendable, Hashable, Comparable {
  package static let postgresEpoch: Int64 = 946_684_800_000_000
  package let microseconds: Int64
  package init(microseconds: Int64) { self.microseconds = microseconds }
  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }
  package var unixSeconds: Int64 { microseconds.quotientAndFloorRemainder }
  package static var postgresType: UInt32 { 1184 }
  package static var postgresArrayType: UInt32 { 1185 }
  package func encode(into buffer: inout [UInt8]) { (microseconds - Self.postgresEpoch).encode(into: &buffer) }
}

extension Int64 {
  /// Whole seconds of a count of microseconds, rounded towards the past.
  fileprivate var quotientAndFloorRemainder: Int64 {
    let quotient = self / 1_000_000
    return self % 1_000_000 < 0 ? quotient - 1 : quotient
  }
}

/// `date` in days since 1970-01-01.
package struct Day: PostgresEncodable, Sendable, Hashable, Comparable {
  package let days: Int32
  package init(days: Int32) { self.days = days }
  package static func < (left: Day, right: Day) -> Bool { left.days < right.days }
  package static let postgresEpoch: Int32 = 10_957
  package static var postgresType: UInt32 { 1082 }
  package static var postgresArrayType: UInt32 { 1182 }
  package func encode(into buffer: inout [UInt8]) { (days - Self.postgresEpoch).encode(into: &buffer) }
}
