internal import MailModel

extension Wording {
  static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte >= 0x80
  }

  private mutating func append(mark: UInt8) {
    bytes.append(mark)
    bytes.append(0x20)
  }

  /// One token between separators.
  mutating func token(_ whole: ArraySlice<UInt8>, in line: ArraySlice<UInt8>) {
    var token = whole
    while let first = token.first,
      first == UInt8(ascii: ".") || first == UInt8(ascii: "#") || first == UInt8(ascii: "-")
        || first == UInt8(ascii: "'")
    {
      token = token.dropFirst()
    }
    var ends = false
    while let last = token.last,
      last == UInt8(ascii: ".") || last == UInt8(ascii: "-") || last == UInt8(ascii: "'") || last == UInt8(ascii: ":")
    {
      if last == UInt8(ascii: "."), whole.endIndex == line.endIndex || line[whole.endIndex] <= 0x20 { ends = true }
      token = token.dropLast()
    }
    guard !token.isEmpty else {
      if ends { stop() }
      return
    }
    classify(token, quoted: isQuoted(token, in: line), line)
    if ends { stop() }
  }

  /// Between two quotation marks without a blank: a name, not wording.
  private func isQuoted(_ token: ArraySlice<UInt8>, in line: ArraySlice<UInt8>) -> Bool {
    guard token.startIndex > line.startIndex, token.endIndex < line.endIndex else { return false }
    let (before, after) = (line[token.startIndex - 1], line[token.endIndex])
    return before == after
      && (before == UInt8(ascii: "\"") || before == UInt8(ascii: "'") || before == UInt8(ascii: "`"))
  }

  private mutating func classify(_ token: ArraySlice<UInt8>, quoted: Bool, _ line: ArraySlice<UInt8>) {
    let shape = TokenShape(token)
    if shape.hasAt { return append(mark: Mark.address) }
    if shape.isNumeric {
      if shape.dots == 3 {
        if addresses.count < 8 { addresses.append(Array(token)) }
        return append(mark: Mark.ip)
      }
      if shape.dots == 2, let status = Self.status(token) {
        if status.subject <= 7, foundStatus == nil || foundStatus?.kind == 2 { foundStatus = status }
        return
      }
    }
    if token.count >= 4, let (code, rest) = codeInFront(token) {
      take(code: code, before: token, line)
      return classify(rest, quoted: false, line)
    }
    if shape.isNumeric, shape.dots == 0, token.count == 3 {
      take(code: token.reduce(0) { $0 * 10 + Int($1 - 0x30) }, before: token, line)
    }
    if quoted { return append(mark: Mark.name) }
    if token.first == UInt8(ascii: "/") || token.first == UInt8(ascii: "\\") || shape.slashes > 2 {
      return append(mark: Mark.name)
    }
    if shape.slashes == 0, shape.isHost || isKnownName(token) {
      bytes += [Mark.host, UInt8(ascii: ".")]
      bytes += token.prefix(256).map(Self.lowered)
      bytes.append(Mark.host)
      bytes.append(0x20)
      return
    }
    words(token)
  }

  /// `550-5.1.1`, `550-Sorry`: the code of a line that goes on.
  private func codeInFront(_ token: ArraySlice<UInt8>) -> (Int, ArraySlice<UInt8>)? {
    guard token[token.startIndex + 3] == UInt8(ascii: "-"), token.prefix(3).allSatisfy(Self.isDigit), token.count > 4
    else { return nil }
    let code = token.prefix(3).reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard (200..<600).contains(code) else { return nil }
    return (code, token.dropFirst(4))
  }

  /// A number is a code when it begins the reply, or begins what somebody quotes of one.
  private mutating func take(code: Int, before token: ArraySlice<UInt8>, _ line: ArraySlice<UInt8>) {
    guard foundCode == nil, (400..<560).contains(code) || [570, 571, 577, 590, 591].contains(code) else { return }
    var place = token.startIndex
    while place > line.startIndex, line[place - 1] == 0x20 { place -= 1 }
    guard place > line.startIndex else {
      foundCode = code
      return
    }
    switch line[place - 1] {
    case UInt8(ascii: ":"), UInt8(ascii: "<"), UInt8(ascii: "["), UInt8(ascii: "'"), UInt8(ascii: "\""),
      UInt8(ascii: "("), UInt8(ascii: ">"), UInt8(ascii: ";"), UInt8(ascii: "="):
      foundCode = code
    default:
      // «because of 550 5.1.1», «ResponseCode 421», «220-name 421 4.2.1»
      let after = line[token.endIndex...].drop { $0 == 0x20 }.prefix(2)
      let status = after.count == 2 && (after.first == 0x34 || after.first == 0x35) && after.last == UInt8(ascii: ".")
      let word = String(decoding: line[..<place].suffix(8).map { $0 | 0x20 }, as: UTF8.self)
      if status || ["code", "said", "error", "returned", "response", "status", "reply"].contains(where: word.hasSuffix)
      {
        foundCode = code
      }
    }
  }

  /// `5.1.1`, without the detour of a string.
  private static func status(_ token: ArraySlice<UInt8>) -> EnhancedStatus? {
    var numbers: [UInt16] = [0, 0, 0]
    var (part, digits) = (0, 0)
    for byte in token {
      if byte == UInt8(ascii: ".") {
        if digits == 0 { return nil }
        (part, digits) = (part + 1, 0)
      } else {
        numbers[part] = numbers[part] * 10 + UInt16(byte - 0x30)
        digits += 1
        if digits > 3 { return nil }
      }
    }
    guard digits > 0, numbers[0] == 2 || numbers[0] == 4 || numbers[0] == 5 else { return nil }
    return EnhancedStatus(UInt8(numbers[0]), numbers[1], numbers[2])
  }

  private func isKnownName(_ token: ArraySlice<UInt8>) -> Bool {
    !knownNames.isEmpty
      && knownNames.contains { $0.count == token.count && $0.elementsEqual(token.lazy.map(Self.lowered)) }
  }

  /// Letters and digits; apostrophes vanish («doesnt»), everything else separates.
  private mutating func words(_ token: ArraySlice<UInt8>) {
    var start = bytes.count
    for byte in token {
      if Self.isLetter(byte) || Self.isDigit(byte) {
        bytes.append(Self.lowered(byte))
      } else if byte != UInt8(ascii: "'"), bytes.count > start {
        // «e-mail» is one word.
        if byte == UInt8(ascii: "-"), bytes.count == start + 1, bytes[start] == UInt8(ascii: "e") { continue }
        bytes.append(0x20)
        start = bytes.count
      }
    }
    if bytes.last != 0x20 { bytes.append(0x20) }
  }
}

