/// Names one accepted message, for ever and in every place: the 250 reply, the log, the database.
///
/// 128 bits in the form of a UUID version 7 (RFC 9562 §5.7): a millisecond clock in front, random bits
/// behind. It needs no coordination, a database restored to an earlier time cannot hand it out again,
/// and it grows with time, so that index pages fill from left to right. The clock in it is a hint for
/// locality only: what is true about time is the database's `accepted_at`.
package struct QueueID: Hashable, Sendable, Comparable {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes an id.
  /// - Parameters:
  ///   - unixMilliseconds: the local wall clock; only its lower 48 bits are used.
  ///   - random: 74 random bits are taken from these two words.
  package init(unixMilliseconds: UInt64, random: (UInt64, UInt64)) {
    high = (unixMilliseconds << 16) | 0x7000 | (random.0 & 0x0FFF)
    low = 0x8000_0000_0000_0000 | (random.1 & 0x3FFF_FFFF_FFFF_FFFF)
  }

  /// Makes an id from the system's random source.
  package init(unixMilliseconds: UInt64) {
    var generator = SystemRandomNumberGenerator()
    self.init(unixMilliseconds: unixMilliseconds, random: (generator.next(), generator.next()))
  }

  package static func < (left: QueueID, right: QueueID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }

  /// The sixteen bytes, most significant first, as PostgreSQL's `uuid` has them.
  package var bytes: [UInt8] {
    (0..<16).map { index in
      let word = index < 8 ? high : low
      return UInt8(truncatingIfNeeded: word >> UInt64(56 - (index % 8) * 8))
    }
  }

  /// - Returns: nil unless there are exactly sixteen bytes.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for (index, byte) in bytes.enumerated() {
      if index < 8 { words.0 = words.0 << 8 | UInt64(byte) } else { words.1 = words.1 << 8 | UInt64(byte) }
    }
    self.init(high: words.0, low: words.1)
  }
}

extension QueueID: CustomStringConvertible, LosslessStringConvertible {
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  /// Twenty-six characters of Crockford's base 32: no look-alike letters, safe in a shell and a file name.
  package var description: String {
    var text = [UInt8](repeating: 0, count: 26)
    var (upper, lower) = (high, low)
    for index in stride(from: 25, through: 0, by: -1) {
      text[index] = Self.alphabet[Int(lower & 31)]
      lower = lower >> 5 | upper << 59
      upper >>= 5
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Reads what `description` wrote, in either case, or a UUID with hyphens.
  package init?(_ text: String) {
    if text.utf8.count == 36 {
      let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
      guard digits.count == 32,
        let high = UInt64(String(decoding: digits.prefix(16), as: UTF8.self), radix: 16),
        let low = UInt64(String(decoding: digits.suffix(16), as: UTF8.self), radix: 16)
      else { return nil }
      self.init(high: high, low: low)
      return
    }
    guard text.utf8.count == 26 else { return nil }
    var (upper, lower): (UInt64, UInt64) = (0, 0)
    for (index, byte) in text.uppercased().utf8.enumerated() {
      guard let value = Self.alphabet.firstIndex(of: byte), index > 0 || value < 8 else { return nil }
      upper = upper << 5 | lower >> 59
      lower = lower << 5 | UInt64(value)
    }
    self.init(high: upper, low: lower)
  }
}
