import Synchronization

/// The rules of a script with what has been used of them, shared by all sessions.
final class RuleBook: Sendable {
  private struct Use: Hashable {
    let rule: Int
    let subject: String
  }

  private let rules: [SinkRule]
  private let uses = Mutex<[Use: Int]>([:])

  init(_ rules: [SinkRule]) { self.rules = rules }

  /// The rule that answers now, if any; it is used once by that.
  func take(_ stage: SinkStage, subjects: [String], listen: String) -> SinkRule? {
    for (index, rule) in rules.enumerated() where rule.stage == stage && (rule.listen ?? listen) == listen {
      let match = rule.match ?? "*"
      guard let subject = (subjects.isEmpty ? [""] : subjects).first(where: { fits($0, match) }) else { continue }
      guard let times = rule.times else { return rule }
      let use = Use(rule: index, subject: rule.each ? subject.lowercased() : "")
      let mayAct = uses.withLock { uses in
        guard uses[use, default: 0] < times else { return false }
        uses[use, default: 0] += 1
        return true
      }
      if mayAct { return rule }
    }
    return nil
  }
}
