import Benchmark

/// What is done in less than some microseconds is done so often in one measurement, so that the clock does not weigh.
let calls = 1_000

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput], warmupIterations: 3, maxDuration: .seconds(1), maxIterations: 1_000_000)
  wireBenchmarks()
  contentBenchmarks()
  queueBenchmarks()
  signingBenchmarks()
  databaseBenchmarks()
  limitBenchmarks()
}