/// What a token consists of.
private struct TokenShape {
  var hasAt = false
  var dots = 0
  var slashes = 0
  /// Digits and dots only.
  var isNumeric = true
  /// A domain name: labels, the last one of letters.
  var isHost = false

  init(_ token: ArraySlice<UInt8>) {
    var lastDot = token.startIndex
    var isName = true
    var previous: UInt8 = 0
    for place in token.indices {
      let byte = token[place]
      if byte == UInt8(ascii: ".") {
        dots += 1
        if previous == UInt8(ascii: ".") { isName = false }
        lastDot = place
      } else if !Wording.isDigit(byte) {
        isNumeric = false
        if byte == UInt8(ascii: "@") { hasAt = true }
        if byte == UInt8(ascii: "/") { slashes += 1 }
        if !Wording.isLetter(byte) && byte != UInt8(ascii: "-") && byte != UInt8(ascii: "_") { isName = false }
      }
      previous = byte
    }
    guard dots > 0, isName, !isNumeric else { return }
    let top = token[(lastDot + 1)...]
    let before = token[..<lastDot].last ?? 0
    guard top.count >= 2, top.allSatisfy({ Wording.isLetter($0) || $0 == UInt8(ascii: "-") }) else { return }
    // «is full.Please try»: two sentences. «RESOLVER.ADR.RecipNotFound»: a programmer's name.
    let isCapital = top.first.map { (0x41...0x5A).contains($0) } ?? false
    let hasSmall = top.contains { (0x61...0x7A).contains($0) }
    let smallBefore = (0x61...0x7A).contains(before)
    isHost = !(isCapital && (hasSmall || smallBefore))
  }
}
