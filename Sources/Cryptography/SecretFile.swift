internal import Glibc

/// Reading and writing of small files that nobody else may read.
enum SecretFile {
  static let sizeMax = 1 << 20

  /// - Throws: `.file` when others could have read it: whoever can is no longer bound by our care.
  static func read(_ path: String) throws(CryptographyFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot read", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("cannot read", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CryptographyFailure(.file, "cannot read \(path): it is not a regular file")
    }
    try checkMode(status, path)
    return try contents(descriptor, path)
  }

  /// 0600 for its owner; a group may read a file that is root's (as PostgreSQL takes it), so that a secret mounted
  /// into a container can be used.
  private static func checkMode(_ status: stat, _ path: String) throws(CryptographyFailure) {
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw CryptographyFailure(.file, "\(path) belongs to another user: it must be yours or root's")
    }
    let forbidden: mode_t = status.st_uid == 0 ? 0o037 : 0o077
    guard status.st_mode & forbidden == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw CryptographyFailure(.file, "\(path) can be read or changed by others (mode 0\(mode)): chmod 600 \(path)")
    }
  }

  private static func contents(_ descriptor: Int32, _ path: String) throws(CryptographyFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    defer { wipe(&buffer) }
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("cannot read", path) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= sizeMax else { throw CryptographyFailure(.file, "\(path) is larger than any such file") }
    }
  }

  /// Writes a file of mode `mode` whole or not at all, durably, in the place of an older one.
  static func write(_ bytes: [UInt8], to path: String, mode: mode_t, replacing: Bool) throws(CryptographyFailure) {
    let temporary = "\(path).\(getpid()).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw failure("cannot write", path) }
    defer { unlink(temporary) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      written += count
    }
    let isDurable = written == bytes.count && fsync(descriptor) == 0
    close(descriptor)
    // A link never replaces what is there; a rename always does.
    guard isDurable, replacing ? rename(temporary, path) == 0 : link(temporary, path) == 0 else {
      throw failure("cannot write", path)
    }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func failure(_ what: String, _ path: String) -> CryptographyFailure {
    CryptographyFailure(.file, "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}
