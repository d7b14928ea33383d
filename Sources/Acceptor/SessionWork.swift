import Admission
import Authorship
import Limits
import Logging
import MailFormat
import MailModel
import MailQueue
import CoreMetrics
import NIOCore
import NodeMetrics
import Observability
import SMTPWire

/// What a session has others do: check a login, write a file, queue a message.
extension SubmissionHandler {
  func authenticate(_ attempt: LoginAttempt) {
    guard let eventLoop = context?.eventLoop else { return }
    beginWait(.login)
    let (environment, address) = (environment, clientAddress)
    loginNumber += 1
    let number = loginNumber
    let promise = eventLoop.makePromise(of: LoginOutcome.self)
    promise.completeWithTask {
      await environment.logIn(username: attempt.username, password: attempt.password, clientAddress: address)
    }
    promise.futureResult.assumeIsolated().whenComplete { result in
      // After a time-out the client has its reply already.
      guard self.context != nil, self.wait == .login, self.loginNumber == number else { return }
      self.loginFinished(result, username: attempt.username)
    }
  }

  private func loginFinished(_ outcome: Result<LoginOutcome, any Error>, username: String) {
    let verdict: LoginVerdict
    var reason = ""
    switch outcome.map(\.result) {
    case .success(.accepted(let principal)):
      if let refusal = try? outcome.get().refusal {
        (verdict, reason) = (.refused(refusal), "too many sessions")
      } else {
        admit(principal)
        credentialPlace = try? outcome.get().place
        verdict = .accepted
      }
    case .success(.rejected): (verdict, reason) = (.rejected, "unknown account or wrong password")
    case .success(.disabled(let why)): (verdict, reason) = (.disabled, why)
    case .success(.smtpOff): (verdict, reason) = (.smtpOff, "SMTP access is switched off")
    case .success(.overloaded): (verdict, reason) = (.overloaded, "too many password checks at once")
    case .success(.locked(let lock)): (verdict, reason) = (.refused(lock.reply), lock.label)
    case .success(.unavailable(let why)): (verdict, reason) = (.unavailable, why)
    case .failure(let error): (verdict, reason) = (.unavailable, "\(error)")
    }
    if verdict != .accepted {
      environment.logger.notice(
        "login refused",
        metadata: .fields([
          .session: sessionID, .credential: username, .clientAddress: clientAddress, .reason: reason,
        ]))
    }
    beginWait(.command)
    performLater(machine.loginFinished(verdict))
  }

  private func admit(_ principal: Principal) {
    self.principal = principal
    guard let senders = principal.senders else { return }
    machine.refusalOfSender = { [environment] in
      AuthorCheck.refusal(of: $0, in: senders) ?? environment.refusalOfUnproven($0, principal)
    }
  }

  /// The client of a plain listener: its address stands in for the login, so it comes before the greeting.
  func admitTrusted() {
    guard let trusted = environment.trusted, trusted.contains(clientAddress) else {
      return finish(with: Reply(554, EnhancedStatus(5, 7, 1), "This address may not submit here"))
    }
    if let known = trusted.remembered { return trustedFound(.success(known)) }
    guard let eventLoop = context?.eventLoop else { return }
    beginWait(.login)
    let promise = eventLoop.makePromise(of: AuthenticationResult.self)
    promise.completeWithTask { await trusted.principal() }
    promise.futureResult.assumeIsolated().whenComplete { result in
      guard self.context != nil, self.wait == .login else { return }
      self.trustedFound(result)
    }
  }

  private func trustedFound(_ result: Result<AuthenticationResult, any Error>) {
    if case .success(.accepted(let principal)) = result {
      admit(principal)
      greet()
      return resume()
    }
    environment.logger.warning(
      "a trusted client was turned away",
      metadata: .fields([.session: sessionID, .clientAddress: clientAddress, .reason: "\(result)"]))
    finish(with: Reply(421, EnhancedStatus(4, 3, 0), "Submission is not available now, please try again later"))
  }

