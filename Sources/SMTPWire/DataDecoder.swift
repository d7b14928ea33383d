/// Why the content of a message is refused.
package enum ContentFault: Sendable, Hashable {
  case bare(BareOctet)
  case lineTooLong
  case tooLarge
}

/// The content of one message, from the octets after DATA or in BDAT chunks (RFC 5321 §4.1.1.4, RFC 3030).
///
/// Only `CRLF . CRLF` ends DATA, and a CR or LF that is not part of a CRLF is a fault wherever it stands:
/// no receiver, however it reads lines, can then find another end in what we pass on. After a fault nothing
/// more is passed on, and the rest is skipped. What a sloppy reader would take for an end (`LF . LF` and its
/// kin) then ends the connection: whoever wrote it waits for our reply or has meant to smuggle.
///
/// Octets are passed on in the largest runs that need no change; the result does not depend on how the input
/// is split.
package struct DataDecoder {
  package struct Limits: Sendable, Hashable {
    /// Octets of a line without its CRLF and without the transparency dot (RFC 5321 §4.5.3.1.6).
    package var lineLengthMax: Int
    package var sizeMax: Int

    package init(lineLengthMax: Int, sizeMax: Int) {
      self.lineLengthMax = lineLengthMax
      self.sizeMax = sizeMax
    }
  }

  package enum Outcome: Sendable, Hashable {
    /// Reported once; nothing is passed on any more.
    case fault(ContentFault)
    /// The end of DATA.
    case end
    /// Only after a fault: something that another server might have taken for the end.
    case irregularEnd
  }

  private enum Position {
    case lineStart, inLine, afterCR, afterDot, afterDotCR
  }

  private let limits: Limits
  /// Whether dots are doubled and the content ends with one (DATA), or its length is known (BDAT).
  private let isDotTerminated: Bool
  private var position = Position.lineStart
  private var lineLength = 0
  /// Takes over when a bare CR or LF was seen.
  private var skipper: FaultyDataSkipper?
  /// Octets passed on.
  package private(set) var size = 0
  package private(set) var holdsEightBit = false
  /// The line that is being taken, counted from 1; at a fault, where it is.
  package private(set) var line = 1
  package private(set) var fault: ContentFault?

  package init(limits: Limits, isDotTerminated: Bool) {
    self.limits = limits
    self.isDotTerminated = isDotTerminated
  }

  /// Takes octets up to the first outcome.
  /// - Parameter content: is given the decoded octets, in order; the buffer is valid during the call only.
  /// - Returns: how many octets were taken (all of them if there is no outcome).
  package mutating func decode(
    _ input: UnsafeRawBufferPointer, content: (UnsafeRawBufferPointer) -> Void
  ) -> (consumed: Int, outcome: Outcome?) {
    if fault != nil, !isDotTerminated { return (input.count, nil) }
    var at = 0
    while at < input.count {
      if skipper != nil { return skip(input, from: at) }
      let hadFault = fault != nil
      var outcome: Outcome?
      switch position {
      case .lineStart, .inLine:
        let run = scan(input, from: at)
        pass(input.part(at..<run.end), content)
        outcome = stop(run.stop)
        at = run.stop.isTaken ? run.end + 1 : run.end
      case .afterCR, .afterDotCR, .afterDot:
        outcome = resume(with: input[at], &at, content)
      }
      if let fault, !hadFault { return (at, .fault(fault)) }
      if outcome == .end { return (at, .end) }
    }
    return (at, nil)
  }

  /// Ends content of known length (BDAT LAST). A last line without CRLF gets one: DATA, by which the message
  /// leaves, could not transport it otherwise.
  package mutating func finish(content: (UnsafeRawBufferPointer) -> Void) -> ContentFault? {
    if position == .afterCR { fail(.bare(.cr)) }
    if position == .inLine { passLineEnd(content) }
    return fault
  }
}

extension DataDecoder {
  /// Why a run of unchanged content ended.
  private enum Stop: Hashable {
    case inputEnd
    /// A dot at the start of a line, not passed on.
    case dot
    /// A CR at the end of the input: it must wait for what follows.
    case heldCR
    case bareCR
    case bareLF
    case lineTooLong

    /// Whether the octet at the stop has been dealt with.
    var isTaken: Bool { self == .dot || self == .heldCR || self == .bareLF }
  }

