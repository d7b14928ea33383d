import Dispatch
import Foundation
import Supervision

/// Counts SIGINT and SIGTERM instead of dying of them.
final class TerminationSignals: Sendable {
  private let count = Observed(0)
  // Written once here, then only kept alive.
  private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

  init() {
    let count = count
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler { count.update { $0 += 1 } }
      source.resume()
      return source
    }
  }

  var isRaised: Bool { count.value > 0 }

  /// Returns when the given number of signals has come since the start, or the task is cancelled.
  func wait(for number: Int = 1) async {
    _ = try? await count.wait(atMost: .seconds(1_000_000_000), for: "a signal") { $0 >= number }
  }
}
