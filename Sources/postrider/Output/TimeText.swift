internal import Foundation
internal import Postgres

extension Timestamp {
  /// ISO 8601 in UTC with milliseconds: for programs.
  var iso: String { text(separator: "T", zone: "Z") }

  /// The same for people.
  var readable: String { text(separator: " ", zone: " UTC") }

  private func text(separator: String, zone: String) -> String {
    // PostgreSQL's infinities, and whatever else no calendar has.
    guard (-62_135_596_800...253_402_300_799).contains(unixSeconds) else { return "never" }
    var seconds = time_t(unixSeconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let milliseconds = (microseconds - unixSeconds * 1_000_000) / 1000
    let day = [(Int(parts.tm_year) + 1900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2)]
    let time = [(Int(parts.tm_hour), 2), (Int(parts.tm_min), 2), (Int(parts.tm_sec), 2)]
    return day.map(padded).joined(separator: "-") + separator + time.map(padded).joined(separator: ":") + "."
      + padded(Int(milliseconds), 3) + zone
  }

  /// nil for PostgreSQL's infinities.
  var finite: Timestamp? { microseconds == .max || microseconds == .min ? nil : self }

  /// How long ago, or in how long, as seen at `now`.
  func relative(to now: Timestamp) -> String {
    let (difference, overflow) = microseconds.subtractingReportingOverflow(now.microseconds)
    if overflow || abs(difference / 1_000_000) > 100_000_000_000 { return "never" }
    let text = Duration.microseconds(abs(difference)).brief
    return difference > 0 ? "in \(text)" : "\(text) ago"
  }
}

extension Duration {
  /// The two largest units: `850ms`, `12.3s`, `4m 10s`, `3h 5m`, `4d 23h`.
  var brief: String {
    let seconds = components.seconds
    let milliseconds = components.attoseconds / 1_000_000_000_000_000
    switch seconds {
    case ..<1: return "\(milliseconds)ms"
    case ..<60: return "\(seconds).\(milliseconds / 100)s"
    case ..<3600: return "\(seconds / 60)m \(seconds % 60)s"
    case ..<86_400: return "\(seconds / 3600)h \(seconds / 60 % 60)m"
    default: return "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
    }
  }
}

private func padded(_ number: Int, _ digits: Int) -> String {
  let text = String(number)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
