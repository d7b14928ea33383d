internal import BounceRules
package import MailFormat
package import MailModel

extension ReportedRecipient {
  /// What a report says of a recipient whose last attempt ended like this.
  /// - Parameters:
  ///   - attempt: the last one that got an answer or a failure; nil when none was ever made.
  ///   - hasExpired: the retry period has run out; then the last attempt explains why it took so long.
  ///   - lastAttempt: when it was, seconds since 1970.
  package init(_ recipient: Recipient, after attempt: Attempt?, hasExpired: Bool = false, lastAttempt: Int64?) {
    let judged = attempt.flatMap { getBounceInfo($0.result, remote: $0.remote) }
    var explanation = judged?.sentence ?? ""
    var status = judged?.status ?? EnhancedStatus(4, 4, 7)
    if hasExpired {
      let why = judged.map { " At the last attempt: \($0.sentence)" } ?? " No attempt could be made."
      explanation = BounceInfo.sentence(.expired, nil) + why
    }
    var diagnostic: Reply?
    switch attempt?.result {
    case .refused(let reply, _): diagnostic = reply
    case .delivered(let reply): (diagnostic, status) = (reply, reply.enhanced ?? EnhancedStatus(2, 0, 0))
    case .failed(let failure, _): explanation += Self.detail(of: failure).map { " (\($0))" } ?? ""
    default: break
    }
    self.init(
      recipient: recipient, status: status, remoteMTA: attempt?.remote?.name, diagnostic: diagnostic,
      explanation: explanation, lastAttempt: lastAttempt)
  }

  /// What the sentence for the cause does not already say. Trouble of our own is nobody else's business.
  private static func detail(of failure: LocalFailure) -> String? {
    switch failure {
    case .dns, .forbiddenAddress, .mailLoop, .connection, .timeout, .tls, .protocolViolation, .missingExtension,
      .suppressed:
      failure.explanation
    case .noSuchDomain, .nullMX, .noAddress, .system, .expired: nil
    case .returned(let words): words.isEmpty ? nil : "another server reported: \(words)"
    }
  }
}
