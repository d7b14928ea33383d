package import CoreMetrics

/// What the listener for reports counts.
package struct InboundMetrics: Sendable {
  package enum Kind: Int, CaseIterable, Sendable {
    /// A recipient whose mail came back.
    case returned
    /// A recipient that complained.
    case complained
    case other
    /// Nothing that was not known.
    case repeated
    /// The message that it is about has been dropped.
    case unknownMessage

    var name: String { self == .unknownMessage ? "unknown_message" : "\(self)" }
  }

  private let reports: [Counter]

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    reports = Kind.allCases.map { Metric.reports.counter(factory, $0.name) }
  }

  package func reported(_ kind: Kind) { reports[kind.rawValue].increment() }
}
