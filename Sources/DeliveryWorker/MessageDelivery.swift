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

  /// - Parameter body: the whole message, when the claim loop has read it already.
  /// - Returns: whether it was handed back untried.
  @discardableResult
  func run(_ message: ClaimedMessage, body: ByteBuffer?, lease: WorkerLease) async -> Bool {
    let started = ContinuousClock.now
    let attempts = await attempt(message, body: body, lease: lease)
    services.metrics.delivery.record(started.duration(to: .now))
    var completed: [CompletedJob] = []
    for (index, job) in message.jobs.enumerated() {
      var attempt = attempts[index]
      attempt.duration = started.duration(to: .now)
      var done = CompletedJob(
        job: job, tenant: message.tenant, disposition: judge(attempt, job, message, index), attempt: attempt)
      done.suppression = suppression(after: attempt, of: message, index)
      completed.append(done)
    }
    let isOurs = await outcomes.write(completed, lease: lease)
    for (index, done) in completed.enumerated() { log(done, message.envelope.recipients[index], isLate: !isOurs) }
    return completed.contains { $0.disposition == .handedBack }
  }

  private func attempt(_ message: ClaimedMessage, body: ByteBuffer?, lease: WorkerLease) async -> [Attempt] {
    func all(_ result: AttemptResult) -> [Attempt] {
      message.suppressions.map { suppression in
        Attempt(result: suppression.map { .failed(.suppressed($0.words), .route) } ?? result)
      }
    }
    guard lease.holds() else { return all(.notTried("the claim on this message has ended")) }
    let parts = message.parts(services.returnPaths)
    if parts.isEmpty { return all(.notTried("nobody is left to send it to")) }
    guard message.wrappedKey != nil else {
      return all(.failed(.system("the body has been redacted"), .route))
    }
    guard let domain = message.envelope.recipients.first?.address.destination else { return [] }
    switch await services.router.route(to: domain) {
    case .failure(let failure):
      return all(.failed(failure, .route))
    case .route(let route):
      var attempts = all(.notTried("it was in no transaction"))
      for (places, ended) in await send(parts, of: message, body: body, lease: lease, over: route) {
        for (place, attempt) in zip(places, ended) { attempts[place] = attempt }
      }
      return attempts
    }
  }

  private func judge(_ attempt: Attempt, _ job: Job, _ message: ClaimedMessage, _ index: Int) -> Disposition {
    if case .delivered = attempt.result { return .delivered }
    let domain = message.envelope.recipients[index].address.destination
    guard let info = getBounceInfo(attempt.result, remote: attempt.remote, destinationDomain: domain) else {
      return .handedBack
    }
    guard info.isTemporary else { return .bounced(notify: message.envelope.wantsFailureNotice(index)) }
    return .deferred(
      configuration.retry.wait(
        afterFailures: Int(job.attempt) + 1, pace: RetryPace(for: info), random: Double.random(in: 0..<1)))
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
}
