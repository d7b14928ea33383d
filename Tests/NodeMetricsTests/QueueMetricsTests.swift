import NodeMetrics
import Testing

/// Tenants and destinations come and go; what is shown of them has a bound.
@Suite struct QueueMetricsTests {
  private func look(_ tenants: [QueueMetrics.Part]) -> QueueMetrics.Look {
    var look = QueueMetrics.Look()
    look.tenants = tenants
    return look
  }

  @Test func theMostOverdueAreNamedAndTheRestIsOne() {
    let registry = PrometheusRegistry()
    let queue = QueueMetrics(registry, partsMax: 2)
    queue.show(
      look([
        .init(name: "idle", recipients: 900, delay: .zero), .init(name: "late", recipients: 1, delay: .seconds(60)),
        .init(name: "large", recipients: 1000, delay: .zero), .init(name: "small", recipients: 3, delay: .zero),
      ]))
    let text = registry.rendered()
    #expect(text.contains("postrider_tenant_queue_recipients{tenant=\"late\"} 1\n"))
    #expect(text.contains("postrider_tenant_queue_delay_seconds{tenant=\"late\"} 60\n"))
    #expect(text.contains("postrider_tenant_queue_recipients{tenant=\"large\"} 1000\n"))
    #expect(text.contains("postrider_tenant_queue_recipients{tenant=\"(other)\"} 903\n"))
    #expect(!text.contains("idle") && !text.contains("small"))
  }

  @Test func whoHasNothingQueuedIsNoLongerShown() {
    let registry = PrometheusRegistry()
    let queue = QueueMetrics(registry)
    queue.show(look([.init(name: "first", recipients: 5, delay: .seconds(2))]))
    queue.show(look([.init(name: "second", recipients: 6, delay: .zero)]))
    #expect(!registry.rendered().contains("first"))
    #expect(registry.rendered().contains("postrider_tenant_queue_recipients{tenant=\"second\"} 6\n"))
  }

  @Test func whoDoesNotLeadShowsNothing() {
    let registry = PrometheusRegistry()
    let queue = QueueMetrics(registry)
    queue.show(look([.init(name: "first", recipients: 5, delay: .zero)]))
    queue.hide()
    #expect(registry.rendered().isEmpty)
  }
}
