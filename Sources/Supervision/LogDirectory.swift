internal import Foundation
internal import Glibc
internal import Synchronization

/// One log file per program, appended to; a large one is put aside when it is opened.
struct LogDirectory: Sendable {
  private static let sizeBytesMax = 20 * 1_048_576
  private let path: String

  init(_ path: String) { self.path = path }

  func file(_ name: String) throws(FileFailure) -> LogFile {
    let file = "\(path)/\(name).log"
    var status = stat()
    if stat(file, &status) == 0, status.st_size > Self.sizeBytesMax { rename(file, file + ".1") }
    let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileFailure(path: file, reason: errorText(errno)) }
    return LogFile(descriptor)
  }
}

final class LogFile: Sendable {
  private let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  /// A full disk must not stop the program whose line it is: what cannot be written is lost.
  func append(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
}
