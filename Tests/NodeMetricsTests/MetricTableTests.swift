import Foundation
import NodeMetrics
import Testing

/// Code, table and `docs/metrics.md` say the same.
@Suite struct MetricTableTests {
  /// Everything that any process may show, shown by one.
  private var rendered: String {
    let registry = PrometheusRegistry()
    let process = ProcessMetrics(role: "test", version: "0", schema: 0, registry)
    _ = process.databaseWaiting(pool: "queue")
    _ = process.certificateDays()
    _ = DatabaseMetrics(registry)
    _ = AcceptorMetrics(registry)
    _ = LimitMetrics(registry)
    _ = ScanMetrics(registry)
    _ = EnqueueMetrics(registry)
    _ = InboundMetrics(registry)
    _ = DiscoveryMetrics(registry)
    _ = WorkerMetrics(registry)
    KeeperMetrics(registry).failed("expire")
    let domains = DomainMetrics(registry)
    domains.show(proven: 1, unproven: 1, vanished: 1, keysWaiting: 1)
    var look = QueueMetrics.Look()
    let part = QueueMetrics.Part(name: "one", recipients: 1, delay: .zero)
    (look.tenants, look.destinations) = ([part], [part])
    let queue = QueueMetrics(registry)
    queue.show(look)
    let listings = ListingMetrics(registry)
    listings.show([(list: "bl.example", address: "192.0.2.1", isListed: true)])
    let text = registry.rendered()
    withExtendedLifetime((queue, domains, listings)) {}
    return text
  }

  @Test func everythingDeclaredIsShownAndTheOtherWayRound() {
    let lines = rendered.split(separator: "\n")
    let shown = lines.filter { $0.hasPrefix("# TYPE ") }.map { String($0.dropFirst(7)) }
    #expect(Set(shown) == Set(Metric.all.map { "\($0.name) \($0.kind.name)" }))
    #expect(Metric.all.count == Set(Metric.all.map(\.name)).count)
  }

  @Test func seriesHaveTheLabelsThatAreDeclared() throws {
    let lines = rendered.split(separator: "\n").filter { !$0.hasPrefix("#") }
    for metric in Metric.all {
      let line = try #require(lines.first { $0.hasPrefix(metric.name) }, "\(metric.name)")
      let names = line.matches(of: /[{,]([a-z]+)="/).map { String($0.1) }.filter { $0 != "le" }
      #expect(names == metric.labels, "\(line)")
    }
  }

  @Test func namesFollowPrometheus() {
    for metric in Metric.all {
      #expect(metric.name.wholeMatch(of: /postrider(_[a-z]+)+/) != nil, "\(metric.name)")
      #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
      #expect(metric.meaning.hasSuffix("."), "\(metric.name)")
    }
  }

  @Test func reasonsOfRefusalAreWords() {
    let reasons = rendered.matches(of: /postrider_refused_total\{reason="([^"]*)"\} 0/).map { String($0.1) }
    #expect(reasons.count == RefusalReason.allCases.count)
    #expect(reasons.allSatisfy { $0.wholeMatch(of: /[a-z]+(_[a-z]+)*/) != nil }, "\(reasons)")
  }

  /// `POSTRIDER_TEST_WRITE=1 swift test --filter MetricTableTests` writes the tables anew.
  @Test func documentationIsCurrent() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/metrics.md")
    var text = try String(contentsOf: page, encoding: .utf8)
    let groups = [
      ("process", Metric.process), ("acceptor", Metric.acceptor), ("inbound", Metric.inbound),
      ("discovery", Metric.discovery), ("worker", Metric.worker),
      ("keeper", Metric.keeper), ("queue", Metric.queue),
    ]
    for (name, metrics) in groups {
      let begin = try #require(text.range(of: "<!-- \(name) -->\n"))
      let end = try #require(text.range(of: "<!-- end -->", range: begin.upperBound..<text.endIndex))
      if ProcessInfo.processInfo.environment["POSTRIDER_TEST_WRITE"] != nil {
        text.replaceSubrange(begin.upperBound..<end.lowerBound, with: table(metrics))
        try Data(text.utf8).write(to: page)
      } else {
        #expect(text[begin.upperBound..<end.lowerBound] == table(metrics), "the table «\(name)» is out of date")
      }
    }
  }

  private func table(_ metrics: [Metric]) -> String {
    let rows = metrics.map { metric in
      let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
      return "| `\(metric.name)` | \(metric.kind.name) | \(labels) | \(metric.meaning) |\n"
    }
    return "| metric | type | labels | meaning |\n|---|---|---|---|\n" + rows.joined()
  }
}
