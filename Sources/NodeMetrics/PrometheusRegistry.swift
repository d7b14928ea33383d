package import CoreMetrics
internal import Synchronization

/// Collects what the metrics API is told, and shows it in Prometheus's text format.
///
/// Making a handle takes a lock and a look-up; using one does not. Labels that come from outside (tenants,
/// destinations) cannot fill the memory of this process or of the one that collects: beyond `seriesMax` series of one
/// metric all further ones are one, whose label values are `(other)`.
package final class PrometheusRegistry: MetricsFactory {
  private struct Family {
    let metric: Metric
    /// By the labels as they are shown.
    var series: [String: (series: Series, users: Int)] = [:]
  }

  private struct State {
    var families: [String: Family] = [:]
    var beforeRendering: [@Sendable () -> Void] = []
  }

  private let known: [String: Metric]
  private let seriesMax: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - metrics: those that are shown; what libraries count beyond them is not.
  ///   - seriesMax: how many series one metric may have.
  package init(_ metrics: [Metric] = Metric.all, seriesMax: Int = 200) {
    known = Dictionary(metrics.map { ($0.name, $0) }) { first, _ in first }
    self.seriesMax = seriesMax
  }

  /// Calls `body` before each rendering, for gauges that somebody else keeps. It must not block.
  package func beforeRendering(_ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.beforeRendering.append(body) }
  }

  /// The text exposition format, version 0.0.4; metrics by name, series by labels.
  package func rendered() -> String {
    for body in state.withLock({ $0.beforeRendering }) { body() }
    let families = state.withLock { $0.families }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
      text += "# HELP \(name) \(family.metric.meaning.escapedHelp)\n# TYPE \(name) \(family.metric.kind.name)\n"
      for (_, entry) in family.series.sorted(by: { $0.key < $1.key }) { entry.series.write(name, to: &text) }
    }
    return text
  }

  /// The series of these labels, or the common one when there are too many. nil: such a metric is not known.
  private func series<S: Series>(
    _ name: String, _ dimensions: [(String, String)], _ make: (_ labels: String, _ metric: Metric) -> S
  ) -> S? {
    guard let metric = known[name] else { return nil }
    return state.withLock { state in
      var family = state.families[name] ?? Family(metric: metric)
      var labels = shownLabels(dimensions)
      if family.series[labels] == nil, family.series.count >= seriesMax {
        labels = shownLabels(dimensions.map { ($0.0, "(other)") })
      }
      let entry = family.series[labels] ?? (make(labels, metric), 0)
      // Of another kind than it is declared: a mistake of ours, which a test finds.
      guard let found = entry.series as? S else { return nil }
      family.series[labels] = (found, entry.users + 1)
      state.families[name] = family
      return found
    }
  }

  private func forget(_ handler: AnyObject) {
    guard let series = handler as? Series else { return }
    state.withLock { state in
      for (name, family) in state.families {
        guard let entry = family.series[series.labels], entry.series === series else { continue }
        state.families[name]?.series[series.labels] = entry.users > 1 ? (series, entry.users - 1) : nil
      }
    }
  }
}

extension PrometheusRegistry {
  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions) { labels, _ in CounterSeries(labels: labels) } ?? NOOPMetricsHandler.instance
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions) { labels, _ in RealCounterSeries(labels: labels) } ?? NOOPMetricsHandler.instance
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions) { labels, _ in GaugeSeries(labels: labels) } ?? NOOPMetricsHandler.instance
  }

  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    guard aggregate else {
      return series(label, dimensions) { labels, _ in GaugeSeries(labels: labels) } ?? NOOPMetricsHandler.instance
    }
    return histogram(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramSeries? {
    guard case .histogram(let bounds) = known[label]?.kind else { return nil }
    return series(label, dimensions) { labels, _ in HistogramSeries(labels: labels, bounds: bounds) }
  }

  package func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }
  package func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
  package func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
  package func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
}
