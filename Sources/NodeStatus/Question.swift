internal import NIOConcurrencyHelpers
internal import NIOCore

/// Something that is asked from time to time and may be slow to answer, or never answer.
///
/// It is asked at most once at a time, not more often than every half second, and nobody waits longer than the limit:
/// health checks may come as often as they like, and a dead server costs each of them a second.
final class Question<Answer: Sendable>: Sendable {
  typealias Ask = @Sendable (_ answered: @escaping @Sendable (Answer) -> Void) -> Void

  private struct State {
    var askedAt: ContinuousClock.Instant?
    var answer: (Answer, at: ContinuousClock.Instant)?
    var waiting: [Int: CheckedContinuation<Answer?, Never>] = [:]
    var next = 0
  }

  private let state = NIOLockedValueBox(State())
  private let eventLoop: any EventLoop
  private let limit: Duration
  private let ask: Ask

  /// - Parameter ask: begins to ask; calls back once, on any thread, if ever.
  init(limit: Duration = .seconds(1), eventLoop: any EventLoop, ask: @escaping Ask) {
    self.limit = limit
    self.eventLoop = eventLoop
    self.ask = ask
  }

  /// - Returns: nil when it has not answered in time.
  func answer() async -> Answer? {
    await withCheckedContinuation { continuation in
      let now = ContinuousClock.now
      let (known, place, isFirst) = state.withLockedValue { state -> (Answer?, Int, Bool) in
        if let (answer, at) = state.answer, at.duration(to: now) < .milliseconds(500) { return (answer, 0, false) }
        state.next += 1
        state.waiting[state.next] = continuation
        defer { state.askedAt = state.askedAt ?? now }
        return (nil, state.next, state.askedAt == nil)
      }
      if let known { return continuation.resume(returning: known) }
      eventLoop.scheduleTask(in: TimeAmount(limit)) { self.giveUp(place) }
      if isFirst { ask { self.answered($0) } }
    }
  }

  /// For how long the question that is open has been so.
  var openFor: Duration? { state.withLockedValue { $0.askedAt?.duration(to: .now) } }

  private func giveUp(_ place: Int) {
    state.withLockedValue { $0.waiting.removeValue(forKey: place) }?.resume(returning: nil)
  }

  private func answered(_ answer: Answer) {
    let waiting = state.withLockedValue { state in
      state.askedAt = nil
      state.answer = (answer, .now)
      defer { state.waiting = [:] }
      return state.waiting.values
    }
    for continuation in waiting { continuation.resume(returning: answer) }
  }
}