  func beginMessage(_ envelope: Envelope) {
    let id = QueueID(unixMilliseconds: environment.unixMilliseconds)
    if isInbound {
      collector = MessageCollector(id: id, received: nil, environment: environment)
      return
    }
    let single = envelope.recipients.count == 1 ? envelope.recipients.first : nil
    let showsAddress = environment.configuration.showsClientAddress && clientAddress != Self.unknownAddress
    let received = ReceivedFacts(
      helo: machine.helloName, clientAddress: showsAddress ? clientAddress : nil,
      nodeName: environment.configuration.hostName, protocolName: protocolName(envelope), queueID: id,
      sessionID: sessionID, tlsVersion: tls?.version, tlsCipher: tls?.cipher,
      date: Int64(environment.unixMilliseconds / 1000), forRecipient: single?.address.description)
    collector = MessageCollector(
      id: id, received: received, tenant: principal?.tenant, senders: principal?.senders, author: author(envelope),
      allowsUTF8: envelope.smtpUTF8, environment: environment)
  }

  /// Who a message without `From` is from: whoever it comes back to, or who has logged in.
  private func author(_ envelope: Envelope) -> MailAddress? {
    guard let principal, principal.senders != nil else { return nil }
    let author = envelope.reversePath ?? (principal.coversDomain ? nil : MailAddress(trusted: principal.name))
    // Into a message that was announced as ASCII nothing else may come.
    return author?.needsSMTPUTF8 == true && !envelope.smtpUTF8 ? nil : author
  }

  /// RFC 3848; RFC 6531 §3.7.3 for the UTF-8 ones.
  private func protocolName(_ envelope: Envelope) -> String {
    guard machine.isExtended else { return "SMTP" }
    return (envelope.smtpUTF8 ? "UTF8SMTP" : "ESMTP") + (machine.isSecure ? "S" : "") + (machine.isLoggedIn ? "A" : "")
  }

  func spill(_ collector: MessageCollector) {
    guard let eventLoop = context?.eventLoop else { return }
    collector.spill(on: eventLoop).whenSuccess {
      // The session may have ended, or begun another message.
      guard self.collector === collector else { return }
      self.beginWait(.content)
      self.resume()
    }
  }

  func endMessage(_ envelope: Envelope) {
    guard let context, let collector else { return }
    contentSize = 0
    beginWait(.queue)
    let ended = NIODeadline.now()
    collector.finish(on: context.eventLoop).whenSuccess { content in
      guard self.collector === collector, self.wait == .queue else { return }
      guard let content else {
        self.collector = nil
        let reply = collector.refusal ?? Reply(451, EnhancedStatus(4, 3, 0), "Local trouble, please try again later")
        return self.messageFinished(reply)
      }
      if let refusal = self.machine.refusalOfClient {
        self.collector = nil
        return self.messageFinished(refusal)
      }
      self.reserve(collector, content, envelope, since: ended)
    }
  }

  /// - Parameter ended: when the last of the content had come.
  func enqueue(
    _ collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope, since ended: NIODeadline
  ) {
    self.collector = nil
    contentSize = content.size
    beginWait(.queue)
    if isInbound { return hand(over: collector, content, envelope) }
    guard let principal else {
      return messageFinished(Reply(451, EnhancedStatus(4, 3, 0), "Local trouble, please try again later"))
    }
    if let known = environment.rememberedStanding(of: principal) {
      return enqueue(collector, content, envelope, principal, known, since: ended)
    }
    guard let eventLoop = context?.eventLoop else { return }
    let promise = eventLoop.makePromise(of: Standing.self)
    let (authenticator, trusted) = (environment.authenticator, environment.trusted)
    promise.completeWithTask {
      if principal.credential == nil, let trusted { return await trusted.standing(of: principal) }
      return await authenticator.standing(of: principal)
    }
    promise.futureResult.assumeIsolated().whenSuccess { standing in
      // After a time-out the client has its reply already.
      guard self.context != nil, self.wait == .queue else { return }
      self.enqueue(collector, content, envelope, principal, standing, since: ended)
    }
  }

