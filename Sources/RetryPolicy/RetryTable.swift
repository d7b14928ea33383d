extension RetrySchedule {
  /// All waits of a recipient that never succeeds, for documentation: a Markdown table.
  package func table(period: Duration, cause: RetryCause = .other) -> String {
    var text =
      "| attempt | earliest, after acceptance | latest, after acceptance | longest wait before it |\n|---|---|---|---|\n"
    var (earliest, latest, wait): (Duration, Duration, Duration) = (.zero, .zero, .zero)
    var attempt = 1
    while latest < period {
      text += "| \(attempt) | \(clock(earliest)) | \(clock(latest)) | \(attempt == 1 ? "" : clock(wait)) |\n"
      earliest += self.wait(afterFailures: attempt, cause: cause, random: 1)
      wait = self.wait(afterFailures: attempt, cause: cause, random: 0)
      latest += wait
      attempt += 1
    }
    return text + "| the end | \(clock(period)) | \(clock(period)) | |\n"
  }

  /// The longest waits of every cause after the first failures, for documentation: a Markdown table.
  package func firstWaits(_ count: Int = 7) -> String {
    var text = "| cause | " + (1...count).map { "after \($0)" }.joined(separator: " | ") + " |\n|---|"
    text += String(repeating: "---|", count: count) + "\n"
    for cause in RetryCause.allCases {
      let waits = (1...count).map { clock(wait(afterFailures: $0, cause: cause, random: 0)) }
      text += "| `\(cause.rawValue)` | \(waits.joined(separator: " | ")) |\n"
    }
    return text
  }

  /// `2d 04:35:00`
  private func clock(_ duration: Duration) -> String {
    let seconds = duration.components.seconds
    let parts = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
    let time = parts.joined(separator: ":")
    return seconds < 86400 ? time : "\(seconds / 86400)d \(time)"
  }
}
