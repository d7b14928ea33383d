internal import MailModel
internal import NIOCore
package import NodeMetrics
package import Redis

/// What the limits say to a message.
package enum LimitDecision: Sendable {
  /// Nothing limits it, and nobody was asked.
  case unlimited
  /// It is counted.
  case reserved(Reservation)
  case refused(LimitRefusal)
}

/// Counts messages and recipients, for all acceptors together while Redis answers: one script, one round trip, pipelined
/// with the others', for each message that is limited by anything. While Redis does not answer each acceptor allows
/// its share by itself.
package final class MessageLimits: Sendable {
  private let rules: LimitRules
  private let shared: SharedCounters?
  private let local: LocalCounters
  private let absence: RedisAbsence
  private let metrics: LimitMetrics

  /// - Parameters:
  ///   - rules: the node's settings; tenants may differ.
  ///   - redis: with the time limit of a decision; nil: this acceptor is alone.
  ///   - share: which part of a limit it allows by itself.
  package init(
    rules: LimitRules, redis: RedisClient?, share: Double, absence: RedisAbsence,
    metrics: LimitMetrics = LimitMetrics()
  ) {
    self.rules = rules
    self.absence = absence
    self.metrics = metrics
    shared = redis.map { SharedCounters(redis: $0) }
    local = LocalCounters(share: share)
  }

  /// Whether no message of such a tenant needs to be counted.
  package func isUnlimited(_ terms: TenantTerms) -> Bool {
    let rules = terms.overrides.applied(to: rules)
    return rules.messageSizeMax == nil
      && LimitRules.Scope.allCases.allSatisfy { rules.windows(of: $0, ageDays: terms.ageDays).isEmpty }
  }

  /// Counts a message, or says why not; within the time limit of `redis`.
  package func reserve(_ message: CountedMessage, _ terms: TenantTerms) async -> LimitDecision {
    let rules = terms.overrides.applied(to: rules)
    let counters = rules.counters(for: message, ageDays: terms.ageDays)
    if let refusal = rules.refusalAtOnce(of: message, counters: counters) { return refused(refusal) }
    guard !counters.isEmpty else { return .unlimited }
    if let decision = await reserveShared(message, counters) { return decision }
    let answer = local.reserve(counters, recipients: message.recipients, now: Self.now)
    return decision(answer, counters) { [local] starts in
      local.giveBack(counters, starts: starts, recipients: message.recipients)
    }
  }

  /// - Returns: nil when Redis does not say.
  private func reserveShared(_ message: CountedMessage, _ counters: [Counter]) async -> LimitDecision? {
    guard let shared else { return nil }
    let asked = ContinuousClock.now
    do throws(RedisError) {
      let answer = try await shared.reserve(counters, recipients: message.recipients)
      metrics.counting.record(ContinuousClock.now - asked)
      absence.note(nil)
      return decision(answer, counters) { starts in
        shared.giveBack(counters, starts: starts, recipients: message.recipients)
      }
    } catch {
      absence.note(error)
      return nil
    }
  }

  private func decision(
    _ answer: CounterAnswer, _ counters: [Counter], giveBack: @escaping @Sendable ([Int64]) -> Void
  ) -> LimitDecision {
    switch answer {
    case .counted(let starts): return .reserved(Reservation { giveBack(starts) })
    case .full(let place, let kind, let wait):
      let windows = counters.flatMap { counter in counter.windows.map { (counter.scope, $0) } }
      let (scope, window) = windows[min(place, windows.count - 1)]
      return refused(
        .full(
          scope: scope, kind: kind, span: window.span,
          limit: (kind == .messages ? window.messages : window.recipients) ?? 0,
          isWarmUp: window.isWarmUp && kind == .messages, wait: .milliseconds(wait)))
    }
  }

  private func refused(_ refusal: LimitRefusal) -> LimitDecision {
    metrics.refused(by: refusal.label)
    return .refused(refusal)
  }

  private static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
