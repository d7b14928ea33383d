#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Makes a message transparent for DATA (RFC 5321 §4.5.2), block by block.
///
/// Lines are found with `memchr`, and what lies between two leading dots is handed on as one piece. Where lines and
/// blocks are cut does not matter.
package struct ClientDotStuffing: Sendable {
  private var last: UInt8 = 10
  private var beforeLast: UInt8 = 13

  package init() {}

  /// What has to follow the content: the missing end of the last line, if any, and the final dot.
  package var end: [UInt8] {
    let isComplete = last == 10 && beforeLast == 13
    return Array((isComplete ? ".\r\n" : "\r\n.\r\n").utf8)
  }

  /// Whether the block may go out as it is. If so, it counts as sent; if not, `encode` it.
  package mutating func passes(_ block: UnsafeRawBufferPointer) -> Bool {
    guard Self.firstDot(in: block, from: 0, atLineStart: last == 10) == nil else { return false }
    advance(block)
    return true
  }

  /// Hands the stuffed block on in pieces.
  package mutating func encode(_ block: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void) {
    var start = 0
    var atLineStart = last == 10
    let dot: [UInt8] = [UInt8(ascii: ".")]
    while let found = Self.firstDot(in: block, from: start, atLineStart: atLineStart) {
      // The piece up to the dot, then one more dot; the dot itself begins the next piece.
      if found > start { emit(UnsafeRawBufferPointer(rebasing: block[start..<found])) }
      dot.withUnsafeBytes(emit)
      start = found
      atLineStart = false
    }
    if start < block.count { emit(UnsafeRawBufferPointer(rebasing: block[start...])) }
    advance(block)
  }

  private mutating func advance(_ block: UnsafeRawBufferPointer) {
    guard let final = block.last else { return }
    beforeLast = block.count > 1 ? block[block.count - 2] : last
    last = final
  }

  /// The first dot that begins a line, at or behind `start`.
  private static func firstDot(in block: UnsafeRawBufferPointer, from start: Int, atLineStart: Bool) -> Int? {
    guard let base = block.baseAddress, start < block.count else { return nil }
    if atLineStart, block[start] == UInt8(ascii: ".") { return start }
    var position = start
    while let found = memchr(base + position, 10, block.count - position) {
      position = UnsafeRawPointer(found) - base + 1
      guard position < block.count else { return nil }
      if block[position] == UInt8(ascii: ".") { return position }
    }
    return nil
  }
}
