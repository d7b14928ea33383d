internal import MailModel
internal import NIOConcurrencyHelpers

/// The same in this process's memory, for when Redis is away: each limit's share. What logged in here is remembered all
/// the time, so that it is known also when Redis has gone, or has come back empty.
final class LocalLogins: Sendable {
  private struct Name: Hashable {
    let subject: String
    let span: Rates.Span
  }

  private struct Tried {
    /// Milliseconds.
    var end: Int64
    var digests: Set<[UInt8]> = []
  }

  private struct State {
    var tried: [Name: Tried] = [:]
    /// Until when an account is known at an address.
    var known: [String: Int64] = [:]
  }

  private let rules: FailedLoginRules
  private let share: Double
  private let countMax: Int
  private let state = NIOLockedValueBox(State())

  /// - Parameter countMax: so many addresses, accounts and pairs are remembered; beyond it some are forgotten early.
  init(rules: FailedLoginRules, share: Double, countMax: Int = 50_000) {
    self.rules = rules
    self.share = share
    self.countMax = countMax
  }

  func knows(_ trial: LoginTrial, now: Int64) -> Bool {
    state.withLockedValue { $0.known[Self.pair(trial), default: 0] > now }
  }

  func remember(_ trial: LoginTrial, now: Int64) {
    guard rules.knownFor > .zero else { return }
    state.withLockedValue { state in
      if state.known.count >= countMax {
        state.known = state.known.filter { $0.value > now }
        for pair in state.known.keys.prefix(max(0, state.known.count - countMax * 3 / 4)) { state.known[pair] = nil }
      }
      state.known[Self.pair(trial)] = now + Int64(rules.knownFor / .milliseconds(1))
    }
  }

  /// - Parameter now: milliseconds on a clock that does not jump.
  func take(_ step: LoginStep, _ trial: LoginTrial, now: Int64) -> LoginLock? {
    let subjects: [(name: String, rates: Rates, lock: (Duration) -> LoginLock)] =
      knows(trial, now: now)
      ? [("pair:" + Self.pair(trial), rules.account, LoginLock.account)]
      : [
        ("address:" + trial.address, rules.address, LoginLock.address),
        ("account:" + trial.account, rules.account, LoginLock.account),
      ]
    let lock = state.withLockedValue { state -> LoginLock? in
      var full: (wait: Int64, lock: (Duration) -> LoginLock)?
      for (subject, rates, lock) in subjects {
        for span in Rates.Span.allCases {
          guard let limit = rates[span], let tried = state.tried[Name(subject: subject, span: span)],
            tried.end > now, tried.digests.count >= max(1, Int(Double(limit) * share)),
            tried.end - now > full?.wait ?? 0
          else { continue }
          full = (tried.end - now, lock)
        }
      }
      if let full { return full.lock(.milliseconds(full.wait)) }
      guard step == .wrong else { return nil }
      makeRoom(&state, now)
      for (subject, rates, _) in subjects {
        for span in Rates.Span.allCases where rates[span] != nil {
          let name = Name(subject: subject, span: span)
          var tried =
            state.tried[name].flatMap { $0.end > now ? $0 : nil } ?? Tried(end: now + Int64(span.seconds) * 1000)
          tried.digests.insert(trial.digest)
          state.tried[name] = tried
        }
      }
      return nil
    }
    if step == .right, lock == nil { remember(trial, now: now) }
    return lock
  }

  private func makeRoom(_ state: inout State, _ now: Int64) {
    guard state.tried.count >= countMax else { return }
    state.tried = state.tried.filter { $0.value.end > now }
    for name in state.tried.keys.prefix(max(0, state.tried.count - countMax * 3 / 4)) { state.tried[name] = nil }
  }

  private static func pair(_ trial: LoginTrial) -> String { "\(trial.account)|\(trial.address)" }
}
