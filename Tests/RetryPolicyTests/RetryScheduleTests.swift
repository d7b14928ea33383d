import BounceRules
import Foundation
import MailModel
import RetryPolicy
import Testing

@Suite struct RetryScheduleTests {
  @Test func standardWaits() {
    let schedule = RetrySchedule()
    let minutes = (1...9).map { schedule.wait(afterFailures: $0, random: 0).components.seconds / 60 }
    #expect(minutes == [5, 10, 20, 40, 80, 160, 240, 240, 240])
    #expect(schedule.wait(afterFailures: 1, random: 0.5) == .seconds(270))
  }

  @Test func paces() {
    let schedule = RetrySchedule()
    #expect(
      RetryPace.allCases.map { schedule.wait(afterFailures: 1, pace: $0, random: 0).components.seconds } == [
        60, 300, 600, 1800,
      ])
    #expect(RetryPace(for: getBounceInfo(.reply(Reply(452, EnhancedStatus(4, 2, 2), "full")))) == .patient)
    #expect(RetryPace(for: getBounceInfo(.local(.connection("refused")))) == .ordinary)
  }

  /// For any configuration, attempt, pace and chance: bounds hold, waits never shrink, chance only shortens.
  @Test func propertiesHold() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let first = Duration.milliseconds(Int64.random(in: 1000...86_400_000, using: &generator))
      let schedule = RetrySchedule(
        first: first, factor: .random(in: 1...10, using: &generator),
        max: first + .milliseconds(Int64.random(in: 0...604_800_000, using: &generator)),
        jitter: .random(in: 0...0.9, using: &generator))
      let pace = RetryPace.allCases.randomElement(using: &generator) ?? .ordinary
      let failures = Int.random(in: 1...200, using: &generator)
      let random = Double.random(in: 0..<1, using: &generator)
      let wait = schedule.wait(afterFailures: failures, pace: pace, random: random)
      let whole = schedule.wait(afterFailures: failures, pace: pace, random: 0)
      let comment: Comment = "\(schedule) \(pace) \(failures) \(random)"
      #expect(wait <= schedule.max && wait <= whole && wait >= min(.seconds(1), schedule.max), comment)
      #expect(schedule.wait(afterFailures: failures + 1, pace: pace, random: 0) >= whole, comment)
      #expect(wait >= whole * 0.0999 || wait == .seconds(1), comment)
    }
  }

  @Test(arguments: [Int.min, -1, 0, 1, Int.max], [-Double.infinity, -1, 0, 1, 5, .infinity, .nan])
  func nonsenseIsBounded(failures: Int, random: Double) {
    for schedule in [RetrySchedule(), RetrySchedule(factor: 1), RetrySchedule(factor: .nan, jitter: .nan)] {
      let wait = schedule.wait(afterFailures: failures, random: random)
      #expect(wait >= .seconds(1) && wait <= schedule.max)
    }
  }

  /// `docs/retries.md` shows the life of a recipient that never succeeds, as the code has it.
  @Test func documentationIsCurrent() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/retries.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    #expect(text.contains(RetrySchedule().table(period: .seconds(5 * 86400))))
    #expect(text.contains(RetrySchedule().table(period: .seconds(5 * 86400), pace: .patient)))
  }
}
