internal import TLS

/// Ticket keys in the order of time. Each seals for one rotation from its beginning and opens for one more.
///
/// The next key is made a whole rotation before it begins, so that everyone has it by then: whoever is late with
/// looking can still open what others seal. All change over at the same instant, without a word.
struct TicketKeyRing: Equatable {
  struct Entry: Equatable {
    /// When it begins to seal, in Unix milliseconds.
    let begins: Int64
    let key: TLSTicketKey
  }

  private(set) var entries: [Entry] = []

  /// The one that seals now.
  func sealing(at now: Int64, rotation: Int64) -> Entry? {
    entries.last { $0.begins <= now && now - $0.begins < rotation }
  }

  /// Those that open now: of the past, the present and the next.
  func opening(at now: Int64, rotation: Int64) -> [Entry] {
    entries.filter { Self.isAlive($0, now, rotation) }
  }

  /// When the next one begins; nil if there is none.
  func nextBeginning(after now: Int64) -> Int64? {
    entries.first { $0.begins > now }?.begins
  }

  /// The ring with what is missing, the present or the next key, and without what is too old.
  /// - Returns: nil when nothing is missing.
  func renewed(at now: Int64, rotation: Int64) -> TicketKeyRing? {
    var ring = TicketKeyRing()
    ring.entries = opening(at: now, rotation: rotation)
    guard let present = ring.sealing(at: now, rotation: rotation) else {
      // Whatever is ahead was made by a clock that was wrong.
      ring.entries.removeAll { $0.begins > now }
      for begins in [now, now + rotation] { ring.entries.append(Entry(begins: begins, key: .random())) }
      return ring
    }
    guard ring.nextBeginning(after: now) == nil else { return nil }
    ring.entries.append(Entry(begins: present.begins + rotation, key: .random()))
    return ring
  }

  private static func isAlive(_ entry: Entry, _ now: Int64, _ rotation: Int64) -> Bool {
    entry.begins > now - 2 * rotation && entry.begins <= now + 2 * rotation
  }
}

extension TicketKeyRing {
  private static let version: UInt8 = 1
  private static let entrySize = 8 + TLSTicketKey.size
  /// Past, present and next are three; a change of the rotation time can leave some more for a while.
  private static let countMax = 16

  /// Form: version (1), then for each entry its beginning (8, big-endian) and its key.
  var bytes: [UInt8] {
    entries.reduce(into: [Self.version]) { bytes, entry in
      withUnsafeBytes(of: entry.begins.bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: entry.key.bytes)
    }
  }

  /// - Returns: nil when it is not of that form.
  init?(bytes: [UInt8]) {
    guard bytes.first == Self.version, (bytes.count - 1).isMultiple(of: Self.entrySize) else { return nil }
    var rest = bytes.dropFirst()
    guard rest.count / Self.entrySize <= Self.countMax else { return nil }
    while !rest.isEmpty {
      let begins = rest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      // So far from the present that nothing overflows with it.
      guard begins < 1 << 52, let key = TLSTicketKey(rest.dropFirst(8).prefix(TLSTicketKey.size)) else { return nil }
      entries.append(Entry(begins: Int64(begins), key: key))
      rest = rest.dropFirst(Self.entrySize)
    }
    guard zip(entries, entries.dropFirst()).allSatisfy({ $0.begins < $1.begins }) else { return nil }
  }
}
