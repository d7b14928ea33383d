package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
package import NIOPosix
internal import Observability

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reloads the certificate when one of its files changes.
///
/// Files that come into a directory of certificates, and those that leave it, are a change too.
///
/// It looks at the files' times rather than at directory events: certificates are renewed by rename, through
/// symbolic links and on network file systems. A bad new certificate is told once and the old one stays in use.
package final class CertificateWatch: Sendable {
  private struct Stamp: Equatable {
    var seconds: Int
    var nanoseconds: Int
    var inode: UInt64
    var size: Int
  }

  private let files: [String]
  private let directory: CertificateDirectory?
  private let tls: TLSContext
  private let logger: Logger
  private let stamps: NIOLockedValueBox<[String: Stamp?]>

  /// - Parameter directory: that of the context's other certificates.
  package init(files: [String], directory: CertificateDirectory? = nil, tls: TLSContext, logger: Logger) {
    self.files = files
    self.directory = directory
    self.tls = tls
    self.logger = logger
    stamps = NIOLockedValueBox(Self.stamps(files, directory))
  }

  /// Looks at the files every `interval`, on a thread where that may block.
  package func start(every interval: TimeAmount, on eventLoop: any EventLoop, threads: NIOThreadPool) -> RepeatedTask {
    eventLoop.scheduleRepeatedAsyncTask(initialDelay: interval, delay: interval) { _ in
      // An error would end the repetition.
      threads.runIfActive(eventLoop: eventLoop) { self.check() }.recover { _ in }
    }
  }

  /// Looks now; blocks for their reading.
  package func check() {
    let fresh = Self.stamps(files, directory)
    let hasChanged = stamps.withLockedValue { known in
      defer { known = fresh }
      return known != fresh
    }
    // In the middle of a renewal a file may be missing; its return is a change again.
    if hasChanged, !files.contains(where: { fresh[$0] == .some(nil) }) { reload() }
  }

  /// Reads them again, whether they have changed or not; blocks for their reading.
  package func reload() {
    do throws(TLSFailure) {
      try tls.reload()
      logger.info("certificate reloaded", metadata: .fields([.file: files.first]))
    } catch {
      logger.error("certificate not reloaded, the old one stays", metadata: .fields([.reason: error.reason]))
    }
  }

  private static func stamps(_ files: [String], _ directory: CertificateDirectory?) -> [String: Stamp?] {
    let all = files + (directory?.files ?? [])
    return Dictionary(all.map { ($0, stamp($0)) }, uniquingKeysWith: { first, _ in first })
  }

  private static func stamp(_ file: String) -> Stamp? {
    var status = stat()
    guard stat(file, &status) == 0 else { return nil }
    #if canImport(Glibc)
      let time = status.st_mtim
    #else
      let time = status.st_mtimespec
    #endif
    return Stamp(
      seconds: time.tv_sec, nanoseconds: time.tv_nsec, inode: UInt64(status.st_ino), size: Int(status.st_size))
  }
}
