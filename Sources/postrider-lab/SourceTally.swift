import Foundation
import Observability
import Synchronization

/// Which messages are still to be sent, and what became of the others.
final class SourceTally: Sendable {
  private struct Counts {
    var next = 0
    var accepted = 0
    var failures: [String: Int] = [:]
    var milliseconds: [Double] = []
  }

  private let total: Int
  private let counts = Mutex(Counts())

  init(total: Int) { self.total = total }

  /// The next message's number, 1 first; nil when all are taken.
  func take() -> Int? {
    counts.withLock { counts in
      guard counts.next < total else { return nil }
      counts.next += 1
      return counts.next
    }
  }

  var accepted: Int { counts.withLock { $0.accepted } }

  func accept(after milliseconds: Double) {
    counts.withLock { counts in
      counts.accepted += 1
      counts.milliseconds.append(milliseconds)
    }
  }

  func fail(_ reason: String) { counts.withLock { $0.failures[reason, default: 0] += 1 } }

  func report(seconds: Double) -> String {
    counts.withLock { counts in
      let sorted = counts.milliseconds.sorted()
      func percentile(_ part: Double) -> String {
        sorted.isEmpty ? "-" : String(format: "%.1f", sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))])
      }
      let rate = String(format: "%.1f", Double(counts.accepted) / seconds)
      var lines = [
        "\(counts.accepted) of \(total) accepted in \(String(format: "%.2f", seconds)) s, \(rate) per second, "
          + "from MAIL to 250 in ms: median \(percentile(0.5)), 95 % \(percentile(0.95)), 99 % \(percentile(0.99))"
      ]
      for (reason, count) in counts.failures.sorted(by: { $0.value > $1.value }) {
        lines.append("\(count) times: \(escaped(reason))")
      }
      return lines.joined(separator: "\n")
    }
  }
}
