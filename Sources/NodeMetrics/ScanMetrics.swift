package import CoreMetrics

/// What is counted of content scanners.
package struct ScanMetrics: Sendable {
  package enum Scanner: String, CaseIterable, Sendable {
    case clamd, rspamd
  }

  package enum Outcome: String, CaseIterable, Sendable {
    case clean
    /// Malware, or a score that matters.
    case found
    /// No answer, or none that is one.
    case failed
    /// The same content was looked at before.
    case cached
  }

  private let times: [Scanner: Timer]
  private let outcomes: [Scanner: [Outcome: Counter]]

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    times = Dictionary(
      uniqueKeysWithValues: Scanner.allCases.map { ($0, Metric.scanTime.timer(factory, $0.rawValue)) })
    outcomes = Dictionary(
      uniqueKeysWithValues: Scanner.allCases.map { scanner in
        let counters = Outcome.allCases.map { ($0, Metric.scans.counter(factory, scanner.rawValue, $0.rawValue)) }
        return (scanner, Dictionary(uniqueKeysWithValues: counters))
      })
  }

  /// From the wait for a turn to the answer, or to the end of patience.
  package func scanned(_ scanner: Scanner, in time: Duration) { times[scanner]?.record(time) }

  package func scanned(_ scanner: Scanner, _ outcome: Outcome) { outcomes[scanner]?[outcome]?.increment() }
}
