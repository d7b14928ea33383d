/// An octet that may only be half of a CRLF and stood alone.
package enum BareOctet: Sendable, Hashable {
  case cr, lf
  package var name: String { self == .cr ? "CR" : "LF" }
}

/// Cuts the client's octets into command lines (RFC 5321 §2.3.8).
///
/// Only CRLF ends a line. A line with a bare CR or LF in it is never executed: the fault is reported when the
/// octet is seen (a client that ends its lines with LF would otherwise wait for ever), and the line is thrown
/// away up to its CRLF, so that no two readings of one line exist. The result does not depend on how the
/// octets are split.
package struct CommandLineDecoder {
  package enum Outcome: Sendable, Hashable {
    /// A line without its CRLF.
    case line([UInt8])
    case bare(BareOctet)
    case tooLong
  }

  private var line: [UInt8] = []
  private var sawCR = false
  /// The line has been reported as faulty and is skipped.
  private var isBroken = false

  package init() {}

  /// Whether a line has begun.
  package var isEmpty: Bool { line.isEmpty && !sawCR && !isBroken }

  /// Takes octets up to the first thing worth reporting.
  /// - Returns: how many octets were taken (all of them if there is no outcome).
  package mutating func decode(
    _ input: UnsafeRawBufferPointer, lengthMax: Int
  ) -> (consumed: Int, outcome: Outcome?) {
    var position = 0
    while position < input.count {
      if sawCR {
        sawCR = false
        guard input[position] == Octet.lf else {
          if let outcome = breakLine(.bare(.cr)) { return (position, outcome) }
          continue
        }
        position += 1
        if let finished = finishLine() { return (position, finished) }
        continue
      }
      // In pieces: a flood of CRs must not have the rest searched for LF once for each of them.
      let window = min(position + 512, input.count)
      let lf = input.firstIndex(of: Octet.lf, in: position..<window) ?? window
      let end = input.firstIndex(of: Octet.cr, in: position..<lf) ?? lf
      // The octet at `end` stays, so that a line too long is reported alike however the input is split.
      if append(input.part(position..<end), lengthMax: lengthMax) { return (end, breakLine(.tooLong)) }
      position = end
      guard end < window else { continue }
      position += 1
      if input[end] == Octet.cr {
        sawCR = true
      } else {
        // Every bare LF is answered, also in a line that is broken already: to its client it is a line's end.
        _ = breakLine(.bare(.lf))
        return (position, .bare(.lf))
      }
    }
    return (position, nil)
  }

  /// - Returns: whether the line is longer than allowed, for the first time.
  private mutating func append(_ part: UnsafeRawBufferPointer, lengthMax: Int) -> Bool {
    guard !isBroken else { return false }
    guard line.count + part.count <= lengthMax else { return true }
    line.append(contentsOf: part)
    return false
  }

  private mutating func breakLine(_ outcome: Outcome) -> Outcome? {
    defer {
      isBroken = true
      line = []
    }
    return isBroken ? nil : outcome
  }

  private mutating func finishLine() -> Outcome? {
    defer {
      line = []
      isBroken = false
    }
    return isBroken ? nil : .line(line)
  }
}
