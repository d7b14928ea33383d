internal import NIOCore

/// Where a message has bytes above 127.
struct ContentFacts: Sendable, Equatable {
  var headerHasEightBit = false
  var bodyHasEightBit = false
  var hasEightBit: Bool { headerHasEightBit || bodyHasEightBit }

  static func examine(_ source: any ContentSource) async throws -> ContentFacts {
    var scanner = ContentScanner()
    let reader = try await source.makeReader()
    while let block = try await reader.next() { scanner.scan(block) }
    return scanner.facts
  }
}

/// Looks through a message block by block.
struct ContentScanner: Sendable {
  private(set) var facts = ContentFacts()
  private var inHeader = true
  private var last: UInt8 = 10

  mutating func scan(_ block: ByteBuffer) {
    block.withUnsafeReadableBytes { bytes in
      let end = inHeader ? headerEnd(in: bytes) : 0
      if Self.hasEightBit(UnsafeRawBufferPointer(rebasing: bytes[..<end])) { facts.headerHasEightBit = true }
      if Self.hasEightBit(UnsafeRawBufferPointer(rebasing: bytes[end...])) { facts.bodyHasEightBit = true }
    }
  }

  /// Where the body begins in this block: behind the first empty line.
  private mutating func headerEnd(in bytes: UnsafeRawBufferPointer) -> Int {
    for (index, byte) in bytes.enumerated() where byte != 13 {
      if byte == 10, last == 10 {
        inHeader = false
        return index
      }
      last = byte
    }
    return bytes.count
  }

  static func hasEightBit(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while position + 8 <= bytes.count {
      if bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return true }
      position += 8
    }
    return bytes[position...].contains { $0 >= 0x80 }
  }
}
