/// Dates as messages write them (RFC 5322 §3.3), always in UTC: `Fri, 20 Nov 2026 22:30:38 +0000`.
package enum MailDate {
  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// - Parameter unixSeconds: seconds since 1970; years 1900 to 9999 can be written.
  package static func text(_ unixSeconds: Int64) -> String {
    let seconds = min(max(unixSeconds, -2_208_988_800), 253_402_300_799)
    let ofDay = (seconds % 86400 + 86400) % 86400
    let days = Int((seconds - ofDay) / 86400)
    let (year, month, day) = civil(days)
    return "\(weekdays[(days % 7 + 7) % 7]), \(day) \(months[month - 1]) \(year) "
      + "\(two(ofDay / 3600)):\(two(ofDay / 60 % 60)):\(two(ofDay % 60)) +0000"
  }

  /// A moment in UTC, for texts that write it in another way.
  /// - Parameter unixSeconds: as in `text`.
  package static func parts(_ unixSeconds: Int64) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int) {
    let seconds = min(max(unixSeconds, -2_208_988_800), 253_402_300_799)
    let ofDay = (seconds % 86400 + 86400) % 86400
    let (year, month, day) = civil(Int((seconds - ofDay) / 86400))
    return (year, month, day, Int(ofDay / 3600), Int(ofDay / 60 % 60))
  }

  /// Only the UTC day, as people in all countries read it: `2026-11-20`.
  package static func day(_ unixSeconds: Int64) -> String {
    let (year, month, day) = civil(Int((unixSeconds - (unixSeconds % 86400 + 86400) % 86400) / 86400))
    return "\(year)-\(two(Int64(month)))-\(two(Int64(day)))"
  }

  /// The date of a day counted from 1970-01-01. Counting in years that start in March puts the leap day last,
  /// so that the lengths of months follow one formula.
  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let fromEra = days + 719_468
    let era = (fromEra >= 0 ? fromEra : fromEra - 146_096) / 146_097
    let dayOfEra = fromEra - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }

  private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
