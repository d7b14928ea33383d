internal import MailQueue
internal import NIOCore
internal import Postgres
internal import SMTPClient

/// A body that is read from the database chunk by chunk while it is sent: memory holds one chunk at a time.
struct StoredContent: ContentSource {
  let message: ClaimedMessage
  let store: BodyStore
  let pool: PostgresPool

  var immediate: ByteBuffer? { nil }

  func makeReader() async throws -> any ContentReader { Reader(source: self) }

  private final class Reader: ContentReader {
    private let source: StoredContent
    private var next = 0

    init(source: StoredContent) { self.source = source }

    func next() async throws -> ByteBuffer? {
      guard next < source.message.chunkCount else { return nil }
      let number = next
      next += 1
      let (store, message) = (source.store, source.message)
      return ByteBuffer(
        bytes: try await source.pool.run(writes: false) { try store.readChunk(number, of: message, $0) })
    }
  }
}
