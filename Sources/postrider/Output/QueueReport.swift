internal import MailModel
internal import MailQueue
internal import Postgres

/// The queue in two tables, or as JSON.
struct QueueReport {
  /// What one database has.
  struct Part {
    var lanes: [LaneSummary]
    var errors: [Int64: LaneError]
    var holdReasons: [Int64: String] = [:]
    var sites: [SiteSummary] = []
    var now: Timestamp
  }

  struct Lane {
    /// nil where there is one database only.
    let shard: String?
    let summary: LaneSummary
    let error: LaneError?
    /// Why one of its messages is held; nil: none was when it was accepted.
    let holdReason: String?
  }

  /// Busiest first.
  let lanes: [Lane]
  /// Those that are listed one by one.
  let shown: [Lane]
  let now: Timestamp
  /// Those whose mail waits because of them.
  let sites: SiteReport
  let unreachable: [String]?

  init(_ parts: [(shard: String?, answer: Part)], unreachable: [String], limit: Int) {
    lanes = parts.flatMap { shard, part in
      part.lanes.map {
        Lane(shard: shard, summary: $0, error: part.errors[$0.lane], holdReason: part.holdReasons[$0.lane])
      }
    }.sorted { $0.summary.total > $1.summary.total }
    shown = Array(lanes.prefix(limit))
    now = parts.map(\.answer.now).max() ?? Timestamp(microseconds: 0)
    sites = SiteReport(sites: parts.flatMap { shard, part in part.sites.map { (shard, $0) } }, now: now)
    self.unreachable = unreachable.isEmpty ? nil : unreachable
  }

  private var isSharded: Bool { lanes.contains { $0.shard != nil } }

  struct Record: Encodable {
    var tenants: [Counts]
    var destinations: [Counts]
    /// How many destinations have mail; more than are listed, perhaps.
    var destinationsTotal: Int
    /// Sites that are down or slowed.
    var sites: [SiteReport.Record]
    /// Databases whose mail is not counted.
    var unreachable: [String]?
  }

  struct Counts: Encodable {
    var tenant: String
    var isSuspended: Bool
    var destination: String?
    /// Only where there are several.
    var shard: String?
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
    var holdReason: String?
  }

  var record: Record {
    Record(
      tenants: tenants.map { counts($0.lanes) },
      destinations: shown.map { lane in
        var counts = counts([lane.summary])
        counts.destination = lane.summary.destination
        counts.shard = lane.shard
        counts.lastError = lane.error?.attempt.result.words
        counts.lastErrorAt = lane.error?.at.iso
        counts.holdReason = lane.holdReason
        return counts
      }, destinationsTotal: lanes.count, sites: sites.records, unreachable: unreachable)
  }

  func print() {
    guard !lanes.isEmpty else {
      Swift.print("The queue is empty.")
      return sites.print()
    }
    var table = Table("tenant", ">waiting", ">due", ">in flight", ">held", "oldest", "next due", "state")
    for tenant in tenants {
      table.add([tenant.name] + cells(tenant.lanes) + [tenant.lanes.first?.isSuspended == true ? "disabled" : ""])
    }
    table.print()
    Swift.print()
    table = Table(
      ["destination", "tenant"] + (isSharded ? ["shard"] : [])
        + [">waiting", ">due", ">in flight", ">held", "oldest", "next due", "last error"])
    for lane in shown {
      let summary = lane.summary
      table.add(
        [summary.destination, summary.tenant] + (isSharded ? [lane.shard] : []) + cells([summary])
          + [lane.error?.attempt.result.words ?? lane.holdReason.map { "held: \($0)" } ?? ""])
    }
    table.print()
    if shown.count < lanes.count { Swift.print("… and \(lanes.count - shown.count) more destinations (--limit)") }
    sites.print()
  }

  private var tenants: [(name: String, lanes: [LaneSummary])] {
    Dictionary(grouping: lanes.map(\.summary), by: \.tenant).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
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
