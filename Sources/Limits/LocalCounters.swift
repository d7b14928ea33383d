internal import MailModel
internal import NIOConcurrencyHelpers

/// The same counters in this process's memory, for when Redis is away: each limit's share, counted from nothing.
final class LocalCounters: Sendable {
  private struct Name: Hashable {
    let key: String
    let spanSeconds: Int
  }

  private let share: Double
  private let windowsMax: Int
  private let windows = NIOLockedValueBox<[Name: WindowCount]>([:])

  /// - Parameters:
  ///   - share: which part of a limit is allowed here.
  ///   - windowsMax: so many are remembered; beyond it some are forgotten early.
  init(share: Double, windowsMax: Int = 100_000) {
    self.share = share
    self.windowsMax = windowsMax
  }

  var count: Int { windows.withLockedValue(\.count) }

  /// - Parameter now: milliseconds on a clock that does not jump.
  func reserve(_ counters: [Counter], recipients: Int, now: Int64) -> CounterAnswer {
    windows.withLockedValue { windows in
      var found: [(Name, WindowCount)] = []
      var full: (place: Int, kind: LimitRules.Kind, wait: Int64)?
      for counter in counters {
        for window in counter.windows {
          let name = Name(key: counter.key, spanSeconds: window.span.seconds)
          let length = Int64(window.span.seconds) * 1000
          let kept = windows[name].flatMap { now < $0.start + length ? $0 : nil } ?? WindowCount(start: now)
          let left = kept.start + length - now
          // What fits the whole limit fits an empty window, or a large message would wait for Redis to come back.
          if kept.messages > 0, let kind = kept.refusal(of: recipients, in: shared(window)), left > full?.wait ?? -1 {
            full = (found.count, kind, left)
          }
          found.append((name, kept))
        }
      }
      if let full { return .full(place: full.place, kind: full.kind, waitMilliseconds: full.wait) }
      if windows.count > windowsMax { makeRoom(&windows, now) }
      for (name, count) in found {
        var count = count
        count.messages += 1
        count.recipients += Int64(recipients)
        windows[name] = count
      }
      return .counted(starts: found.map(\.1.start))
    }
  }

  func giveBack(_ counters: [Counter], starts: [Int64], recipients: Int) {
    let names = counters.flatMap { counter in
      counter.windows.map { Name(key: counter.key, spanSeconds: $0.span.seconds) }
    }
    windows.withLockedValue { windows in
      for (name, start) in zip(names, starts) {
        guard var count = windows[name], count.start == start else { continue }
        count.messages = max(0, count.messages - 1)
        count.recipients = max(0, count.recipients - Int64(recipients))
        windows[name] = count
      }
    }
  }

  /// At least one.
  private func shared(_ window: Counter.Window) -> Counter.Window {
    var window = window
    window.messages = window.messages.map { max(1, Int(Double($0) * share)) }
    window.recipients = window.recipients.map { max(1, Int(Double($0) * share)) }
    return window
  }

  private func makeRoom(_ windows: inout [Name: WindowCount], _ now: Int64) {
    windows = windows.filter { now < $0.value.start + Int64($0.key.spanSeconds) * 1000 }
    for name in windows.keys.prefix(max(0, windows.count - windowsMax * 3 / 4)) { windows[name] = nil }
  }
}
