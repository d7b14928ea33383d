package import MailModel

/// Makes the header section of a submitted message ready to travel (RFC 6409 §8).
///
/// In front comes a `Received` field; `Date`, `Message-ID` and `From` are added at the end when they are missing; `Bcc`,
/// `Resent-Bcc` and `Return-Path` go with their continuation lines. Every other byte stays as it was.
/// - Parameters:
///   - header: the header section with its blank line; or the whole message when it has no blank line. Then one is
///     put in: at the end, or before the first line that is no header field.
///   - messageIDDomain: the right side of a new Message-ID; the left side is the queue id.
///   - author: whom a `From` field names that is put in when there is none; nil: none is.
///   - unwanted: names in lower case of further fields that go, because only the node says such things.
///   - look: sees each field as it was, in order.
/// - Throws: the reply for the client: 552 5.3.4 too large, 554 5.4.6 a loop, 550 5.6.0 malformed.
package func rewriteSubmissionHeader(
  _ header: [UInt8], received: ReceivedFacts, messageIDDomain: String, limits: HeaderLimits = HeaderLimits(),
  author: MailAddress? = nil, without unwanted: [[UInt8]] = [], look: (SubmittedField) -> Void = { _ in }
) throws(HeaderFault) -> [UInt8] {
  var judge = HeaderJudge(.pass, allowsUTF8: true)
  return try rewriteSubmissionHeader(
    header, received: received, messageIDDomain: messageIDDomain, limits: limits, author: author, without: unwanted,
    judge: &judge, look: look)
}

/// The same for a header that is judged at the same time.
/// - Parameter judge: decides about each field; afterwards it knows how the body is to be read.
package func rewriteSubmissionHeader(
  _ header: [UInt8], received: ReceivedFacts, messageIDDomain: String, limits: HeaderLimits,
  author: MailAddress? = nil, without unwanted: [[UInt8]] = [], judge: inout HeaderJudge,
  look: (SubmittedField) -> Void = { _ in }
) throws(HeaderFault) -> [UInt8] {
  guard header.count <= limits.sizeBytesMax else {
    throw HeaderFault(
      Reply(552, EnhancedStatus(5, 3, 4), "The message header is larger than \(limits.sizeBytesMax) bytes"))
  }
  var rewritten = SubmissionHeader(header, received: received, limits: limits)
  try rewritten.copyFields(without: unwanted, &judge, look)
  let additions = try judge.finish(rewritten.scanner.end, of: header.count, line: rewritten.scanner.line)
  rewritten.finish(
    date: received.date, messageID: "<\(received.queueID)@\(messageIDDomain)>", author: author, additions)
  return rewritten.output
}

/// A field of a submitted message, as the client wrote it.
package struct SubmittedField {
  package let name: ArraySlice<UInt8>
  /// What stands behind the colon, folds included, without the last CRLF.
  package let body: ArraySlice<UInt8>
  /// There is no white space before the colon.
  package let isPlain: Bool
}

private struct SubmissionHeader {
  private let header: [UInt8]
  private let limits: HeaderLimits
  private(set) var output: [UInt8]
  private(set) var scanner: HeaderScanner
  /// Input before this is in `output` or was removed.
  private var copied = 0
  private var receivedCount = 0
  private var hasDate = false
  private var hasMessageID = false
  private var hasFrom = false

  init(_ header: [UInt8], received: ReceivedFacts, limits: HeaderLimits) {
    self.header = header
    self.limits = limits
    scanner = HeaderScanner(header, lineBytesMax: limits.lineBytesMax)
    output = Array(received.field.utf8)
    output.reserveCapacity(output.count + header.count + 192)
  }

  mutating func copyFields(
    without unwanted: [[UInt8]], _ judge: inout HeaderJudge, _ look: (SubmittedField) -> Void
  ) throws(HeaderFault) {
    while true {
      let line = scanner.line
      guard let field = try scanner.next() else { return }
      let name = header[field.name]
      look(
        SubmittedField(
          name: name, body: header[field.body], isPlain: field.name.upperBound + 1 == field.body.lowerBound))
      switch name.count {
      case 3 where isName(name, "bcc"), 10 where isName(name, "resent-bcc"), 11 where isName(name, "return-path"):
        replace(field, by: [])
        continue
      case 4 where isName(name, "date"): hasDate = true
      case 4 where isName(name, "from"): hasFrom = true
      case 8 where isName(name, "received"): try countReceived()
      case 10 where isName(name, "message-id"): hasMessageID = true
      default:
        if unwanted.contains(where: { isName(name, $0) }) {
          replace(field, by: [])
          continue
        }
      }
      switch try judge.take(field, of: header, line: line) {
      case .keep: break
      case .remove: replace(field, by: [])
      case .replace(let new): replace(field, by: new)
      }
    }
  }

  private mutating func replace(_ field: HeaderField, by new: [UInt8]) {
    output += header[copied..<field.whole.lowerBound]
    output += new
    copied = field.whole.upperBound
  }

  private mutating func countReceived() throws(HeaderFault) {
    receivedCount += 1
    guard receivedCount <= limits.receivedCountMax else {
      throw HeaderFault(
        Reply(
          554, EnhancedStatus(5, 4, 6),
          "More than \(limits.receivedCountMax) Received fields: the message seems to be in a loop"))
    }
  }

  mutating func finish(date: Int64, messageID: String, author: MailAddress?, _ additions: [UInt8]) {
    let fieldsEnd: Int
    var rest = header.count
    switch scanner.end {
    case .blankLine(let start): (fieldsEnd, rest) = (start, start + 2)
    case .body(let start): (fieldsEnd, rest) = (start, start)
    case .missing(let end): fieldsEnd = end
    case nil: fieldsEnd = header.count
    }
    if fieldsEnd > copied { output += header[copied..<fieldsEnd] }
    if !output.suffix(2).elementsEqual([0x0D, 0x0A]) { output += [0x0D, 0x0A] }
    if !hasDate { output += Array("Date: \(MailDate.text(date))\r\n".utf8) }
    if !hasMessageID { output += Array("Message-ID: \(messageID)\r\n".utf8) }
    if let author, !hasFrom { output += Array("From: <\(author)>\r\n".utf8) }
    output += additions
    output += [0x0D, 0x0A]
    output += header[rest...]
  }
}
