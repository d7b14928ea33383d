#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The octets that SMTP's grammar names.
enum Octet {
  static let tab: UInt8 = 0x09
  static let lf: UInt8 = 0x0A
  static let cr: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let dot: UInt8 = 0x2E
}

extension UnsafeRawBufferPointer {
  /// The index of the first `byte` in `range`, found by `memchr`: the C library reads a vector at a time.
  func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
    guard !range.isEmpty, let start = baseAddress,
      let found = memchr(start + range.lowerBound, Int32(byte), range.count)
    else { return nil }
    return UnsafeRawPointer(found) - start
  }

  /// The part of the buffer in `range`, as a buffer of its own.
  func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range])
  }

  /// Whether any octet has its high bit set.
  var holdsEightBit: Bool {
    var seen: UInt64 = 0
    var index = 0
    while index + 8 <= count {
      seen |= loadUnaligned(fromByteOffset: index, as: UInt64.self)
      index += 8
    }
    while index < count {
      seen |= UInt64(self[index])
      index += 1
    }
    return seen & 0x8080_8080_8080_8080 != 0
  }
}
