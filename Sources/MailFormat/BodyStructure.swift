package import MailModel

/// Follows the structure of a body (RFC 2046 §5.1) while it comes in, in pieces that may be cut anywhere.
///
/// A body that is no multipart costs one search for NUL. In a multipart the delimiters are found by their hyphens, and
/// only lines that begin with one, and the headers of parts, are looked at; memory is one such header and the
/// boundaries that are open. Everything comes with CRLF at each line's end.
///
/// With `repair`, forwarded messages are not looked into: they are somebody else's, faults and all.
package struct BodyStructure: Sendable {
  private let mode: CheckMode
  private let limits: StructureLimits
  /// Headers of parts may be UTF-8 (RFC 6532).
  private let allowsUTF8: Bool
  private var levels: [OpenMultipart] = []
  private var partCount = 0
  /// The header of a part or of a message within this one, as far as it has come; nil within text.
  private var header: [UInt8]?
  /// Messages within messages outside of any multipart.
  private var outerMessages = 0
  /// The body that is being read may hold octets above 127, or nobody cares.
  private var allowsEightBit = true
  /// A line that has begun and not ended, and may be a delimiter or belongs to a header.
  private var line: [UInt8]?
  private var isAtLineStart = true
  private var size = 0
  /// What the client is told; nil: all was well so far.
  package private(set) var refusal: Reply?

  init(_ kind: EntityKind, _ mode: CheckMode, allowsUTF8: Bool, _ limits: StructureLimits) {
    self.allowsUTF8 = allowsUTF8
    self.mode = mode
    self.limits = limits
    begin(kind)
  }

  /// Takes the next piece.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard refusal == nil else { return }
    let nul = bytes.first(0, from: 0)
    follow(UnsafeRawBufferPointer(rebasing: bytes[..<(nul ?? bytes.count)]))
    if nul != nil, refusal == nil {
      refusal = Reply(550, EnhancedStatus(5, 6, 0), "The message's body: a NUL character, octet \(size + 1)")
    }
  }

  private mutating func follow(_ bytes: UnsafeRawBufferPointer) {
    size += bytes.count
    var at = 0
    while at < bytes.count, refusal == nil {
      at = line == nil && header == nil ? skipText(bytes, from: at) : takeLine(bytes, from: at)
    }
  }

  /// After the last piece.
  /// - Returns: what is to be put behind the body, which ends in CRLF: closing delimiters.
  package mutating func finish() -> [UInt8] {
    if let line { endLine(line[...]) }
    line = nil
    if refusal == nil { judgeHeader() }
    var tail: [UInt8] = []
    while refusal == nil, let level = levels.last {
      guard check(level) else { break }
      if level.state == .parts { tail += Array("\r\n--".utf8) + level.boundary + Array("--\r\n".utf8) }
      levels.removeLast()
    }
    return refusal == nil ? tail : []
  }
}

extension BodyStructure {
  // MARK: Lines

