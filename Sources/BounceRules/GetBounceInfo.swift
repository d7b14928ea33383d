// What a failed attempt means: try again, or tell the sender.
//
// One pure function. A reply is read once: names, addresses and links become marks (`Wording`), one automaton finds
// every phrase that any rule knows (`PhraseAutomaton`), the first firm rule that holds decides, then a precise enhanced
// code, then a vaguer wording, then what the codes say by themselves (`StatusRules`). The promises stand above the
// codes: a full mailbox, a list entry, network trouble and an unavailable server are retried also when the remote
// server calls them permanent; 4yz is never made permanent; what is unknown is temporary unless the code is 5yz.
package import MailModel

/// Judges a failed attempt.
/// - Parameters:
///   - failure: what the remote server said, or what failed here.
///   - situation: what is known of the attempt.
/// - Returns: never fails, whatever the bytes are. Work is bounded by the first 8 KB of a reply.
public func getBounceInfo(_ failure: DeliveryFailure, situation: BounceSituation = BounceSituation()) -> BounceInfo {
  switch failure {
  case .reply(let reply): ReplyReading(reply, situation).judge()
  case .text(let bytes): ReplyReading(bytes, situation).judge()
  case .local(let failure): localInfo(failure)
  }
}

/// Builds the rules, which the first judgement does otherwise: while it does, no other task of its process may get on,
/// and a heartbeat that waits costs a worker its lease. Called before there is anything to lose.
package func prepareBounceRules() { _ = RuleBook.standard }

extension DeliveryFailure {
  /// - Returns: nil when nothing failed: the recipient has the message, or nothing was tried.
  package init?(_ result: AttemptResult) {
    switch result {
    case .delivered, .notTried: return nil
    case .refused(let reply, _): self = .reply(reply)
    case .failed(let failure, _): self = .local(failure)
    }
  }
}

/// Judges an attempt as the queue keeps it.
/// - Returns: nil when nothing failed.
package func getBounceInfo(
  _ result: AttemptResult, remote: RemoteHost? = nil, ourAddress: String? = nil, destinationDomain: String? = nil
) -> BounceInfo? {
  guard let failure = DeliveryFailure(result) else { return nil }
  var situation = BounceSituation(
    ourAddress: ourAddress, mxHost: remote?.name, destinationDomain: destinationDomain)
  if case .refused(_, let stage) = result { situation.stage = stage }
  return getBounceInfo(failure, situation: situation)
}
