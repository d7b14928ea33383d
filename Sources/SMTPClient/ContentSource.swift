package import NIOCore

/// A message's bytes: the whole message with CRLF line ends, not dot-stuffed.
///
/// It can be read more than once: for another host, for the recipients that a server wants in a second transaction,
/// to see whether it has 8-bit data.
package protocol ContentSource: Sendable {
  /// The whole message when it is in memory anyway; nil: it is read in blocks.
  var immediate: ByteBuffer? { get }
  /// A new pass from the first byte.
  func makeReader() async throws -> any ContentReader
}

/// One pass over a message. Used by one task at a time.
package protocol ContentReader: AnyObject {
  /// The next block (some hundred kilobytes at most); nil at the end.
  func next() async throws -> ByteBuffer?
}

/// A message in memory.
package struct MemoryContent: ContentSource {
  package let buffer: ByteBuffer

  package init(_ buffer: ByteBuffer) {
    self.buffer = buffer
  }

  package var immediate: ByteBuffer? { buffer }

  package func makeReader() -> any ContentReader { MemoryReader(buffer) }
}

private final class MemoryReader: ContentReader {
  private var rest: ByteBuffer?
  init(_ buffer: ByteBuffer) { rest = buffer }

  func next() -> ByteBuffer? {
    defer { rest = nil }
    return rest
  }
}
