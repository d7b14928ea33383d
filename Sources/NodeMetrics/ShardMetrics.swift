package import CoreMetrics

/// Makes metrics that say which of several databases they are about, by a label `shard`.
package final class ShardMetrics: MetricsFactory {
  private let base: any MetricsFactory
  private let shard: String

  private init(_ base: any MetricsFactory, shard: String) {
    self.base = base
    self.shard = shard
  }

  /// - Parameter shard: nil where there is one database only: then there is no label.
  package static func factory(
    shard: String?, _ base: any MetricsFactory = MetricsSystem.factory
  ) -> any MetricsFactory {
    shard.map { ShardMetrics(base, shard: $0) } ?? base
  }

  private func labelled(_ dimensions: [(String, String)]) -> [(String, String)] { dimensions + [("shard", shard)] }

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    base.makeCounter(label: label, dimensions: labelled(dimensions))
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    base.makeFloatingPointCounter(label: label, dimensions: labelled(dimensions))
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    base.makeMeter(label: label, dimensions: labelled(dimensions))
  }

  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    base.makeRecorder(label: label, dimensions: labelled(dimensions), aggregate: aggregate)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    base.makeTimer(label: label, dimensions: labelled(dimensions))
  }

  package func destroyCounter(_ handler: any CounterHandler) { base.destroyCounter(handler) }
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    base.destroyFloatingPointCounter(handler)
  }
  package func destroyMeter(_ handler: any MeterHandler) { base.destroyMeter(handler) }
  package func destroyRecorder(_ handler: any RecorderHandler) { base.destroyRecorder(handler) }
  package func destroyTimer(_ handler: any TimerHandler) { base.destroyTimer(handler) }
}
