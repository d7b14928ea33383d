#if canImport(Glibc)
  internal import Glibc

  private let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#else
  internal import Darwin

  private let openFiles = RLIMIT_NOFILE
#endif

/// Every session is an open file, and systems allow 1,024 of them to a program that does not ask for more.
enum OpenFiles {
  /// Asks for as many as this process may have.
  /// - Returns: how many those are.
  @discardableResult
  static func allowAll() -> Int {
    var limit = rlimit()
    guard getrlimit(openFiles, &limit) == 0 else { return 0 }
    limit.rlim_cur = limit.rlim_max
    setrlimit(openFiles, &limit)
    guard getrlimit(openFiles, &limit) == 0 else { return 0 }
    return Int(clamping: limit.rlim_cur)
  }
}
