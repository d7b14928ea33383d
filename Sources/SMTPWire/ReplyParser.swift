package import MailModel

/// Why a server's bytes are not a reply.
package enum ReplyFault: Error, Sendable, Hashable {
  case lineTooLong
  case tooManyLines
  case notAReply
  case codesDiffer

  package var explanation: String {
    switch self {
    case .lineTooLong: "a reply line is too long"
    case .tooManyLines: "a reply is too long"
    case .notAReply: "what was sent is not an SMTP reply"
    case .codesDiffer: "the lines of one reply carry different codes"
    }
  }
}

/// Makes replies of what a server sends (RFC 5321 §4.2.1), one after the other.
///
/// Tolerant where real servers are careless: a bare LF ends a line, the text and the space before it may be
/// missing, lines may be longer than 512 bytes. Strict where a guess could report mail as delivered: the code has
/// three digits, the first of them 2...5, and all lines of a reply have the same. Memory is bounded whatever arrives.
package struct ReplyParser: Sendable {
  /// RFC 5321 §4.5.3.1.5 says 512; servers exceed it.
  package static let lineSizeMax = 4096
  package static let replySizeMax = 64 * 1024
  package static let linesMax = 512

  private var buffer: [UInt8] = []
  private var start = 0
  /// Bytes from `start` on in which there is no line feed.
  private var searched = 0
  private var code = 0
  private var lines: [[UInt8]] = []
  private var size = 0

  package init() {}

  /// Nothing waits in the parser: neither an unread byte nor half a reply.
  package var isEmpty: Bool { start == buffer.count && lines.isEmpty }

  package mutating func append(_ bytes: some Sequence<UInt8>) {
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next complete reply; nil: more bytes are needed. After a fault the connection is of no more use.
  package mutating func next() throws(ReplyFault) -> Reply? {
    while let line = try nextLine() {
      let isLast = try take(line)
      if isLast { return finish() }
    }
    return nil
  }

  private mutating func nextLine() throws(ReplyFault) -> ArraySlice<UInt8>? {
    guard let end = buffer[(start + searched)...].firstIndex(of: 10) else {
      searched = buffer.count - start
      if searched > Self.lineSizeMax { throw .lineTooLong }
      return nil
    }
    guard end - start <= Self.lineSizeMax else { throw .lineTooLong }
    defer { (start, searched) = (end + 1, 0) }
    let line = buffer[start..<end]
    return line.last == 13 ? line.dropLast() : line
  }

  /// - Returns: whether this was the reply's last line.
  private mutating func take(_ line: ArraySlice<UInt8>) throws(ReplyFault) -> Bool {
    let digits = line.prefix(3)
    guard digits.count == 3, digits.allSatisfy({ (48...57).contains($0) }) else { throw .notAReply }
    let number = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    guard (200..<600).contains(number) else { throw .notAReply }
    let separator = line.dropFirst(3).first
    guard separator == nil || separator == UInt8(ascii: " ") || separator == UInt8(ascii: "-") else { throw .notAReply }
    if lines.isEmpty { code = number } else if code != number { throw .codesDiffer }
    size += line.count
    guard lines.count < Self.linesMax, size <= Self.replySizeMax else { throw .tooManyLines }
    lines.append(Array(line.dropFirst(4)))
    return separator != UInt8(ascii: "-")
  }

  private mutating func finish() -> Reply {
    defer { (lines, size) = ([], 0) }
    guard let enhanced = Self.enhancedStatus(of: lines[0], code: code) else {
      return Reply(code: code, enhanced: nil, lines: lines)
    }
    // RFC 2034 §4: every line has it. Those that lack it keep their text whole.
    let cut = lines.map { Self.enhancedStatus(of: $0, code: code) == enhanced ? Self.withoutFirstWord($0) : $0 }
    return Reply(code: code, enhanced: enhanced, lines: cut)
  }

  /// The enhanced code in front of a line's text; its class must be the reply's (RFC 2034 §4).
  private static func enhancedStatus(of text: [UInt8], code: Int) -> EnhancedStatus? {
    let word = text.prefix { $0 != 32 }
    guard (5...11).contains(word.count), let status = EnhancedStatus(String(decoding: word, as: UTF8.self)),
      Int(status.kind) == code / 100
    else { return nil }
    return status
  }

  private static func withoutFirstWord(_ text: [UInt8]) -> [UInt8] {
    Array(text.drop { $0 != 32 }.drop { $0 == 32 })
  }
}
