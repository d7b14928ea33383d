import Admission
import DNS
import Limits
import Logging
import MailModel
import MailQueue
import NIOCore
import Observability

/// What a session asks the limits.
extension SubmissionHandler {
  /// Counts a complete message; the first step after its end, so that nothing is scanned or signed for nothing.
  ///
  /// The collector holds what is reserved. Wherever the message ends without having been queued, it is given back.
  /// - Parameter ended: when the last of the content had come.
  func reserve(
    _ collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope, since ended: NIODeadline
  ) {
    guard !isInbound, let limits = environment.limits?.messages, let principal, let eventLoop = context?.eventLoop
    else {
      return scan(collector, content, envelope, since: ended)
    }
    if let known = rememberedTerms(of: principal), limits.isUnlimited(known) {
      return scan(collector, content, envelope, since: ended)
    }
    let message = CountedMessage(
      tenant: principal.tenant, credential: principal.credential, domain: senderDomain(envelope, principal),
      recipients: envelope.recipients.count, sizeBytes: content.size)
    let promise = eventLoop.makePromise(of: LimitDecision.self)
    let (authenticator, trusted) = (environment.authenticator, environment.trusted)
    promise.completeWithTask {
      let terms: TenantTerms
      if principal.credential == nil, let trusted {
        terms = await trusted.terms(of: principal)
      } else {
        terms = await authenticator.terms(of: principal)
      }
      return await limits.reserve(message, terms)
    }
    promise.futureResult.assumeIsolated().whenSuccess { decision in
      // After a time-out, or without a client, nobody waits for the message any more.
      guard self.collector === collector, self.wait == .queue else { return }
      switch decision {
      case .unlimited: break
      case .reserved(let reservation): collector.reservation = reservation
      case .refused(let refusal): return self.refuse(collector, refusal, principal)
      }
      self.scan(collector, content, envelope, since: ended)
    }
  }

  private func refuse(_ collector: MessageCollector, _ refusal: LimitRefusal, _ principal: Principal) {
    self.collector = nil
    environment.logger.info(
      "message refused by a limit",
      metadata: .fields([
        .session: sessionID, .credential: principal.name, .clientAddress: clientAddress, .reason: refusal.label,
      ]))
    messageFinished(refusal.reply)
  }

  private func rememberedTerms(of principal: Principal) -> TenantTerms? {
    if principal.credential == nil, let trusted = environment.trusted { return trusted.rememberedTerms }
    return environment.authenticator.rememberedTerms(of: principal)
  }

  /// A message without a reverse-path counts for the domain of the login.
  private func senderDomain(_ envelope: Envelope, _ principal: Principal) -> String? {
    let name = principal.credential == nil ? nil : principal.name.split(separator: "@").last.map(String.init)
    guard let domain = envelope.reversePath?.domain ?? name else { return nil }
    return DomainName.ascii(domain.lowercased()) ?? domain.lowercased()
  }
}
