internal import MailModel
internal import MailQueue
internal import Postgres

/// Sites in trouble, as a table or as JSON.
struct SiteReport {
  let sites: [(shard: String?, summary: SiteSummary)]
  let now: Timestamp

  struct Record: Encodable {
    var site: String
    /// Only where there are several databases.
    var shard: String?
    /// `down` or `slowed`.
    var state: String
    var category: String
    var since: String
    /// The next probe, or when the pause ends.
    var nextAt: String
    /// When a slowed site is back to normal.
    var endsAt: String?
    var isProbed: Bool
    /// Failed probes, or slowdowns in a row.
    var times: Int
    /// Messages a minute.
    var rate: Double?
    var normalRate: Double?
    var sources: [String]
    var destinations: Int
    var recipients: Int
    var isCapped: Bool
    var reply: String
  }

  var records: [Record] {
    sites.map { shard, site in
      Record(
        site: site.name, shard: shard, state: site.state.rawValue, category: site.category, since: site.since.iso,
        nextAt: site.nextAt.iso, endsAt: site.endsAt?.iso, isProbed: site.isProbed, times: site.times, rate: site.rate,
        normalRate: site.normal, sources: site.sources, destinations: site.lanes, recipients: site.recipients,
        isCapped: site.isCapped, reply: site.attempt.result.words)
    }
  }

  func print() {
    guard !sites.isEmpty else { return }
    let isSharded = sites.contains { $0.shard != nil }
    var table = Table(
      ["site in trouble", "state"] + (isSharded ? ["shard"] : [])
        + ["since", "next", "back to normal", ">a minute", ">destinations", ">waiting", "why"])
    for (shard, site) in sites {
      var cells: [(any CustomStringConvertible)?] = [site.name, site.state.rawValue]
      if isSharded { cells.append(shard) }
      let rate = site.rate.map { rate in "\(Int(rate.rounded())) of \(Int((site.normal ?? rate).rounded()))" }
      cells.append(site.since.relative(to: now))
      cells.append(next(site))
      cells.append(site.endsAt?.relative(to: now))
      cells.append(rate)
      cells.append("\(site.lanes)")
      cells.append("\(site.recipients)\(site.isCapped ? "+" : "")")
      cells.append(site.attempt.result.words)
      table.add(cells)
    }
    Swift.print()
    table.print()
  }

  private func next(_ site: SiteSummary) -> String {
    switch site.state {
    case .down: site.isProbed ? "being probed" : "probe \(site.nextAt <= now ? "now" : site.nextAt.relative(to: now))"
    case .slowed: site.nextAt <= now ? "some at a time" : "paused, \(site.nextAt.relative(to: now))"
    }
  }
}
