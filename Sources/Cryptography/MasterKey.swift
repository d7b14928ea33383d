/// The keys that wrap every message's own key. They are in a file and never in the database, so that neither
/// the data directory nor a replica nor a backup can be read without it.
///
/// The file has one `id:64 hexadecimal digits` per line; empty lines and those with `#` are skipped. The last
/// key wraps, all unwrap. To rotate, append a key and keep the old ones until nothing is wrapped by them.
///
/// Wrapped form: version (1), length of the id (1), id, salt (24), sealed key (its size and 16). The sealing key is
/// HMAC-SHA256(master key, label, salt, context): each wrapping has a key of its own, so no count of messages
/// comes near the limit of random nonces under one key (NIST SP 800-38D §8.3).
package struct MasterKey: Sendable {
  private struct Key: Sendable {
    let id: [UInt8]
    let bytes: [UInt8]
  }

  private static let version: UInt8 = 1
  private static let saltSize = 24
  private static let idSizeMax = 32
  private static let label = Array("postrider body key".utf8)

  private let keys: [Key]
  private let wrapping: Key

  private init(keys: [Key], last: Key) {
    self.keys = keys
    wrapping = last
  }

  /// - Throws: `.file` when it cannot be read or others can; `.malformed` with the line's number.
  package static func load(file: String) throws(CryptographyFailure) -> MasterKey {
    var text = try SecretFile.read(file)
    defer { wipe(&text) }
    var keys: [Key] = []
    for (index, line) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      let line = trimmed(line)
      if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
      guard let key = parse(line) else {
        throw CryptographyFailure(
          .malformed,
          "\(file) line \(index + 1) is not «id:64 hexadecimal digits» with an id of 1 to 32 letters and digits")
      }
      guard !keys.contains(where: { $0.id == key.id }) else {
        throw CryptographyFailure(.malformed, "\(file) line \(index + 1) has an id that an earlier line has")
      }
      keys.append(key)
    }
    guard let last = keys.last else { throw CryptographyFailure(.malformed, "\(file) holds no key") }
    return MasterKey(keys: keys, last: last)
  }

  /// Makes the file with one new key. An existing file is never touched: without it no queued body can be read.
  package static func create(file: String) throws(CryptographyFailure) {
    var bytes = newLine()
    defer { wipe(&bytes) }
    try SecretFile.write(bytes, to: file, mode: 0o600, replacing: false)
  }

  /// Appends a new key, which wraps from the next load on.
  package static func rotate(file: String) throws(CryptographyFailure) {
    _ = try load(file: file)
    var bytes = try SecretFile.read(file)
    defer { wipe(&bytes) }
    if bytes.last != 0x0A { bytes.append(0x0A) }
    try SecretFile.write(bytes + newLine(), to: file, mode: 0o600, replacing: true)
  }

  /// - Parameter context: what the key belongs to, for example the message's id; the same is needed to unwrap.
  package func wrap(_ key: [UInt8], context: [UInt8]) -> [UInt8] {
    let salt = Random.bytes(Self.saltSize)
    let header = [Self.version, UInt8(wrapping.id.count)] + wrapping.id
    let sealingKey = Self.sealingKey(wrapping, salt: salt, context: context)
    return header + salt + AES256GCM.seal(key, key: sealingKey, nonce: Self.nonce, authenticating: header)
  }

  package func unwrap(_ wrapped: [UInt8], context: [UInt8]) throws(CryptographyFailure) -> [UInt8] {
    guard wrapped.count >= 2, wrapped[0] == Self.version else {
      throw CryptographyFailure(.malformed, "the wrapped key has an unknown form")
    }
    let headerSize = 2 + Int(wrapped[1])
    guard wrapped.count >= headerSize + Self.saltSize + AES256GCM.tagSize else {
      throw CryptographyFailure(.malformed, "the wrapped key is cut off")
    }
    let id = wrapped[2..<headerSize]
    guard let key = keys.first(where: { $0.id.elementsEqual(id) }) else {
      throw CryptographyFailure(.unknownKey, "it is wrapped by a master key that the file does not hold")
    }
    let saltEnd = headerSize + Self.saltSize
    let sealingKey = Self.sealingKey(key, salt: Array(wrapped[headerSize..<saltEnd]), context: context)
    return try AES256GCM.open(
      Array(wrapped[saltEnd...]), key: sealingKey, nonce: Self.nonce, authenticating: Array(wrapped[..<headerSize]))
  }
}

extension MasterKey {
  /// A key for another purpose from each master key, in their order; the last is the newest. Nothing about the master
  /// keys, or about keys for other purposes, follows from them.
  package func derived(for purpose: String) -> [[UInt8]] {
    // The zero octet keeps purposes apart from the label of sealing keys, which is followed by a salt.
    keys.map { HMACSHA256.code(Array("derived\0\(purpose)".utf8), key: $0.bytes) }
  }
}

extension MasterKey {
  /// Constant, because a sealing key is used once.
  private static let nonce = [UInt8](repeating: 0, count: AES256GCM.nonceSize)

  private static func sealingKey(_ key: Key, salt: [UInt8], context: [UInt8]) -> [UInt8] {
    HMACSHA256.code(label + [0] + salt + context, key: key.bytes)
  }

  private static func newLine() -> [UInt8] {
    hexadecimal(Random.bytes(4)) + [UInt8(ascii: ":")] + hexadecimal(Random.bytes(AES256GCM.keySize)) + [0x0A]
  }

  private static func parse(_ line: ArraySlice<UInt8>) -> Key? {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let id = line[..<colon]
    let digits = line[(colon + 1)...]
    guard (1...idSizeMax).contains(id.count), id.allSatisfy({ Character(UnicodeScalar($0)).isWordLike }),
      digits.count == 2 * AES256GCM.keySize
    else { return nil }
    var bytes: [UInt8] = []
    var rest = digits
    while let high = rest.popFirst(), let low = rest.popFirst() {
      guard let upper = Character(UnicodeScalar(high)).hexDigitValue,
        let lower = Character(UnicodeScalar(low)).hexDigitValue
      else { return nil }
      bytes.append(UInt8(upper << 4 | lower))
    }
    return Key(id: Array(id), bytes: bytes)
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    var line = line.drop(while: isBlank)
    while let last = line.last, isBlank(last) { line.removeLast() }
    return line
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }
}

extension Character {
  fileprivate var isWordLike: Bool { isASCII && (isLetter || isNumber || self == "-" || self == "_" || self == ".") }
}
