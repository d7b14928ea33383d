import CoreMetrics
import NodeMetrics
import Testing

/// The text that Prometheus reads.
@Suite struct RenderingTests {
  private let counter = Metric("test_total", .counter, labels: ["who"], "Things.")
  private let gauge = Metric("test_now", .gauge, labels: ["who"], "How it is \\ was\nin two lines.")
  private let histogram = Metric("test_seconds", .histogram(bounds: [0.5, 1]), labels: ["who"], "How long.")

  private func registry(seriesMax: Int = 200) -> PrometheusRegistry {
    PrometheusRegistry([counter, gauge, histogram], seriesMax: seriesMax)
  }

  @Test func aMetricHasItsHelpItsTypeAndItsSeriesInOrder() {
    let registry = registry()
    let b = Counter(label: "test_total", dimensions: [("who", "b")], factory: registry)
    let a = Counter(label: "test_total", dimensions: [("who", "a")], factory: registry)
    let now = Meter(label: "test_now", factory: registry)
    b.increment()
    b.increment(by: 41)
    a.increment(by: 7)
    now.set(0.25)
    now.increment(by: 1)
    #expect(
      registry.rendered() == #"""
        # HELP test_now How it is \\ was\nin two lines.
        # TYPE test_now gauge
        test_now 1.25
        # HELP test_total Things.
        # TYPE test_total counter
        test_total{who="a"} 7
        test_total{who="b"} 42

        """#)
  }

  @Test func aHistogramIsCumulativeAndItsCountIsItsLastBucket() {
    let registry = registry()
    let timer = Timer(label: "test_seconds", dimensions: [("who", "a")], factory: registry)
    timer.record(.milliseconds(500))
    timer.record(.milliseconds(501))
    timer.record(.seconds(1))
    timer.record(.seconds(60))
    #expect(
      registry.rendered() == """
        # HELP test_seconds How long.
        # TYPE test_seconds histogram
        test_seconds_bucket{who="a",le="0.5"} 1
        test_seconds_bucket{who="a",le="1"} 3
        test_seconds_bucket{who="a",le="+Inf"} 4
        test_seconds_sum{who="a"} 62.001
        test_seconds_count{who="a"} 4

        """)
  }

  @Test func aHistogramWithoutLabelsHasOnlyItsBounds() {
    let registry = registry()
    Recorder(label: "test_seconds", factory: registry).record(2)
    #expect(registry.rendered().contains("test_seconds_bucket{le=\"1\"} 0\ntest_seconds_bucket{le=\"+Inf\"} 1\n"))
  }

  @Test(arguments: [
    ("a\"b", #"a\"b"#), ("a\\b", #"a\\b"#), ("a\nb", #"a\nb"#), ("a\u{1B}[31m\r\u{0}b", "a?[31m??b"), ("é", "é"),
    ("}", "}"), ("", ""),
  ])
  func labelValuesCannotLeaveTheirQuotes(value: String, shown: String) {
    let registry = registry()
    Counter(label: "test_total", dimensions: [("who", value)], factory: registry).increment()
    #expect(registry.rendered().hasSuffix("test_total{who=\"\(shown)\"} 1\n"))
  }

  @Test func aLongLabelValueIsCut() {
    let registry = registry()
    Counter(label: "test_total", dimensions: [("who", String(repeating: "x", count: 5000))], factory: registry)
      .increment()
    #expect(registry.rendered().contains("\"\(String(repeating: "x", count: 255))\""))
  }

  @Test(arguments: [
    (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (-0.5, "-0.5"), (1e300, "1e+300"), (3, "3"),
  ])
  func numbersAreWrittenAsPrometheusReadsThem(value: Double, shown: String) {
    let registry = registry()
    Meter(label: "test_now", factory: registry).set(value)
    #expect(registry.rendered().hasSuffix("\ntest_now \(shown)\n"))
  }

  @Test func whatIsNotANumberIsNotObserved() {
    let registry = registry()
    let recorder = Recorder(label: "test_seconds", factory: registry)
    recorder.record(Double.nan)
    recorder.record(Double.infinity)
    recorder.record(0.25)
    #expect(registry.rendered().hasSuffix("test_seconds_sum 0.25\ntest_seconds_count 1\n"))
  }

  @Test func aMetricNeverHasMoreSeriesThanItMay() {
    let registry = registry(seriesMax: 3)
    for number in 0..<1000 {
      Counter(label: "test_total", dimensions: [("who", "tenant \(number)")], factory: registry).increment()
    }
    let lines = registry.rendered().split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(
      lines == [
        "test_total{who=\"(other)\"} 997", "test_total{who=\"tenant 0\"} 1", "test_total{who=\"tenant 1\"} 1",
        "test_total{who=\"tenant 2\"} 1",
      ])
    // One that is known already goes on under its name.
    Counter(label: "test_total", dimensions: [("who", "tenant 1")], factory: registry).increment()
    #expect(registry.rendered().contains("test_total{who=\"tenant 1\"} 2\n"))
  }

  @Test func whatIsDestroyedIsShownAsLongAsSomebodyElseHasIt() {
    let registry = registry()
    let one = Meter(label: "test_now", dimensions: [("who", "a")], factory: registry)
    let two = Meter(label: "test_now", dimensions: [("who", "a")], factory: registry)
    one.set(1)
    one.destroy()
    two.set(2)
    #expect(registry.rendered().contains("test_now{who=\"a\"} 2\n"))
    two.destroy()
    #expect(registry.rendered().isEmpty)
  }

  @Test func whatIsNotDeclaredIsNotShownAndDoesNoHarm() {
    let registry = registry()
    Counter(label: "unknown_total", factory: registry).increment()
    Timer(label: "test_total", factory: registry).record(.seconds(1))
    Meter(label: "test_total", factory: registry).set(1)
    #expect(!registry.rendered().contains("unknown"))
  }

  @Test func manyThreadsLoseNothing() async {
    let registry = registry()
    let counter = Counter(label: "test_total", factory: registry)
    let gauge = Meter(label: "test_now", factory: registry)
    let timer = Timer(label: "test_seconds", factory: registry)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<2000 {
            counter.increment()
            gauge.increment(by: 0.5)
            timer.record(.milliseconds(250))
          }
        }
      }
    }
    let text = registry.rendered()
    #expect(text.contains("test_total 16000\n") && text.contains("test_now 8000\n"))
    #expect(text.contains("test_seconds_sum 4000\n") && text.contains("test_seconds_count 16000\n"))
  }

  @Test func whoeverKeepsANumberIsAskedBeforeItIsShown() {
    let registry = registry()
    let gauge = Meter(label: "test_now", factory: registry)
    let calls = Counter(label: "test_total", factory: registry)
    registry.beforeRendering {
      calls.increment()
      gauge.set(5)
    }
    #expect(registry.rendered().contains("test_now 5\n"))
    #expect(registry.rendered().contains("test_total 2\n"))
  }
}
