internal import BounceRules
internal import CoreMetrics
internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import NodeMetrics
internal import Postgres
internal import RetryPolicy
internal import Routing

/// Sites in trouble as one database's deliveries meet them: who may go, what a failure means to the others, which lanes
/// are parked.
///
/// Parking is written before the outcomes: a worker that dies in between leaves a claim in a parked lane, which counts as
/// free once its session has ended. What is handed back keeps its place and its number of attempts.
final class SiteDesk: Sendable {
  let exchange: SiteExchange
  var book: SiteBook { exchange.book }
  private let services: WorkerServices
  /// Which of the worker's databases.
  let number: Int
  private let parkedAt = NIOLockedValueBox<[Int64: ContinuousClock.Instant]>([:])
  let lookedAt = NIOLockedValueBox<ContinuousClock.Instant?>(nil)

  init(_ exchange: SiteExchange, _ services: WorkerServices, number: Int) {
    self.exchange = exchange
    self.services = services
    self.number = number
  }

  func name(of route: Route) -> String { book.configuration.names.name(of: route) }

  // MARK: Before a delivery

  /// Whether a message of a lane may go to a site. Where not, the lane waits from now on.
  func mayPass(_ site: String, lane: Int64, _ pass: SitePass?) async -> Bool {
    guard pass == nil, let trouble = book.trouble(of: site) else { return true }
    return await !park(lane, at: site, trouble)
  }

  /// The same at a moment when nobody can wait: asked before each transaction of a delivery.
  func mayBegin(_ site: String, _ pass: SitePass?) -> Bool { pass != nil || book.trouble(of: site) == nil }

  /// - Returns: false when the trouble is over.
  private func park(_ lane: Int64, at site: String, _ trouble: SiteBook.Trouble) async -> Bool {
    let now = ContinuousClock.now
    let isParked = parkedAt.withLockedValue { parked in
      if let at = parked[lane], at.duration(to: now) < .seconds(1) { return true }
      if parked.count > 10_000 { parked.removeAll() }
      parked[lane] = now
      return false
    }
    if isParked { return true }
    do {
      let incident = trouble.incident
      let answer = try await services.database.run { connection in
        try Sites.park([lane], at: site, incident: incident, connection)
      }
      if let answer {
        if !answer { isOver(site, trouble, lane) }
        return answer
      }
      return await mark(site, trouble, book.lastAttempt(site) ?? Self.elsewhere, lane)
    } catch {
      services.logger.warning("a lane could not be parked", metadata: ["site": "\(site)", "error": "\(error)"])
      return true
    }
  }

  private static let elsewhere = Attempt(result: .notTried("another worker was told so"))

  private func isOver(_ site: String, _ trouble: SiteBook.Trouble, _ lane: Int64) {
    parkedAt.withLockedValue { $0[lane] = nil }
    book.forget(site, incident: trouble.incident)
  }

  /// Writes a trouble down and parks the lane.
  /// - Returns: false when that incident is over.
  @discardableResult
  private func mark(_ site: String, _ trouble: SiteBook.Trouble, _ attempt: Attempt, _ lane: Int64) async -> Bool {
    var noted = SiteTrouble(
      site: site, state: .down, incident: trouble.incident,
      category: getBounceInfo(attempt.result, remote: attempt.remote)?.category.rawValue ?? "",
      pause: book.configuration.probes.first, source: book.configuration.source, attempt: attempt)
    if case .slowed(let pace) = trouble {
      let now = ContinuousClock.now
      noted.state = .slowed
      noted.category = pace.category
      noted.pause = max(.zero, now.duration(to: pace.resumesAt))
      noted.lasts = pace.timeLeft(at: now)
      (noted.times, noted.rate, noted.normal) = (pace.troubles, pace.rate, pace.normal)
    }
    do {
      let isParked = try await services.database.run { [noted] in try Sites.mark(noted, lanes: [lane], $0) }
      if !isParked { isOver(site, trouble, lane) }
      return isParked
    } catch {
      services.logger.warning("a site's trouble is not noted", metadata: ["site": "\(site)", "error": "\(error)"])
      return true
    }
  }

  /// Gives a probe back that says nothing about its site: another message will do it.
  func giveBack(_ pass: SitePass?, session: QueueID) async { await endProbe(pass, nil, session) }

  /// A domain's mail may go elsewhere by now: then its lane waits for the old site no longer.
  /// - Returns: the pass, if it is for this site.
  func check(_ pass: SitePass?, _ site: String, _ message: ClaimedMessage, session: QueueID) async -> SitePass? {
    guard let pass, pass.site != site, let lane = message.jobs.first?.lane else { return pass }
    await giveBack(pass, session: session)
    await write("that a lane's mail goes elsewhere", pass.site) { try Sites.unpark(lane, from: pass.site, $0) }
    return nil
  }

