/// What a listener offers and asks for.
package struct SubmissionPolicy: Sendable, Hashable {
  /// STARTTLS is offered while the connection is in clear.
  package var offersStartTLS: Bool
  /// No mail without TLS.
  package var requiresTLS: Bool
  /// No mail without a login, and logins only under TLS.
  package var requiresLogin: Bool
  /// NOTIFY and its like are offered (RFC 3461): whoever offers them must report.
  package var offersDSN: Bool

  package init(offersStartTLS: Bool, requiresTLS: Bool = true, requiresLogin: Bool = true, offersDSN: Bool = true) {
    self.offersDSN = offersDSN
    self.offersStartTLS = offersStartTLS
    self.requiresTLS = requiresTLS
    self.requiresLogin = requiresLogin
  }
}

/// The bounds of one session.
package struct SubmissionLimits: Sendable, Hashable {
  /// Announced in `SIZE`; counted after dot-unstuffing.
  package var messageSizeMax = 52_428_800
  /// Announced as `LIMITS RCPTMAX` (RFC 9422).
  package var recipientsMax = 100
  /// Refused recipients of one transaction after which the session ends.
  package var excessRecipientsMax = 1000
  /// Of the content, without CRLF (RFC 5321 §4.5.3.1.6).
  package var lineLengthMax = 998
  /// Of a command without CRLF: 510 of RFC 5321 §4.5.3.1.4 and what the extensions' parameters add.
  package var commandLengthMax = 2048
  /// Of AUTH and its continuation lines (RFC 4954 §4).
  package var loginLineLengthMax = 12_288
  /// Commands since the last accepted message (or the start).
  package var commandsWithoutMailMax = 100
  /// Refused commands and messages.
  package var errorsMax = 10
  package var failedLoginsMax = 5

  package init() {}
}
