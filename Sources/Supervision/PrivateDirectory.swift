internal import Foundation
internal import Glibc

/// Files and directories that only their owner may read.
package enum PrivateDirectory {
  /// Makes a directory with mode 0700 that belongs to the user (nil: to us); what is missing above it is made too.
  package static func make(_ path: String, owner: UnprivilegedUser?) throws(FileFailure) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileFailure(path: path, reason: error.localizedDescription)
    }
    guard chmod(path, 0o700) == 0 else { throw FileFailure(path: path, reason: errorText(errno)) }
    try give(path, to: owner)
  }

  /// Writes a file, all or nothing, that belongs to the user (nil: to us).
  package static func write(
    _ text: String, to path: String, owner: UnprivilegedUser?, mode: UInt32 = 0o600
  ) throws(FileFailure) {
    let temporary = path + ".new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw FileFailure(path: temporary, reason: errorText(errno)) }
    let bytes = Array(text.utf8)
    let isWritten = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == bytes.count
    // The mode is exact, whatever the umask.
    let isClosed = fchmod(descriptor, mode) == 0 && close(descriptor) == 0
    guard isWritten, isClosed else { throw FileFailure(path: temporary, reason: errorText(errno)) }
    try give(temporary, to: owner)
    guard rename(temporary, path) == 0 else { throw FileFailure(path: path, reason: errorText(errno)) }
  }

  /// Lets the user read a file that stays ours: whoever insists on being or trusting its owner finds root.
  package static func share(_ path: String, with reader: UnprivilegedUser?) throws(FileFailure) {
    guard let reader else { return }
    guard lchown(path, geteuid(), reader.group) == 0, chmod(path, 0o640) == 0 else {
      throw FileFailure(path: path, reason: errorText(errno))
    }
  }

  package static func give(_ path: String, to owner: UnprivilegedUser?) throws(FileFailure) {
    guard let owner else { return }
    guard lchown(path, owner.user, owner.group) == 0 else { throw FileFailure(path: path, reason: errorText(errno)) }
  }
}

/// A file that could not be made.
package struct FileFailure: Error, CustomStringConvertible {
  package let path: String
  package let reason: String

  package init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  package var description: String { "\(path): \(reason)" }
}
