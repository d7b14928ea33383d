import MailQueue
import NIOCore
import NIOPosix

/// A message piece by piece, each read when the one before has gone: however large it is, one piece is in memory.
struct ContentPieces: AsyncSequence, Sendable {
  static let pieceSize = 64 * 1024

  let content: MessageContent
  /// Where reading a file may block.
  let threads: NIOThreadPool

  func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }

  struct Iterator: AsyncIteratorProtocol {
    let pieces: ContentPieces
    private var offset = 0

    init(pieces: ContentPieces) { self.pieces = pieces }

    /// - Throws: `ScannerFailure.unreadable` when the file cannot be read.
    mutating func next() async throws -> ByteBuffer? {
      let count = Swift.min(ContentPieces.pieceSize, pieces.content.size - offset)
      guard count > 0 else { return nil }
      defer { offset += count }
      switch pieces.content {
      case .memory(let buffer):
        return buffer.getSlice(at: buffer.readerIndex + offset, length: count)
      case .spilled:
        do {
          return try await pieces.threads.runIfActive { [content = pieces.content, offset] in
            ByteBuffer(bytes: try content.read(at: offset, count: count))
          }
        } catch let failure as SpillFailure {
          throw ScannerFailure.unreadable(failure.description)
        }
      }
    }
  }
}