  /// Passes over text up to a line that begins with a hyphen.
  private mutating func skipText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    if levels.isEmpty {
      checkEightBit(bytes, start..<bytes.count)
      return bytes.count
    }
    var at = start
    while let hyphen = bytes.first(0x2D, from: at) {
      let isFirst = hyphen == 0 ? isAtLineStart : bytes[hyphen - 1] == 0x0A
      if isFirst, hyphen + 1 == bytes.count || bytes[hyphen + 1] == 0x2D {
        checkEightBit(bytes, start..<hyphen)
        line = []
        return hyphen
      }
      at = hyphen + 1
    }
    checkEightBit(bytes, start..<bytes.count)
    isAtLineStart = bytes[bytes.count - 1] == 0x0A
    return bytes.count
  }

  /// Collects the present line up to its end.
  private mutating func takeLine(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let lf = bytes.first(0x0A, from: start)
    let end = lf.map { $0 + 1 } ?? bytes.count
    var whole = line ?? []
    line = nil
    // No delimiter is as long; a header's line counts towards that header's size.
    let most = header == nil ? 1024 : limits.partHeaderSizeMax + 1
    whole += bytes[start..<min(end, start + most - whole.count)]
    isAtLineStart = lf != nil
    if lf != nil || (header != nil && whole.count == most) { endLine(whole[...]) } else { line = whole }
    return end
  }

  /// - Parameter line: whole, or cut where it is too long to be a delimiter.
  private mutating func endLine(_ line: ArraySlice<UInt8>) {
    if line.starts(with: [0x2D, 0x2D]), takeDelimiter(line.dropFirst(2)) || refusal != nil { return }
    guard header != nil else { return line.withUnsafeBytes { checkEightBit($0, 0..<$0.count) } }
    header?.append(contentsOf: line)
    if header?.count ?? 0 > limits.partHeaderSizeMax {
      refuse("its header is larger than \(limits.partHeaderSizeMax) octets")
    } else if line.elementsEqual([0x0D, 0x0A]) {
      judgeHeader()
    }
  }

  private mutating func checkEightBit(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    guard !allowsEightBit, bytes.holdsEightBit(range) else { return }
    refuse("8-bit characters, and Content-Transfer-Encoding does not say so")
  }

  // MARK: Delimiters

  /// - Parameter rest: the line behind its first two hyphens.
  /// - Returns: whether it was one.
  private mutating func takeDelimiter(_ rest: ArraySlice<UInt8>) -> Bool {
    for index in levels.indices.reversed() where rest.starts(with: levels[index].boundary) {
      let tail = rest.dropFirst(levels[index].boundary.count)
      if tail.trimmed.isEmpty {
        open(index)
        return true
      }
      if tail.starts(with: [0x2D, 0x2D]), tail.dropFirst(2).trimmed.isEmpty {
        close(index)
        return true
      }
    }
    if mode == .strict, levels.contains(where: { rest.starts(with: $0.boundary) }) {
      refuse("a line that begins with a boundary and goes on")
    }
    return false
  }

  /// A part begins.
  private mutating func open(_ index: Int) {
    guard leave(index) else { return }
    guard levels[index].state != .epilogue else { return refuse("a part behind the closing delimiter") }
    levels[index].state = .parts
    levels[index].parts += 1
    levels[index].messages = 0
    partCount += 1
    guard partCount <= limits.partsMax else {
      return refuse("the message has more than \(limits.partsMax) parts")
    }
    (header, allowsEightBit) = ([], true)
  }

  private mutating func close(_ index: Int) {
    guard leave(index) else { return }
    if levels[index].state == .epilogue, mode == .strict { return refuse("a second closing delimiter") }
    guard levels[index].parts > 0 else { return refuse("a multipart that has no part") }
    levels[index].state = .epilogue
    (header, allowsEightBit) = (nil, true)
  }

  /// Ends what lies within a level, as one of its delimiters does (RFC 2046 §5.1.2).
  private mutating func leave(_ index: Int) -> Bool {
    judgeHeader()
    while refusal == nil, levels.count > index + 1, let level = levels.last {
      guard check(level) else { break }
      levels.removeLast()
    }
    return refusal == nil
  }

  /// Whether a multipart may end here.
  private mutating func check(_ level: OpenMultipart) -> Bool {
    if level.parts == 0 {
      refuse("a multipart that has no part: no line is --\(shown(level.boundary))")
    } else if level.state == .parts, mode == .strict {
      refuse("a multipart that does not end with --\(shown(level.boundary))--")
    }
    return refusal == nil
  }

  // MARK: Entities

  private mutating func judgeHeader() {
    guard let header else { return }
    self.header = nil
    do throws(EntityFault) {
      begin(try kind(header))
    } catch {
      refuse(error.reason)
    }
  }

  private func kind(_ header: [UInt8]) throws(EntityFault) -> EntityKind {
    if mode == .strict, !allowsUTF8, header.contains(where: { $0 >= 0x80 }) {
      throw EntityFault("its header has characters outside ASCII")
    }
    var fields = EntityFields()
    var scanner = HeaderScanner(header, lineBytesMax: .max)
    while let field = try next(&scanner) { _ = try fields.take(header[field.name], header[field.body], mode) }
    if case .body = scanner.end { throw EntityFault("its header does not end with a blank line") }
    return try fields.kind(mode)
  }

  private func next(_ scanner: inout HeaderScanner) throws(EntityFault) -> HeaderField? {
    do throws(HeaderFault) {
      return try scanner.next()
    } catch {
      throw EntityFault("line \(scanner.line) of its header is not a header field")
    }
  }

  private mutating func begin(_ kind: EntityKind) {
    allowsEightBit = mode != .strict || kind.allowsEightBit
    switch kind.structure {
    case .single: return
    case .message:
      guard mode == .strict else { return }
      if levels.isEmpty { outerMessages += 1 } else { levels[levels.count - 1].messages += 1 }
      (header, allowsEightBit) = ([], true)
    case .multipart(let boundary):
      allowsEightBit = true
      let isAmbiguous = levels.contains {
        $0.boundary == boundary || (mode == .strict && boundary.starts(with: $0.boundary))
      }
      if isAmbiguous { return refuse("its boundary is also that of the multipart around it") }
      levels.append(OpenMultipart(boundary: boundary))
    }
    let depth = outerMessages + levels.reduce(levels.count) { $0 + $1.messages }
    if depth > limits.depthMax { refuse("more than \(limits.depthMax) multiparts and messages within each other") }
  }

  // MARK: Replies

  private func shown(_ boundary: [UInt8]) -> String { String(decoding: boundary, as: UTF8.self) }

  /// Parts are numbered as in IMAP (RFC 3501 §6.4.5).
  private mutating func refuse(_ why: String) {
    guard refusal == nil else { return }
    let numbers = levels.filter { $0.parts > 0 }.map { String($0.parts) }
    let place = numbers.isEmpty ? "The message's body" : "Part \(numbers.joined(separator: "."))"
    refusal = Reply(550, EnhancedStatus(5, 6, 0), "\(place): \(why)")
  }
}
