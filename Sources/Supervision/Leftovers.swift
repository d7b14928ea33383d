internal import Foundation
internal import Glibc

/// Processes of an earlier supervisor that died without stopping them.
package enum Leftovers {
  /// Writes down who is alive, with the time at which the process began: a number alone may soon be a stranger's.
  static func remember(_ child: ChildProcess, stopSignal: Signal, in directory: String) throws(FileFailure) {
    guard let start = startTime(child.processID) else { return }
    try PrivateDirectory.write(
      "\(child.processID) \(start) \(stopSignal.rawValue)\n", to: "\(directory)/\(child.name).pid", owner: nil)
  }

  /// Ends what is left of an earlier run.
  /// - Returns: the names of those that were still alive.
  package static func end(in directory: String, atMost limit: Duration = .seconds(15)) async throws -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    var ended: [String] = []
    for file in names.filter({ $0.hasSuffix(".pid") }).sorted() {
      let path = "\(directory)/\(file)"
      let fields = contents(ofFile: path).split(whereSeparator: \.isWhitespace)
      if fields.count == 3, let id = Int32(fields[0]), let signal = Int32(fields[2]), id > 1,
        startTime(id) == String(fields[1])
      {
        try await end(id, start: String(fields[1]), signal: signal, atMost: limit)
        ended.append(String(file.dropLast(4)))
      }
      unlink(path)
    }
    return ended
  }

  private static func end(_ id: Int32, start: String, signal: Int32, atMost limit: Duration) async throws {
    let clock = ContinuousClock()
    for (signal, limit) in [(signal, limit), (SIGKILL, Duration.seconds(5))] {
      let deadline = clock.now.advanced(by: limit)
      kill(id, signal)
      while clock.now < deadline {
        if startTime(id) != start { return }
        // It is not our child: nobody tells us when it ends.
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    throw WaitTimedOut(what: "the end of process \(id) of an earlier run", limit: limit)
  }

  /// Field 22 of proc(5), /proc/pid/stat, with the boot's id; nil when the process is gone or a zombie.
  private static func startTime(_ id: Int32) -> String? {
    let line = contents(ofFile: "/proc/\(id)/stat")
    guard let name = line.lastIndex(of: ")") else { return nil }
    let fields = line[line.index(after: name)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    let boot = contents(ofFile: "/proc/sys/kernel/random/boot_id").prefix(8)
    return "\(fields[19])@\(boot)"
  }
}

/// Keeps a second supervisor out of the same directory. Held until the object goes.
package final class SupervisorLock: Sendable {
  private let descriptor: Int32

  /// - Throws: `FileFailure` that names the process that has it.
  package init(_ path: String) throws(FileFailure) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileFailure(path: path, reason: errorText(errno)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = contents(ofFile: path).trimmingCharacters(in: .whitespacesAndNewlines)
      close(descriptor)
      throw FileFailure(path: path, reason: "it runs already (process \(holder)); stop that one first")
    }
    ftruncate(descriptor, 0)
    let text = Array("\(getpid())\n".utf8)
    _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  deinit { close(descriptor) }
}
