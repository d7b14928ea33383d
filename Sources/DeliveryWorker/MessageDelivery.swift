internal import BounceRules
internal import CoreMetrics
internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOCore
internal import NodeMetrics
internal import Observability
internal import Postgres
internal import RetryPolicy
internal import Routing
internal import SMTPClient

/// One claimed message on its way: route, conversation, judgement, outcome.
struct MessageDelivery: Sendable {
  let services: WorkerServices
  let configuration: WorkerConfiguration
  let outcomes: OutcomeWriter
  /// nil: it goes whatever is known of its site.
  var desk: SiteDesk?

  /// - Parameters:
  ///   - body: the whole message, when the claim loop has read it already.
  ///   - pass: why it may go to a site in trouble.
  /// - Returns: whether it was handed back untried, because of its destination's pace.
  @discardableResult
  func run(_ message: ClaimedMessage, body: ByteBuffer?, pass: SitePass? = nil, lease: WorkerLease) async -> Bool {
    let started = ContinuousClock.now
    let message = await withoutLiftedSuppressions(message)
    let visit = await visit(message, body: body, pass, lease)
    services.metrics.delivery.record(started.duration(to: .now))
    let isCertain = await mailboxesAreHere(visit.attempts, message)
    var completed: [CompletedJob] = []
    for (index, job) in message.jobs.enumerated() {
      var attempt = visit.attempts[index]
      attempt.duration = started.duration(to: .now)
      let info = bounceInfo(attempt, message.envelope.recipients[index].address.destination)
      var done = CompletedJob(
        job: job, tenant: message.tenant, disposition: judge(attempt, info, job, message, index, isCertain: isCertain),
        attempt: attempt, success: message.envelope.successNotice(index, attempt.remote))
      done.suppression = suppression(after: attempt, info, of: message)
      completed.append(done)
    }
    let isOurs = await outcomes.write(completed, lease: lease)
    for (index, done) in completed.enumerated() { log(done, message.envelope.recipients[index], isLate: !isOurs) }
    // Where the site is in trouble the lane waits; its domain need not.
    return !visit.siteWaits && completed.contains { $0.disposition == .handedBack }
  }

  private struct Visit {
    var attempts: [Attempt]
    var siteWaits = false
  }

  private func visit(
    _ message: ClaimedMessage, body: ByteBuffer?, _ pass: SitePass?, _ lease: WorkerLease
  ) async -> Visit {
    func all(_ result: AttemptResult) -> Visit {
      Visit(
        attempts: message.suppressions.map { suppression in
          Attempt(result: suppression.map { .failed(.suppressed($0.words), .route) } ?? result)
        })
    }
    guard lease.holds() else { return all(.notTried("the claim on this message has ended")) }
    let parts = message.parts(services.returnPaths)
    if parts.isEmpty {
      await desk?.giveBack(pass, session: lease.id)
      return all(.notTried("nobody is left to send it to"))
    }
    guard message.wrappedKey != nil else {
      await desk?.giveBack(pass, session: lease.id)
      return all(.failed(.system("the body has been redacted"), .route))
    }
    guard let domain = message.envelope.recipients.first?.address.destination else { return Visit(attempts: []) }
    switch await services.router.route(to: domain) {
    case .failure(let failure):
      await desk?.giveBack(pass, session: lease.id)
      return all(.failed(failure, .route))
    case .unknown(let why):
      await desk?.giveBack(pass, session: lease.id)
      return all(.notTried(why))
    case .route(let route):
      var visit = all(.notTried("it was in no transaction"))
      let places = parts.flatMap(\.places)
      guard let desk else {
        let sent = await send(parts, of: message, body: body, lease: lease, over: route)
        for place in places { visit.attempts[place] = sent[place] ?? visit.attempts[place] }
        return visit
      }
      let site = desk.name(of: route)
      let pass = await desk.check(pass, site, message, session: lease.id)
      guard let lane = message.jobs.first?.lane, await desk.mayPass(site, lane: lane, pass) else {
        visit = all(.notTried("its site is down or slowed; it waits"))
        visit.siteWaits = true
        return visit
      }
      let sent = await send(parts, of: message, body: body, lease: lease, over: route) { desk.mayBegin(site, pass) }
      // Whoever is sent nothing says nothing about the site.
      let attempts = places.map { sent[$0] ?? visit.attempts[$0] }
      let infos = attempts.map { bounceInfo($0, domain) }
      let settled = await desk.settle(site, attempts, infos, message, pass, session: lease.id)
      for (place, attempt) in zip(places, settled) { visit.attempts[place] = attempt }
      visit.siteWaits = !desk.mayBegin(site, pass)
      return visit
    }
  }

