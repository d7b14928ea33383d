internal import MailModel
internal import MailQueue
internal import Postgres

/// The queue in two tables, or as JSON.
struct QueueReport {
  let lanes: [LaneSummary]
  /// The lanes that are listed one by one.
  let shown: [LaneSummary]
  let errors: [Int64: LaneError]
  let now: Timestamp

  struct Record: Encodable {
    var tenants: [Counts]
    var destinations: [Counts]
    /// How many destinations have mail; more than are listed, perhaps.
    var destinationsTotal: Int
  }

  struct Counts: Encodable {
    var tenant: String
    var isSuspended: Bool
    var destination: String?
    var waiting = 0
    var due = 0
    var inFlight = 0
    var held = 0
    /// There is more than was counted.
    var isCapped = false
    var oldestAcceptedAt: String?
    var nextDue: String?
    var lastError: String?
    var lastErrorAt: String?
  }

  var record: Record {
    Record(
      tenants: tenants.map { counts($0.lanes) },
      destinations: shown.map { lane in
        var counts = counts([lane])
        counts.destination = lane.destination
        counts.lastError = errors[lane.lane]?.attempt.result.words
        counts.lastErrorAt = errors[lane.lane]?.at.iso
        return counts
      }, destinationsTotal: lanes.count)
  }

  func print() {
    guard !lanes.isEmpty else { return Swift.print("The queue is empty.") }
    var table = Table("tenant", ">waiting", ">due", ">in flight", ">held", "oldest", "next due", "state")
    for tenant in tenants {
      table.add([tenant.name] + cells(tenant.lanes) + [tenant.lanes.first?.isSuspended == true ? "disabled" : ""])
    }
    table.print()
    Swift.print()
    table = Table(
      "destination", "tenant", ">waiting", ">due", ">in flight", ">held", "oldest", "next due", "last error")
    for lane in shown {
      table.add([lane.destination, lane.tenant] + cells([lane]) + [errors[lane.lane]?.attempt.result.words ?? ""])
    }
    table.print()
    if shown.count < lanes.count { Swift.print("… and \(lanes.count - shown.count) more destinations (--limit)") }
  }

  private var tenants: [(name: String, lanes: [LaneSummary])] {
    Dictionary(grouping: lanes, by: \.tenant).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func cells(_ lanes: [LaneSummary]) -> [(any CustomStringConvertible)?] {
    let more = lanes.contains { $0.isCapped } ? "+" : ""
    let counts = [\LaneSummary.waiting, \.due, \.inFlight, \.held].map { path in
      "\(lanes.reduce(0) { $0 + $1[keyPath: path] })\(more)"
    }
    let next = lanes.compactMap(\.nextDue).min().map { $0 <= now ? "now" : $0.relative(to: now) }
    return counts + [lanes.compactMap(\.oldestAccepted).min()?.relative(to: now), next]
  }

  private func counts(_ lanes: [LaneSummary]) -> Counts {
    var counts = Counts(tenant: lanes.first?.tenant ?? "", isSuspended: lanes.first?.isSuspended ?? false)
    for lane in lanes {
      counts.waiting += lane.waiting
      counts.due += lane.due
      counts.inFlight += lane.inFlight
      counts.held += lane.held
      counts.isCapped = counts.isCapped || lane.isCapped
    }
    counts.oldestAcceptedAt = lanes.compactMap(\.oldestAccepted).min()?.iso
    counts.nextDue = lanes.compactMap(\.nextDue).min()?.iso
    return counts
  }
}
