internal import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import Postgres

/// What a claim loop takes from parked lanes.
extension SiteDesk {
  /// Whether this claim is to look at the parked lanes: once a second.
  func isTimeToLook() -> Bool {
    lookedAt.withLockedValue { last in
      guard last.map({ $0.duration(to: .now) >= SiteExchange.interval / 2 }) ?? true else { return false }
      last = .now
      return true
    }
  }

  /// Takes what may be taken from parked lanes, after a look at what the database knows of slowed sites.
  func claim(session: QueueID, counter: Int64, _ connection: PostgresConnection) throws -> ParkedBatch {
    for site in book.learn(try Sites.slowdowns(connection), database: number) {
      try Sites.resume(site, source: book.configuration.source, connection)
    }
    let allowance = book.allowance(database: number)
    let parked = try Claims.takeParked(session: session, counter: counter, allowance, connection)
    for site in allowance.sites where parked.ended.contains(site.name) {
      book.forget(site.name, incident: site.incident)
    }
    return parked
  }

  /// Why a claimed message may go.
  static func pass(_ message: ClaimedMessage, in parked: ParkedBatch, counter: Int64) -> SitePass? {
    guard let job = message.jobs.first,
      let site = parked.sites[HeldJob(message: job.message, recipient: job.recipient)]
    else { return nil }
    return parked.probed.contains(site) ? .probe(site, counter: counter) : .paced(site)
  }
}
