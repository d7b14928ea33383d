internal import Foundation

/// Who goes first when the processor is short.
enum ProcessPriority {
  /// Makes this process, with the threads and processes that it has and will have, nicer to others.
  /// - Parameter nice: 0 to 19; see nice(1).
  static func lower(by nice: Int) async {
    guard nice > 0 else { return }
    #if os(Linux)
      // Linux keeps the value for each thread; new threads take over their maker's, but for those of Dispatch, which
      // set it anew where the user may (root).
      let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
      for thread in threads.compactMap({ UInt32($0) }) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), thread, Int32(clamping: nice))
      }
      await lowerSession(by: nice)
    #else
      setpriority(PRIO_PROCESS, 0, Int32(clamping: nice))
    #endif
  }

  #if os(Linux)
    /// Linux shares the processor out among sessions first, where `sched_autogroup` is on: within a session of its own,
    /// as `postrider dev` gives to each process, a nice process would step back behind nobody (sched(7)).
    ///
    /// A session that somebody else leads, a shell's, is not ours to lower. Without the file there is nothing to do.
    private static func lowerSession(by nice: Int) async {
      guard getsid(0) == getpid() else { return }
      let file = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { return }
      defer { close(file) }
      // The kernel takes one such change in a tenth of a second from whoever is not privileged, EAGAIN says so.
      for _ in 0..<50 {
        let text = "\(nice)"
        if write(file, text, text.utf8.count) >= 0 || errno != EAGAIN { return }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  #endif
}
