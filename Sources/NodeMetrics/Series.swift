internal import CoreMetrics
internal import Synchronization

/// The values of one metric for one set of labels. Written by any thread without a lock.
class Series: @unchecked Sendable {
  // Unchecked: subclasses hold nothing but atomics, `let`s, and pointers to atomics that live as long as they.

  /// `{tenant="a"}` without the braces, escaped; empty when there are no labels.
  let labels: String

  init(labels: String) { self.labels = labels }

  /// Appends the lines of this series.
  func write(_ name: String, to text: inout String) {}
}

final class CounterSeries: Series, CounterHandler, @unchecked Sendable {
  private let value = Atomic<Int64>(0)

  func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }

  func reset() { value.store(0, ordering: .relaxed) }

  override func write(_ name: String, to text: inout String) {
    text.appendSample(name, labels, "\(value.load(ordering: .relaxed))")
  }
}

final class RealCounterSeries: Series, FloatingPointCounterHandler, @unchecked Sendable {
  private let value = AtomicDouble()

  func increment(by amount: Double) { if amount > 0, amount.isFinite { value.add(amount) } }

  func reset() { value.store(0) }

  override func write(_ name: String, to text: inout String) { text.appendSample(name, labels, value.load().exposed) }
}

final class GaugeSeries: Series, MeterHandler, RecorderHandler, @unchecked Sendable {
  private let value = AtomicDouble()

  func set(_ new: Int64) { value.store(Double(new)) }
  func set(_ new: Double) { value.store(new) }
  func increment(by amount: Double) { value.add(amount) }
  func decrement(by amount: Double) { value.add(-amount) }
  func record(_ new: Int64) { value.store(Double(new)) }
  func record(_ new: Double) { value.store(new) }

  override func write(_ name: String, to text: inout String) { text.appendSample(name, labels, value.load().exposed) }
}

final class HistogramSeries: Series, RecorderHandler, TimerHandler, @unchecked Sendable {
  private let bounds: [Double]
  /// One for each bound and one for what is larger; not cumulative, so that an observation touches one of them.
  private let buckets: UnsafeMutablePointer<Atomic<Int64>>
  private let sum = AtomicDouble()

  init(labels: String, bounds: [Double]) {
    self.bounds = bounds
    buckets = .allocate(capacity: bounds.count + 1)
    for index in 0...bounds.count { (buckets + index).initialize(to: Atomic(0)) }
    super.init(labels: labels)
  }

  deinit {
    buckets.deinitialize(count: bounds.count + 1)
    buckets.deallocate()
  }

  func record(_ value: Int64) { record(Double(value)) }

  func recordNanoseconds(_ nanoseconds: Int64) { record(Double(nanoseconds) / 1e9) }

  /// What is not a number is not an observation: one NaN would spoil the sum for ever.
  func record(_ value: Double) {
    guard value.isFinite else { return }
    var index = 0
    while index < bounds.count, value > bounds[index] { index += 1 }
    buckets[index].wrappingAdd(1, ordering: .relaxed)
    sum.add(value)
  }

  override func write(_ name: String, to text: inout String) {
    let separator = labels.isEmpty ? "" : ","
    var count: Int64 = 0
    for (index, bound) in (bounds + [.infinity]).enumerated() {
      count += buckets[index].load(ordering: .relaxed)
      text.appendSample("\(name)_bucket", "\(labels)\(separator)le=\"\(bound.exposed)\"", "\(count)")
    }
    text.appendSample("\(name)_sum", labels, sum.load().exposed)
    text.appendSample("\(name)_count", labels, "\(count)")
  }
}

/// A number that many threads set and add to.
final class AtomicDouble: Sendable {
  private let bits = Atomic<UInt64>(0)

  func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let (done, current) = bits.weakCompareExchange(
        expected: old, desired: (Double(bitPattern: old) + amount).bitPattern, ordering: .relaxed)
      if done { return }
      old = current
    }
  }
}
