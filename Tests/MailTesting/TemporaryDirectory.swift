internal import Foundation
internal import Glibc
internal import Synchronization

/// A directory that goes away with the object, or at the latest with the test process.
///
/// The name holds our process id: what a killed test run left behind is removed by the next one.
package final class TemporaryDirectory: Sendable {
  package let path: String

  private static let prefix = "postrider-test-"
  private static let root = "/tmp"
  private static let sweep: Void = removeLeftBehind()

  package init() throws {
    _ = Self.sweep
    var template = Array("\(Self.root)/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Servers run as somebody else below it; what is private there has its own mode.
    chmod(path, 0o755)
    let path = path
    atProcessExit { removeTree(path) }
  }

  deinit { removeTree(path) }

  /// The path of something inside.
  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file inside and returns its path.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }

  private static func removeLeftBehind() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] where name.hasPrefix(prefix) {
      let owner = name.dropFirst(prefix.count).prefix { $0.isNumber }
      guard let id = Int32(owner), kill(id, 0) != 0, errno == ESRCH else { continue }
      removeTree("\(root)/\(name)")
    }
  }
}

private func removeTree(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

private let exitActions = Mutex<[@Sendable () -> Void]>([])
private let exitHandler: Void = {
  atexit {
    for action in exitActions.withLock({ $0 }).reversed() { action() }
  }
}()

/// Runs when the test process ends in an orderly way, last one first.
package func atProcessExit(_ action: @escaping @Sendable () -> Void) {
  _ = exitHandler
  exitActions.withLock { $0.append(action) }
}
