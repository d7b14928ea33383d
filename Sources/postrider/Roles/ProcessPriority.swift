internal import Foundation

/// Who goes first when the processor is short.
enum ProcessPriority {
  /// Makes this process, with the threads and processes that it has and will have, nicer to others.
  /// - Parameter nice: 0 to 19; see nice(1).
  static func lower(by nice: Int) {
    guard nice > 0 else { return }
    #if os(Linux)
      // Linux keeps the value for each thread; new threads take over their maker's.
      let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
      for thread in threads.compactMap({ UInt32($0) }) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), thread, Int32(clamping: nice))
      }
    #else
      setpriority(PRIO_PROCESS, 0, Int32(clamping: nice))
    #endif
  }
}
