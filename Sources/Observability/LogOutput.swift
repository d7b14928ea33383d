internal import Foundation

/// Carries log lines to a file descriptor without making the caller wait.
///
/// Lines go into a bounded buffer that a thread of its own empties. A reader that stops reading costs lines,
/// never the node's work; how many is logged as soon as the reader comes back. Lines that nobody waits for gather
/// for some milliseconds: waking the thread for each would cost more than the line. Whole lines are written together
/// only up to 4096 bytes (`PIPE_BUF`), so that several processes sharing one pipe do not mix theirs.
// @unchecked: every mutable property is touched only while `condition` is locked.
package final class LogOutput: @unchecked Sendable {
  private let descriptor: Int32
  private let bufferBytesMax: Int
  private let condition = NSCondition()
  private var waiting: [UInt8] = []
  private var dropped = 0
  private var isWriting = false
  /// The thread sleeps until there is a line.
  private var isIdle = false
  /// What waits must not wait any longer.
  private var isUrgent = false
  private var hasThread = false

  /// - Parameter descriptor: where to write; it stays open.
  package init(descriptor: Int32 = STDERR_FILENO, bufferBytesMax: Int = 4 << 20) {
    self.descriptor = descriptor
    self.bufferBytesMax = bufferBytesMax
  }

  /// Takes one complete line with its newline.
  /// - Parameter isUrgent: written at once, with all lines before it.
  func write(_ line: [UInt8], isUrgent: Bool) {
    condition.withLock {
      startThreadIfNeeded()
      guard waiting.count + line.count <= bufferBytesMax else {
        dropped += 1
        return
      }
      waiting += line
      let isFirst = isIdle
      isIdle = false
      if isUrgent || waiting.count >= Self.gatheredBytesMax { self.isUrgent = true }
      if isFirst || self.isUrgent { condition.broadcast() }
    }
  }

  private static let gatheringTime = 0.01
  private static let gatheredBytesMax = 64 << 10

  /// Waits until everything so far is written, at most `seconds`. For the end of a process.
  package func flush(seconds: Double = 2) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    condition.withLock {
      isUrgent = true
      condition.broadcast()
      while isWriting || !waiting.isEmpty {
        if !condition.wait(until: deadline) { return }
      }
    }
  }

  private func startThreadIfNeeded() {
    if hasThread { return }
    hasThread = true
    let thread = Thread { [self] in
      while true { writeNextBatch() }
    }
    thread.name = "log"
    thread.start()
  }

  private func writeNextBatch() {
    let (batch, lost): ([UInt8], Int) = condition.withLock {
      while waiting.isEmpty {
        isIdle = true
        condition.wait()
      }
      let gathered = Date(timeIntervalSinceNow: Self.gatheringTime)
      while !isUrgent, condition.wait(until: gathered) {}
      isUrgent = false
      let batch = waiting
      let lost = dropped
      waiting = []
      dropped = 0
      isWriting = true
      return (batch, lost)
    }
    writeLines(batch)
    if lost > 0 { writeAll(Array("\(lost) log lines were dropped because nobody read them in time\n".utf8)[...]) }
    condition.withLock {
      isWriting = false
      condition.broadcast()
    }
  }

  private func writeLines(_ batch: [UInt8]) {
    var start = 0
    var end = 0
    while start < batch.count {
      while end < batch.count {
        let next = (batch[end...].firstIndex(of: 0x0A) ?? batch.count - 1) + 1
        if next - start > 4096, end > start { break }
        end = next
      }
      writeAll(batch[start..<end])
      start = end
    }
  }

  private func writeAll(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count, let base = buffer.baseAddress {
        let written = Foundation.write(descriptor, base + offset, buffer.count - offset)
        if written > 0 {
          offset += written
        } else if written < 0, errno == EAGAIN {
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&waiting, 1, 1000)
        } else if written < 0, errno != EINTR {
          return  // Nobody can be told: stderr itself is gone.
        }
      }
    }
  }
}