  /// What is switched off is so within seconds, in sessions that are open too.
  private func enqueue(
    _ collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope, _ principal: Principal,
    _ standing: Standing, since ended: NIODeadline
  ) {
    guard let eventLoop = context?.eventLoop else { return }
    if let (reply, reason) = standing.refusal(of: collector.authorDomains, envelope.reversePath) {
      environment.logger.notice(
        "message refused",
        metadata: .fields([
          .session: sessionID, .credential: principal.name, .clientAddress: clientAddress, .reason: reason,
        ]))
      return messageFinished(reply)
    }
    let message = NewMessage(
      id: collector.id, tenant: principal.tenant, credential: principal.credential, envelope: envelope,
      content: content, session: sessionID, clientAddress: clientAddress
    ).noting(collector.scan)
    var line = AcceptedMessage(
      id: collector.id, session: sessionID, tenant: principal.tenantName, credential: principal.name,
      sender: envelope.reversePath, clientAddress: clientAddress, tls: tls, sizeBytes: content.size,
      recipientCount: envelope.recipients.count, duration: .zero)
    line.scan = message.scan
    let accepted = line
    let (session, mailLog) = (NIOLoopBound(self, eventLoop: eventLoop), environment.mailLog)
    let metrics = environment.metrics
    let (started, reservation) = (collector.started, collector.reservation)
    #if POSTRIDER_UNSAFE_EARLY_REPLY
      // Only for the proof that `scripts/chaos` notices a 250 before the COMMIT.
      messageFinished(Reply(250, EnhancedStatus(2, 0, 0), "Ok: queued as \(message.id)"))
    #endif
    environment.queue.enqueue(message) { result in
      // The line is written also when the client has gone: the message is ours.
      if case .success = result {
        reservation?.keep()
        var line = accepted
        line.duration = .nanoseconds((NIODeadline.now() - started).nanoseconds)
        mailLog.accepted(line)
        metrics.accepted(recipients: line.recipientCount, bytes: line.sizeBytes)
      }
      eventLoop.execute {
        session.value.queued(message.id, result)
        if case .success = result {
          metrics.acceptance.recordNanoseconds((NIODeadline.now() - ended).nanoseconds)
        }
      }
    }
  }

  /// What came to an inbound listener goes to whoever takes it there, and counts as no submission.
  private func hand(over collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope) {
    guard let eventLoop = context?.eventLoop else { return }
    let message = NewMessage(
      id: collector.id, tenant: 0, credential: nil, envelope: envelope, content: content, session: sessionID,
      clientAddress: clientAddress)
    let session = NIOLoopBound(self, eventLoop: eventLoop)
    environment.queue.enqueue(message) { result in
      eventLoop.execute { session.value.queued(message.id, result) }
    }
  }

  private func queued(_ id: QueueID, _ result: Result<EnqueueReceipt, EnqueueFailure>) {
    #if POSTRIDER_UNSAFE_EARLY_REPLY
      // The client has its reply.
      if case .success = result { return }
    #endif
    switch result {
    case .success:
      messageFinished(Reply(250, EnhancedStatus(2, 0, 0), isInbound ? "Ok: noted" : "Ok: queued as \(id)"))
    case .failure(.refused(let reply)):
      messageFinished(reply)
    case .failure(let failure):
      environment.logger.error(
        "message not queued",
        metadata: .fields([.messageID: id, .session: sessionID, .reason: failure.reason]))
      messageFinished(failure.reply)
    }
  }

  func messageFinished(_ reply: Reply) {
    // After a time-out the client has its reply already.
    guard context != nil, wait == .queue else { return }
    beginWait(.command)
    guard let refusal = refusalAfterMessage else { return performLater(machine.messageFinished(reply)) }
    refusalAfterMessage = nil
    perform(machine.messageFinished(reply))
    finish(with: refusal)
  }
}
