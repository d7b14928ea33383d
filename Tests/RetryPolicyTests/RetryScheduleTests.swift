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

  @Test func everyCauseHasItsSchedule() {
    let schedule = RetrySchedule()
    func minutes(_ cause: RetryCause) -> [Int64] {
      (1...6).map { schedule.wait(afterFailures: $0, cause: cause, random: 0).components.seconds / 60 }
    }
    #expect(minutes(.greylist) == [7, 15, 20, 40, 80, 160], "soon, once more, then as usual")
    #expect(minutes(.mailboxFull) == [60, 120, 240, 240, 240, 240])
    #expect(minutes(.blocklist) == [30, 60, 120, 240, 240, 240])
    #expect(minutes(.rateLimit) == [15, 30, 60, 60, 80, 160])
    #expect(minutes(.local) == [1, 2, 4, 40, 80, 160])
    for cause in [RetryCause.network, .dns, .tls, .system, .other] {
      #expect(minutes(cause) == [5, 10, 20, 40, 80, 160])
    }
    // Chance never brings it back before the five minutes that greylisting asks for as a rule.
    #expect(schedule.wait(afterFailures: 1, cause: .greylist, random: 1) > .seconds(300))
  }

  @Test(arguments: [
    ("451 4.7.1 Greylisted, please try again in 5 minutes", RetryCause.greylist),
    ("452 4.2.2 The mailbox is full", .mailboxFull), ("552 5.2.2 mailbox full", .mailboxFull),
    ("421 4.7.0 Too many messages from your address, try again later", .rateLimit),
    ("550 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org", .blocklist),
    ("451 4.3.0 Temporary system failure, try later", .system),
  ])
  func repliesHaveCauses(text: String, cause: RetryCause) {
    #expect(RetryCause(for: getBounceInfo(.text(Array(text.utf8)))) == cause)
  }

  @Test func failuresWithoutReplyHaveCauses() {
    #expect(RetryCause(for: getBounceInfo(.local(.connection("refused")))) == .network)
    #expect(RetryCause(for: getBounceInfo(.local(.timeout("greeting")))) == .network)
    #expect(RetryCause(for: getBounceInfo(.local(.dns("SERVFAIL")))) == .dns)
    #expect(RetryCause(for: getBounceInfo(.local(.tls("no certificate")))) == .tls)
    #expect(RetryCause(for: getBounceInfo(.local(.system("disk")))) == .local)
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
      let cause = RetryCause.allCases.randomElement(using: &generator) ?? .other
      let failures = Int.random(in: 1...200, using: &generator)
      let random = Double.random(in: 0..<1, using: &generator)
      let wait = schedule.wait(afterFailures: failures, cause: cause, random: random)
      let whole = schedule.wait(afterFailures: failures, cause: cause, random: 0)
      let comment: Comment = "\(schedule) \(cause) \(failures) \(random)"
      #expect(wait <= schedule.max && wait <= whole && wait >= min(.seconds(1), schedule.max), comment)
      #expect(schedule.wait(afterFailures: failures + 1, cause: cause, random: 0) >= whole, comment)
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
    #expect(text.contains(RetrySchedule().firstWaits()))
    #expect(text.contains(RetrySchedule().table(period: .seconds(5 * 86400))))
    #expect(text.contains(RetrySchedule().table(period: .seconds(5 * 86400), cause: .mailboxFull)))
  }
}
