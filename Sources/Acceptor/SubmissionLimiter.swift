package import Limits

/// What an acceptor's sessions are limited by, besides what each process has for itself.
package struct SubmissionLimiter: Sendable {
  package var messages: MessageLimits
  package var sessions: SessionCounts
  /// As the settings have them.
  package var rules: LimitRules
  /// Sessions at once of one address; nil: no limit.
  package var addressSessionsMax: Int?

  package init(messages: MessageLimits, sessions: SessionCounts, rules: LimitRules, addressSessionsMax: Int? = nil) {
    self.messages = messages
    self.sessions = sessions
    self.rules = rules
    self.addressSessionsMax = addressSessionsMax
  }
}