  /// Goes over whole lines for as long as they can be passed on as they are.
  private mutating func scan(_ input: UnsafeRawBufferPointer, from start: Int) -> (end: Int, stop: Stop) {
    var at = start
    while at < input.count {
      if isDotTerminated, position == .lineStart, input[at] == Octet.dot { return (at, .dot) }
      let lf = input.firstIndex(of: Octet.lf, in: at..<input.count)
      let end = lf ?? input.count
      let cr = input.firstIndex(of: Octet.cr, in: at..<end)
      lineLength += (cr ?? end) - at
      if (cr ?? end) > at { position = .inLine }
      if lineLength > limits.lineLengthMax, fault == nil { return (cr ?? end, .lineTooLong) }
      guard let cr else { return lf == nil ? (end, .inputEnd) : (end, .bareLF) }
      guard let lf, lf == cr + 1 else { return cr + 1 == input.count ? (cr, .heldCR) : (cr, .bareCR) }
      position = .lineStart
      lineLength = 0
      if fault == nil { line += 1 }
      at = lf + 1
    }
    return (at, .inputEnd)
  }

  private mutating func stop(_ stop: Stop) -> Outcome? {
    switch stop {
    case .inputEnd: break
    case .dot: position = .afterDot
    case .heldCR: position = .afterCR
    case .bareLF: failBare(.lf, .lineStart(isProper: false))
    case .bareCR: failBare(.cr, .text)
    case .lineTooLong:
      lineLength = 0
      fail(.lineTooLong)
    }
    return nil
  }

  /// Decides about a CR or a dot whose meaning hung on this octet.
  private mutating func resume(
    with byte: UInt8, _ at: inout Int, _ content: (UnsafeRawBufferPointer) -> Void
  ) -> Outcome? {
    switch (position, byte) {
    case (.afterCR, Octet.lf):
      at += 1
      passLineEnd(content)
    case (.afterCR, _):
      failBare(.cr, .afterCR)
    case (.afterDotCR, Octet.lf):
      at += 1
      return .end
    case (.afterDotCR, _):
      failBare(.cr, .afterDotCR(isProper: true))
    case (_, Octet.cr):
      at += 1
      position = .afterDotCR
    case (_, Octet.lf):
      failBare(.lf, .afterDot(isProper: true))
    default:
      position = .inLine
    }
    return nil
  }

  private mutating func passLineEnd(_ content: (UnsafeRawBufferPointer) -> Void) {
    position = .lineStart
    lineLength = 0
    if fault == nil { line += 1 }
    withUnsafeBytes(of: (Octet.cr, Octet.lf)) { pass($0, content) }
  }

  private mutating func pass(_ part: UnsafeRawBufferPointer, _ content: (UnsafeRawBufferPointer) -> Void) {
    guard fault == nil, !part.isEmpty else { return }
    size += part.count
    guard size <= limits.sizeMax else { return fail(.tooLarge) }
    if !holdsEightBit { holdsEightBit = part.holdsEightBit }
    content(part)
  }

  private mutating func fail(_ new: ContentFault) {
    if fault == nil { fault = new }
  }

  private mutating func failBare(_ octet: BareOctet, _ position: FaultyDataSkipper.Position) {
    fail(.bare(octet))
    if isDotTerminated { skipper = FaultyDataSkipper(position: position) }
  }

  private mutating func skip(_ input: UnsafeRawBufferPointer, from start: Int) -> (consumed: Int, outcome: Outcome?) {
    for at in start..<input.count {
      switch skipper?.take(input[at]) {
      case .proper?: return (at + 1, .end)
      case .irregular?: return (at + 1, .irregularEnd)
      case nil: break
      }
    }
    return (input.count, nil)
  }
}

/// Looks for the end of content that is refused already, and for what a sloppy reader would call its end.
struct FaultyDataSkipper {
  enum Position {
    case text
    case afterCR
    /// Proper is a line that a CRLF began, as against a bare CR or LF.
    case lineStart(isProper: Bool)
    case afterDot(isProper: Bool)
    case afterDotCR(isProper: Bool)
  }

  enum End { case proper, irregular }

  var position: Position

  mutating func take(_ byte: UInt8) -> End? {
    switch (position, byte) {
    case (.afterDotCR(let isProper), _):
      return isProper && byte == Octet.lf ? .proper : .irregular
    case (.afterDot, Octet.lf):
      return .irregular
    case (.afterDot(let isProper), Octet.cr):
      position = .afterDotCR(isProper: isProper)
    case (.afterCR, Octet.lf):
      position = .lineStart(isProper: true)
    case (_, Octet.cr):
      position = .afterCR
    case (_, Octet.lf):
      position = .lineStart(isProper: false)
    case (.afterCR, Octet.dot):
      position = .afterDot(isProper: false)
    case (.lineStart(let isProper), Octet.dot):
      position = .afterDot(isProper: isProper)
    default:
      position = .text
    }
    return nil
  }
}
