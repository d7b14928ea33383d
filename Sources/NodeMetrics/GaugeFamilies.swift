internal import CoreMetrics
internal import Synchronization

/// Gauges whose labels come and go: what is not set again is not shown again.
final class GaugeFamilies: Sendable {
  struct Sample: Sendable {
    let metric: Metric
    let labels: [String]
    let value: Double

    init(_ metric: Metric, _ labels: [String], _ value: Double) {
      self.metric = metric
      self.labels = labels
      self.value = value
    }
  }

  private struct Key: Hashable {
    let name: String
    let labels: [String]
  }

  private let factory: any MetricsFactory
  private let gauges = Mutex<[Key: Meter]>([:])

  init(_ factory: any MetricsFactory) { self.factory = factory }

  func replace(_ samples: [Sample]) {
    gauges.withLock { gauges in
      var old = gauges
      for sample in samples {
        let key = Key(name: sample.metric.name, labels: sample.labels)
        let gauge =
          gauges[key]
          ?? Meter(label: key.name, dimensions: sample.metric.dimensions(sample.labels), factory: factory)
        gauge.set(sample.value)
        gauges[key] = gauge
        old[key] = nil
      }
      for (key, gauge) in old {
        gauge.destroy()
        gauges[key] = nil
      }
    }
  }
}
