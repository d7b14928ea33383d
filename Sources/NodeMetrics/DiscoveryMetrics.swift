package import CoreMetrics

/// What is answered to mail programs that look for their settings.
package struct DiscoveryMetrics: Sendable {
  package enum Kind: Int, CaseIterable, Sendable {
    case autoconfig
    case autodiscover
    case profile
    case refused
    /// One client asked too often.
    case limited
  }

  private let answers: [Counter]

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) {
    answers = Kind.allCases.map { Metric.discoveryAnswers.counter(factory, "\($0)") }
  }

  package func answered(_ kind: Kind) { answers[kind.rawValue].increment() }
}
