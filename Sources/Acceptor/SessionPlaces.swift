import Admission
import Limits
import MailModel
import NIOCore

/// Sessions at once, over all acceptors.
extension SubmissionHandler {
  /// Counts the session for its address. It goes on meanwhile: nobody's greeting waits for Redis.
  func enterAddress() {
    guard !isInbound, let counts = environment.limits?.sessions, let limit = environment.limits?.addressSessionsMax,
      clientAddress != Self.unknownAddress, let eventLoop = context?.eventLoop
    else { return }
    let subject = SessionSubject.address(GuardedAuthenticator.client(clientAddress))
    let promise = eventLoop.makePromise(of: SessionPlace?.self)
    promise.completeWithTask { await counts.enter(subject, limit: limit) }
    promise.futureResult.assumeIsolated().whenSuccess { place in
      // Without a session the place is free again.
      guard self.context != nil else { return }
      self.addressPlace = place
      if place == nil { self.turnAway(with: subject.refusal(limit: limit)) }
    }
  }

  private func turnAway(with reply: Reply) {
    // Before the greeting it is said instead of it. A message that is on its way to the queue keeps its own reply: told
    // otherwise, its client would send it again.
    if !hasGreeted {
      refusalAtGreeting = reply
    } else if wait == .queue {
      refusalAfterMessage = reply
    } else {
      finish(with: reply)
    }
  }
}

/// How a login ended, and the session's place with it.
struct LoginOutcome: Sendable {
  var result: AuthenticationResult
  var place: SessionPlace?
  /// The password was right; there are too many sessions.
  var refusal: Reply?
}

extension SessionEnvironment {
  /// Checks a login, and counts the session for its credential.
  func logIn(username: String, password: [UInt8], clientAddress: String) async -> LoginOutcome {
    var outcome = LoginOutcome(
      result: await authenticator.authenticate(
        username: username, password: password, clientAddress: clientAddress))
    guard case .accepted(let principal) = outcome.result, let credential = principal.credential,
      let limits, let limit = principal.terms.overrides.applied(to: limits.rules).credentialSessionsMax
    else { return outcome }
    let subject = SessionSubject.credential(credential)
    outcome.place = await limits.sessions.enter(subject, limit: limit)
    if outcome.place == nil { outcome.refusal = subject.refusal(limit: limit) }
    return outcome
  }
}