  // MARK: Judgement

  /// Whether the mailboxes that have refused somebody for good are still his domain's. Where they moved meanwhile, he is
  /// asked for elsewhere the next time.
  private func mailboxesAreHere(_ attempts: [Attempt], _ message: ClaimedMessage) async -> Bool {
    let refused = attempts.contains { attempt in
      guard case .refused(let reply, _) = attempt.result else { return false }
      return reply.isPermanent && attempt.remote?.keepsMailboxes == true
    }
    guard refused, let domain = message.envelope.recipients.first?.address.destination else { return true }
    return await services.router.confirmsMailboxes(of: domain)
  }

  private func bounceInfo(_ attempt: Attempt, _ domain: String) -> BounceInfo? {
    getBounceInfo(
      attempt.result, remote: attempt.remote, ourAddress: configuration.sites.ourAddress(attempt.remote),
      destinationDomain: domain)
  }

  /// - Parameter info: nil where nothing failed.
  private func judge(
    _ attempt: Attempt, _ info: BounceInfo?, _ job: Job, _ message: ClaimedMessage, _ index: Int, isCertain: Bool
  ) -> Disposition {
    if case .delivered = attempt.result { return .delivered }
    guard let info else { return .handedBack }
    guard info.isTemporary || !isCertain else { return .bounced(notify: message.envelope.wantsFailureNotice(index)) }
    return .deferred(
      configuration.retry.wait(
        afterFailures: Int(job.attempt) + 1, cause: RetryCause(for: info), random: Double.random(in: 0..<1)))
  }

  private func log(_ done: CompletedJob, _ recipient: Recipient, isLate: Bool) {
    let outcome: LoggedAttempt.Outcome
    var retryAfter: Duration?
    switch done.disposition {
    case .delivered: outcome = .delivered
    case .deferred(let delay):
      outcome = .deferred
      retryAfter = delay
    case .bounced, .expired: outcome = .bounced
    case .handedBack, .held: outcome = .returned
    }
    services.metrics.attempted(isLate ? .late : CountedOutcome(done.disposition))
    services.mailLog.attempted(
      LoggedAttempt(
        id: done.job.message, tenant: "\(done.tenant)", recipient: recipient.address,
        number: Int(done.job.attempt) + 1, outcome: isLate ? .late : outcome, attempt: done.attempt,
        retryAfter: retryAfter))
  }
}

extension CountedOutcome {
  init(_ disposition: Disposition) {
    self =
      switch disposition {
      case .delivered: .delivered
      case .deferred: .deferred
      case .bounced, .expired: .bounced
      case .handedBack: .handedBack
      case .held: .held
      }
  }
}

extension Envelope {
  /// RFC 3461 §4.1: without NOTIFY failures are told. Nothing is ever told to the null reverse-path.
  func wantsFailureNotice(_ index: Int) -> Bool {
    reversePath != nil && (recipients[index].notify.map { $0.contains(.failure) } ?? true)
  }

  /// What the sender is to be told when this host has taken the message; nil: nothing, or the host does it.
  ///
  /// A host that announced DSN has been told what the sender wants to hear, and answers for it (RFC 3461 §5.2.1); of
  /// one that did not, the last that can be said is that it has the message (§5.2.2). What only the tenant wants is
  /// never passed on, so that we say what we know. What has arrived in a mailbox is delivered, and nobody else says so.
  func successNotice(_ index: Int, _ remote: RemoteHost?) -> OutboxKind? {
    guard reversePath != nil, let notify = recipients[index].notify, let remote else { return nil }
    if remote.keepsMailboxes { return notify.contains(.assumed) || notify.contains(.success) ? .delivered : nil }
    if notify.contains(.assumed) { return remote.offersDSN ? .delivered : .relayed }
    return notify.contains(.success) && !remote.offersDSN ? .relayed : nil
  }
}
