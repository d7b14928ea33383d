// What a process tells about itself in numbers.
//
// Every metric is declared once, in `Metric+Table.swift`; `docs/metrics.md` says the same and a test compares them. A
// role takes its metrics as a group of handles that are made when it starts (`AcceptorMetrics` …), so that counting is
// one atomic addition and never a look-up. Without `status.listen` nothing collects, and the handles do nothing.
package import CoreMetrics

/// One metric: its name, what it is, and the labels that tell its series apart.
package struct Metric: Sendable {
  package enum Kind: Sendable, Hashable {
    /// Only ever grows, from 0 at the process's start.
    case counter
    case gauge
    /// How many observations were at most so large; the last bucket, for all, is implied.
    case histogram(bounds: [Double])
  }

  package let name: String
  package let kind: Kind
  package let labels: [String]
  package let meaning: String

  package init(_ name: String, _ kind: Kind, labels: [String] = [], _ meaning: String) {
    self.name = name
    self.kind = kind
    self.labels = labels
    self.meaning = meaning
  }
}

extension Metric.Kind {
  /// Seconds, from what a memory does to what a tarpit does.
  static let seconds = Self.histogram(bounds: [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
  ])

  /// How many share something.
  static let sizes = Self.histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])

  /// As Prometheus calls it.
  package var name: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}

extension Metric {
  func counter(_ factory: any MetricsFactory, _ values: String...) -> Counter {
    Counter(label: name, dimensions: dimensions(values), factory: factory)
  }

  func gauge(_ factory: any MetricsFactory, _ values: String...) -> Meter {
    Meter(label: name, dimensions: dimensions(values), factory: factory)
  }

  /// For observations in seconds.
  func timer(_ factory: any MetricsFactory, _ values: String...) -> Timer {
    Timer(label: name, dimensions: dimensions(values), factory: factory)
  }

  /// For observations without a unit.
  func recorder(_ factory: any MetricsFactory, _ values: String...) -> Recorder {
    Recorder(label: name, dimensions: dimensions(values), aggregate: true, factory: factory)
  }

  func dimensions(_ values: [String]) -> [(String, String)] { Array(zip(labels, values)) }
}

extension Timer {
  package func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
