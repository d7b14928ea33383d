import NIOConcurrencyHelpers
import NIOCore
import SMTPClient

/// A message that comes in blocks of a few bytes, as a large one would come from the database.
struct BlockContent: ContentSource {
  let buffer: ByteBuffer
  var blockSize = 7
  /// Fails after so many blocks.
  var failsAfter = Int.max

  init(_ buffer: ByteBuffer, blockSize: Int = 7, failsAfter: Int = .max) {
    self.buffer = buffer
    self.blockSize = blockSize
    self.failsAfter = failsAfter
  }

  var immediate: ByteBuffer? { nil }
  func makeReader() -> any ContentReader { Reader(rest: buffer, blockSize: blockSize, blocksLeft: failsAfter) }

  struct Unreadable: Error {}

  private final class Reader: ContentReader {
    var rest: ByteBuffer
    let blockSize: Int
    var blocksLeft: Int

    init(rest: ByteBuffer, blockSize: Int, blocksLeft: Int) {
      (self.rest, self.blockSize, self.blocksLeft) = (rest, blockSize, blocksLeft)
    }

    func next() throws -> ByteBuffer? {
      guard blocksLeft > 0 else { throw Unreadable() }
      blocksLeft -= 1
      let size = min(blockSize, rest.readableBytes)
      return size == 0 ? nil : rest.readSlice(length: size)
    }
  }
}

/// A claim that holds for so many questions.
final class Claim: Sendable {
  private let left: NIOLockedValueBox<Int>
  init(answers: Int) { left = NIOLockedValueBox(answers) }

  func holds() -> Bool {
    left.withLockedValue { left in
      left -= 1
      return left >= 0
    }
  }
}
