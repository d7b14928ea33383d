import Cryptography
import NIOConcurrencyHelpers
import NIOPosix

/// Runs password hashing on threads of its own: one check keeps a core busy for tens of milliseconds, with 32 MB.
/// So many run at once and so many wait; what comes on top is refused at once.
final class PasswordChecks: Sendable {
  private let threads: NIOThreadPool
  private let countMax: Int
  private let underWay = NIOLockedValueBox(0)

  init(atOnce: Int, waitingMax: Int) {
    threads = NIOThreadPool(numberOfThreads: max(1, atOnce))
    threads.start()
    countMax = max(1, atOnce) + max(0, waitingMax)
  }

  deinit { threads.shutdownGracefully { _ in } }

  /// - Parameter hashes: of passwords that are all good.
  /// - Returns: nil when too many are waiting, or at shutdown.
  func verify(_ password: [UInt8], against hashes: [String]) async -> Bool? {
    let mayRun = underWay.withLockedValue { count in
      guard count < countMax else { return false }
      count += 1
      return true
    }
    guard mayRun else { return nil }
    defer { underWay.withLockedValue { $0 -= 1 } }
    return try? await threads.runIfActive { hashes.contains { PasswordHash.verify(password, against: $0) } }
  }

  func shutdown() async { try? await threads.shutdownGracefully() }
}
