internal import BounceRules
internal import MailFormat
package import MailModel

/// One recipient of a notice: what becomes of him, and why.
package struct ToldRecipient: Sendable {
  package var recipient: Recipient
  /// The attempt that explains it; nil when none was ever made.
  package var attempt: Attempt?
  /// The retry period has run out; then the attempt explains why it took so long.
  package var hasExpired: Bool
  /// When the attempt was, seconds since 1970.
  package var lastAttempt: Int64?
  /// How many there were.
  package var attempts: Int

  package init(
    _ recipient: Recipient, after attempt: Attempt?, hasExpired: Bool = false, lastAttempt: Int64?, attempts: Int = 1
  ) {
    self.recipient = recipient
    self.attempt = attempt
    self.hasExpired = hasExpired
    self.lastAttempt = lastAttempt
    self.attempts = attempts
  }

  var judged: BounceInfo? {
    attempt.flatMap {
      getBounceInfo($0.result, remote: $0.remote, destinationDomain: recipient.address.destination)
    }
  }

  var reply: Reply? {
    switch attempt?.result {
    case .refused(let reply, _), .delivered(let reply): reply
    default: nil
    }
  }

  /// For programs.
  var reported: ReportedRecipient {
    ReportedRecipient(
      recipient: recipient, status: status, remoteMTA: attempt?.remote?.name, diagnostic: reply,
      lastAttempt: attempt == nil ? nil : lastAttempt)
  }

  private var status: EnhancedStatus {
    if case .delivered(let reply) = attempt?.result { return reply.enhanced ?? EnhancedStatus(2, 0, 0) }
    return judged?.status ?? (hasExpired ? EnhancedStatus(4, 4, 7) : EnhancedStatus(4, 0, 0))
  }

  /// Why, in a sentence or two; empty when there is nothing to explain.
  func explanation(in language: any NoticeLanguage) -> String {
    if case .delivered = attempt?.result { return "" }
    let cause = judged.map { language.sentence($0.category, $0.detail) + technicalDetail }
    if hasExpired { return language.expired(cause) }
    return cause ?? language.notTried
  }

  /// What the sentence for the cause does not already say. Trouble of our own is nobody else's business.
  private var technicalDetail: String {
    guard case .failed(let failure, _) = attempt?.result else { return "" }
    switch failure {
    case .dns, .forbiddenAddress, .mailLoop, .connection, .timeout, .tls, .protocolViolation, .missingExtension,
      .suppressed:
      return " (\(failure.explanation))"
    case .returned(let words): return words.isEmpty ? "" : " (\(words))"
    case .noSuchDomain, .nullMX, .noAddress, .system, .expired: return ""
    }
  }
}
