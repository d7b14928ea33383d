/// Makes UTF-8 of replies in any charset, without accents, in lower case where that is easily said. What is in no
/// charset that we know stays as it is: it then simply says nothing.
enum Charset {
  /// The text for `Wording`. Plain ASCII, nearly every reply, is given back untouched.
  static func unified(_ bytes: [UInt8]) -> [UInt8] {
    var isPlain = true
    for byte in bytes where byte >= 0x80 || byte == 0x1B { isPlain = false }
    if isPlain { return bytes }
    if bytes.contains(0x1B) { return fold(decodeISO2022JP(bytes)) }
    guard let scalars = strictScalars(bytes) else { return fold(legacy(bytes)) }
    // UTF-8 that somebody has taken for Latin-1 and encoded again.
    if scalars.allSatisfy({ $0 <= 0xFF }), scalars.contains(where: { $0 >= 0x80 }) {
      let inner = scalars.map { UInt8($0) }
      if let decoded = strictScalars(inner) { return fold(decoded) }
      if runs(inner) { return fold(legacy(inner)) }
    }
    return fold(scalars)
  }

  private static func strictScalars(_ bytes: [UInt8]) -> [UInt32]? {
    var scalars: [UInt32] = []
    scalars.reserveCapacity(bytes.count)
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): scalars.append(scalar.value)
      case .emptyInput: return scalars
      case .error: return nil
      }
    }
  }

  /// High bytes stand mostly in pairs and longer runs: not an accent here and there.
  private static func runs(_ bytes: [UInt8]) -> Bool {
    var (inRuns, all) = (0, 0)
    for (index, byte) in bytes.enumerated() where byte >= 0x80 {
      all += 1
      if (index > 0 && bytes[index - 1] >= 0x80) || (index + 1 < bytes.count && bytes[index + 1] >= 0x80) {
        inRuns += 1
      }
    }
    return inRuns * 2 > all
  }

  /// Neither ASCII nor UTF-8: whichever charset makes most sense of it.
  private static func legacy(_ bytes: [UInt8]) -> [UInt32] {
    let best = DoubleByteTable.all.map { $0.decode(bytes) }.max { $0.known < $1.known }
    if let best, best.known >= 3 { return best.scalars }
    return runs(bytes) ? Cyrillic.decode(bytes) : bytes.map { UInt32($0) }
  }

  /// RFC 1468: two bytes a character between `ESC $ B` and `ESC ( B`.
  private static func decodeISO2022JP(_ bytes: [UInt8]) -> [UInt32] {
    var eucJP: [UInt8] = []
    var (isDouble, index) = (false, 0)
    while index < bytes.count {
      if bytes[index] == 0x1B, index + 2 < bytes.count {
        isDouble = bytes[index + 1] == UInt8(ascii: "$")
        index += isDouble && bytes[index + 2] == UInt8(ascii: "(") ? 4 : 3
      } else {
        let byte = bytes[index]
        eucJP.append(isDouble && byte > 0x20 ? byte | 0x80 : byte)
        index += 1
      }
    }
    return DoubleByteTable.eucJP.decode(eucJP).scalars
  }

  /// Lower case without accents, as UTF-8.
  private static func fold(_ scalars: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(scalars.count * 2)
    for scalar in scalars {
      switch scalar {
      case 0..<0x80: bytes.append(UInt8(scalar))
      case 0x80...0xA0, 0x2000...0x200B, 0x3000, 0xFEFF: bytes.append(0x20)
      case 0xC0...0x17F: bytes += baseLetters[Int(scalar - 0xC0)]
      case 0xAB, 0xBB, 0x201C...0x201F, 0x300C...0x300F: bytes.append(UInt8(ascii: "\""))
      case 0x2018...0x201B: bytes.append(UInt8(ascii: "'"))
      case 0x2010...0x2015: bytes.append(UInt8(ascii: "-"))
      case 0x3001, 0xFF0C: bytes += [UInt8(ascii: ","), 0x20]
      case 0x3002, 0xFF01, 0xFF0E, 0xFF1A, 0xFF1B, 0xFF1F: bytes += [UInt8(ascii: ";"), 0x20]
      case 0xFF02...0xFF5E: bytes.append(UInt8(scalar - 0xFEE0))
      case 0x410...0x42F: append(scalar + 0x20, to: &bytes)
      case 0x401, 0x451: append(0x435, to: &bytes)
      default: append(scalar, to: &bytes)
      }
    }
    return bytes
  }

  private static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
    guard let scalar = Unicode.Scalar(scalar) else { return bytes.append(0x20) }
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  /// U+00C0...U+017F without their accents.
  private static let baseLetters: [[UInt8]] = {
    let plain = """
      A A A A A A AE C E E E E I I I I D N O O O O O x O U U U U Y TH ss a a a a a a ae c e e e e i i i i d n o o o o o \
      - o u u u u y th y A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h I i I i I i I i \
      I i IJ ij J j K k k L l L l L l L l L l N n N n N n n N n O o O o O o OE oe R r R r R r S s S s S s S s T t T t T t \
      U u U u U u U u U u U u W w Y y Y Z z Z z Z z s
      """
    return plain.split(separator: " ").map { Array($0.utf8) }
  }()
}

/// Windows-1251 and KOI8-R, told apart by which of them makes small letters of most of the text.
private enum Cyrillic {
  static func decode(_ bytes: [UInt8]) -> [UInt32] {
    let (low, high) = (bytes.count { (0xC0...0xDF).contains($0) }, bytes.count { $0 >= 0xE0 })
    return bytes.map { byte in
      if byte < 0xC0 { return byte < 0x80 ? UInt32(byte) : 0x20 }
      return high >= low ? 0x410 + UInt32(byte - 0xC0) : koi8[Int(byte - 0xC0)]
    }
  }

  private static let koi8: [UInt32] =
    "юабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ".unicodeScalars.map(\.value)
}
