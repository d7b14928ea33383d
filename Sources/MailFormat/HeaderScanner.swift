package import MailModel

/// Bounds on a header section.
package struct HeaderLimits: Sendable, Hashable {
  /// The whole section with its blank line.
  package var sizeBytesMax: Int
  /// More `Received` fields than this mean a loop (RFC 5321 §6.3).
  package var receivedCountMax: Int
  /// One line without CRLF (RFC 5322 §2.1.1).
  package var lineBytesMax: Int

  package init(sizeBytesMax: Int = 256 * 1024, receivedCountMax: Int = 25, lineBytesMax: Int = 998) {
    self.sizeBytesMax = sizeBytesMax
    self.receivedCountMax = receivedCountMax
    self.lineBytesMax = lineBytesMax
  }
}

/// Why a header section is refused.
package struct HeaderFault: Error, Sendable, Hashable {
  /// What the client is told, complete.
  package let reply: Reply

  package init(_ reply: Reply) { self.reply = reply }

  /// `550 5.6.0` names the line, counted from 1, so that an application's author finds it.
  static func malformed(line: Int, _ why: String) -> HeaderFault {
    HeaderFault(Reply(550, EnhancedStatus(5, 6, 0), "Header line \(line): \(why)"))
  }
}

/// One header field in the bytes that it was found in.
package struct HeaderField: Sendable, Hashable {
  /// The name, without white space and colon.
  package let name: Range<Int>
  /// Everything between the colon and the last CRLF, folding included.
  package let body: Range<Int>
  /// All lines of the field with their CRLFs.
  package let whole: Range<Int>
}

/// Walks over the fields of a header section (RFC 5322 §2.2), once, without copying.
///
/// Strict: lines end in CRLF only, a name is 1*ftext. Of the obsolete syntax (§4.5) it takes white space between
/// name and colon, and continuation lines of nothing but white space: both have one meaning only.
package struct HeaderScanner {
  /// Where the section ended.
  package enum End: Sendable, Hashable {
    /// The blank line starts here.
    case blankLine(Int)
    /// The bytes ended here without a blank line.
    case missing(Int)
    /// There is no blank line, and what starts here is not a header field: the body, glued to the header.
    case body(Int)
  }

  private let bytes: [UInt8]
  private let lineBytesMax: Int
  private let isTerminated: Bool
  private var position = 0
  /// The line that is read next, counted from 1.
  package private(set) var line = 1
  /// Set when `next()` has returned nil.
  package private(set) var end: End?

  package init(_ bytes: [UInt8], lineBytesMax: Int = 998) {
    self.bytes = bytes
    self.lineBytesMax = lineBytesMax
    isTerminated = bytes.starts(with: [0x0D, 0x0A]) || bytes.suffix(4).elementsEqual([0x0D, 0x0A, 0x0D, 0x0A])
  }

  /// The next field, or nil at the end of the section.
  package mutating func next() throws(HeaderFault) -> HeaderField? {
    guard end == nil else { return nil }
    let start = position
    guard start < bytes.count else { return finish(.missing(start)) }
    if bytes[start] == 0x0D, start + 1 < bytes.count, bytes[start + 1] == 0x0A { return finish(.blankLine(start)) }
    guard let (name, colon) = nameAndColon(at: start) else {
      if !isTerminated { return finish(.body(start)) }
      throw .malformed(line: line, isWhite(start) ? "continues a field that is not there" : "not a header field")
    }
    var contentEnd = try endOfLine(from: colon + 1, start: start)
    while position < bytes.count, isWhite(position) { contentEnd = try endOfLine(from: position, start: position) }
    return HeaderField(name: name, body: colon + 1..<contentEnd, whole: start..<position)
  }

  private mutating func finish(_ end: End) -> HeaderField? {
    self.end = end
    return nil
  }

  private func isWhite(_ index: Int) -> Bool { bytes[index] == 0x20 || bytes[index] == 0x09 }

  private func nameAndColon(at start: Int) -> (name: Range<Int>, colon: Int)? {
    var index = start
    while index < bytes.count, (33...126).contains(bytes[index]), bytes[index] != 0x3A { index += 1 }
    let name = start..<index
    while index < bytes.count, isWhite(index) { index += 1 }
    guard !name.isEmpty, index < bytes.count, bytes[index] == 0x3A else { return nil }
    return (name, index)
  }

  /// Moves to the start of the next line and returns where this one's text ends.
  private mutating func endOfLine(from first: Int, start: Int) throws(HeaderFault) -> Int {
    var index = first
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x0D {
        guard index + 1 < bytes.count, bytes[index + 1] == 0x0A else {
          throw .malformed(line: line, "a CR without LF")
        }
        break
      }
      if byte == 0x0A { throw .malformed(line: line, "an LF without CR") }
      if byte == 0 { throw .malformed(line: line, "a NUL character") }
      index += 1
    }
    guard index - start <= lineBytesMax else {
      throw .malformed(line: line, "longer than \(lineBytesMax) bytes")
    }
    position = min(index + 2, bytes.count)
    line += 1
    return index
  }
}

/// Whether bytes are this name, which must be given in lower case. Field names are ASCII and ignore case.
package func isName(_ bytes: ArraySlice<UInt8>, _ lowercase: StaticString) -> Bool {
  guard bytes.count == lowercase.utf8CodeUnitCount else { return false }
  return lowercase.withUTF8Buffer { wanted in
    zip(bytes, wanted).allSatisfy { byte, letter in
      byte == letter || ((0x41...0x5A).contains(byte) && byte | 0x20 == letter)
    }
  }
}

func isName(_ bytes: ArraySlice<UInt8>, _ lowercase: [UInt8]) -> Bool {
  bytes.count == lowercase.count
    && zip(bytes, lowercase).allSatisfy { byte, letter in
      byte == letter || ((0x41...0x5A).contains(byte) && byte | 0x20 == letter)
    }
}

/// Finds the end of the header section in a message that arrives in pieces.
package struct HeaderSectionFinder: Sendable {
  // How much of CRLF CRLF has been seen. A message starts as if a CRLF had just passed.
  private var matched = 2

  package init() {}

  /// Looks at the next piece.
  /// - Returns: how many of its bytes belong to the header section, the blank line included; nil when the
  ///   section goes on. After a result the finder is of no more use.
  package mutating func consume(_ piece: some Collection<UInt8>) -> Int? {
    var count = 0
    for byte in piece {
      count += 1
      if byte == 0x0D {
        matched = matched == 2 ? 3 : 1
      } else if byte == 0x0A, matched == 1 || matched == 3 {
        matched += 1
        if matched == 4 { return count }
      } else {
        matched = 0
      }
    }
    return nil
  }
}
