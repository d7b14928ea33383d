internal import Glibc
package import NIOCore

/// A whole message as it goes on the wire later: rewritten header, CRLF line ends, no dot-stuffing.
package enum MessageContent: Sendable {
  case memory(ByteBuffer)
  case spilled(SpillFile)

  package var size: Int {
    switch self {
    case .memory(let buffer): buffer.readableBytes
    case .spilled(let file): file.size
    }
  }

  /// The same message with `bytes` in front of it.
  package func prefixed(by bytes: [UInt8]) -> MessageContent {
    guard !bytes.isEmpty else { return self }
    switch self {
    case .memory(var buffer):
      var whole = ByteBuffer()
      whole.reserveCapacity(bytes.count + buffer.readableBytes)
      whole.writeBytes(bytes)
      whole.writeBuffer(&buffer)
      return .memory(whole)
    case .spilled(let file):
      file.prepend(bytes)
      return self
    }
  }

  /// Copies `count` bytes from `offset` on. Blocks for a spilled message.
  package func read(at offset: Int, count: Int) throws -> [UInt8] {
    switch self {
    case .memory(let buffer): buffer.getBytes(at: buffer.readerIndex + offset, length: count) ?? []
    case .spilled(let file): try file.read(at: offset, count: count)
    }
  }
}

/// A message too large for memory, in a file without a name: it is gone with its last descriptor, whatever dies.
///
/// One writer at a time; `read` may follow once writing has ended. Calls block: keep them off event loops.
package final class SpillFile: @unchecked Sendable {
  // The acceptor's session writes, hands the file over, and the queue reads: never both at once.
  private let descriptor: Int32
  /// In memory: it comes last and belongs in front.
  private var prefix: [UInt8] = []
  private var fileSize = 0

  package var size: Int { prefix.count + fileSize }

  /// - Parameter directory: on a file system that knows O_TMPFILE (ext4, xfs, tmpfs, btrfs).
  package init(directory: String) throws(SpillFailure) {
    descriptor = open(directory, O_RDWR | __O_TMPFILE | O_DIRECTORY | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SpillFailure(doing: "open a spill file in \(directory)", code: errno) }
  }

  deinit { close(descriptor) }

  package func append(_ bytes: UnsafeRawBufferPointer) throws(SpillFailure) {
    var written = 0
    while written < bytes.count {
      let count = write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SpillFailure(doing: "write a spill file", code: errno) }
      written += count
    }
    fileSize += bytes.count
  }

  /// Puts a little in front of what has been written.
  package func prepend(_ bytes: [UInt8]) { prefix = bytes + prefix }

  package func read(at offset: Int, count: Int) throws(SpillFailure) -> [UInt8] {
    let first = prefix.dropFirst(offset).prefix(count)
    let rest = try readFile(at: max(0, offset - prefix.count), count: count - first.count)
    return first.isEmpty ? rest : first + rest
  }

  private func readFile(at offset: Int, count: Int) throws(SpillFailure) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = pread(descriptor, buffer.baseAddress?.advanced(by: filled), count - filled, off_t(offset + filled))
        if got < 0, errno == EINTR { continue }
        if got <= 0 {
          code = got < 0 ? errno : EIO
          return
        }
        filled += got
      }
    }
    guard bytes.count == count else { throw SpillFailure(doing: "read a spill file", code: code) }
    return bytes
  }
}

/// The disk under the spill directory failed us.
package struct SpillFailure: Error, Sendable, CustomStringConvertible {
  package let code: Int32
  package let description: String

  init(doing what: String, code: Int32) {
    self.code = code
    description = "cannot \(what): \(String(cString: strerror(code)))"
  }

  package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
}