  // MARK: After a delivery

  /// What a delivery's end means to its site, and what the site means to the delivery.
  /// - Parameter infos: one for each attempt; nil where nothing failed.
  /// - Returns: the attempts as they count: where a site is known to be down, a failed connection says nothing about the
  ///   message.
  func settle(
    _ site: String, _ attempts: [Attempt], _ infos: [BounceInfo?], _ message: ClaimedMessage, _ pass: SitePass?,
    session: QueueID
  ) async -> [Attempt] {
    guard let lane = message.jobs.first?.lane, let first = attempts.first else { return attempts }
    if attempts.allSatisfy(\.isUntried) {
      await endProbe(pass, nil, session)
      // The site got into trouble while this message stood in line.
      if let trouble = book.trouble(of: site), pass == nil { _ = await park(lane, at: site, trouble) }
      return attempts
    }
    if attempts.allSatisfy(\.foundNobody) { return await unreachable(site, attempts, first, lane, pass, session) }
    book.reached(site)
    if case .probe = pass { await resume(site) }
    for (attempt, info) in zip(attempts, infos) {
      if let info, info.action == .slowdown {
        await slowDown(site, info, attempt, lane)
        break
      }
    }
    return attempts
  }

  private func unreachable(
    _ site: String, _ attempts: [Attempt], _ first: Attempt, _ lane: Int64, _ pass: SitePass?, _ session: QueueID
  ) async -> [Attempt] {
    if case .probe = pass {
      await endProbe(pass, first, session)
      return attempts
    }
    switch book.failedToReach(site, first) {
    case .counted: return attempts
    case .nowDown(let incident):
      services.logger.warning("a site is down; its mail waits for probes", metadata: ["site": "\(site)"])
      await mark(site, .down(incident: incident), first, lane)
      return attempts
    case .stillDown(let incident):
      guard await park(lane, at: site, .down(incident: incident)) else { return attempts }
      return attempts.map { attempt in
        var attempt = attempt
        attempt.result = .notTried("the site is down, and probed by other mail")
        return attempt
      }
    }
  }

  private func slowDown(_ site: String, _ info: BounceInfo, _ attempt: Attempt, _ lane: Int64) async {
    let isListed = info.category == .blocklist
    let category = info.category.rawValue
    guard let own = book.slowDown(site, category: category, isListed: isListed, attempt) else {
      if let trouble = book.trouble(of: site) { _ = await park(lane, at: site, trouble) }
      return
    }
    services.metrics.slowedDown(isListed: isListed)
    let pace = await exchange.slowedDown(site, own, isListed: isListed)
    services.logger.warning(
      "a site is slowed down",
      metadata: [
        "site": "\(site)", "category": "\(category)", "rate": "\(Int(pace.rate.rounded(.up))) a minute",
        "pause": "\(max(.zero, ContinuousClock.now.duration(to: pace.resumesAt)))",
      ])
    await mark(site, .slowed(pace), attempt, lane)
  }

  // MARK: Probes

  private func endProbe(_ pass: SitePass?, _ attempt: Attempt?, _ session: QueueID) async {
    guard case .probe(let site, let counter) = pass else { return }
    if attempt != nil { services.metrics.probed(hasReached: false) }
    let waits = book.configuration.probes
    let failure = attempt.map { attempt in
      (attempt: attempt, category: getBounceInfo(attempt.result)?.category.rawValue ?? "")
    }
    await write("a probe's end", site) { connection in
      try Sites.endProbe(of: site, session: session, counter: counter, waits: waits, failure: failure, connection)
    }
  }

  private func resume(_ site: String) async {
    services.metrics.probed(hasReached: true)
    services.logger.info("a site can be reached again", metadata: ["site": "\(site)"])
    await write("a site's end of trouble", site) { _ = try Sites.resume(site, $0) }
  }

  /// Until it is written: otherwise no other probe would begin for a while.
  private func write(_ what: String, _ site: String, _ body: @escaping @Sendable (PostgresConnection) throws -> Void)
    async
  {
    for _ in 0..<10 {
      do { return try await services.database.run(body) } catch {
        services.logger.warning("\(what) is not written yet", metadata: ["site": "\(site)", "error": "\(error)"])
      }
      do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
    }
  }
}

extension Attempt {
  fileprivate var isUntried: Bool { if case .notTried = result { true } else { false } }

  /// No server has said a word.
  fileprivate var foundNobody: Bool {
    guard case .failed(let failure, let stage) = result, stage == .connect || stage == .greeting else { return false }
    switch failure {
    case .connection, .timeout: return true
    default: return false
    }
  }
}
