/// What SMTP says about a message outside of the message (RFC 5321 §2.3.1).
package struct Envelope: Hashable, Sendable {
  /// Where notices go; nil is the null reverse-path `<>`: nobody is ever told.
  package var reversePath: MailAddress?
  package var recipients: [Recipient]
  package var body: BodyKind
  /// The client said SMTPUTF8 (RFC 6531): addresses or header may hold UTF-8.
  package var smtpUTF8: Bool
  /// `RET` (RFC 3461 §4.3).
  package var returned: ReturnedContent?
  /// `ENVID`, decoded from xtext (RFC 3461 §4.4).
  package var envelopeID: String?

  package init(
    reversePath: MailAddress?, recipients: [Recipient] = [], body: BodyKind = .sevenBit, smtpUTF8: Bool = false,
    returned: ReturnedContent? = nil, envelopeID: String? = nil
  ) {
    self.reversePath = reversePath
    self.recipients = recipients
    self.body = body
    self.smtpUTF8 = smtpUTF8
    self.returned = returned
    self.envelopeID = envelopeID
  }
}

/// One forward-path with its DSN wishes.
package struct Recipient: Hashable, Sendable {
  package var address: MailAddress
  /// `NOTIFY` (RFC 3461 §4.1); nil when the client did not say: failure and delay.
  package var notify: NotifyConditions?
  /// `ORCPT` as given, type and xtext together, for example `rfc822;bob+40example.com` (RFC 3461 §4.2).
  package var originalRecipient: String?

  package init(address: MailAddress, notify: NotifyConditions? = nil, originalRecipient: String? = nil) {
    self.address = address
    self.notify = notify
    self.originalRecipient = originalRecipient
  }
}

/// `BODY` (RFC 6152, RFC 3030).
package enum BodyKind: Int16, Sendable, Hashable, CaseIterable {
  case sevenBit = 0
  case eightBit = 1
  case binary = 2

  /// The parameter's value on the wire.
  package var keyword: String {
    switch self {
    case .sevenBit: "7BIT"
    case .eightBit: "8BITMIME"
    case .binary: "BINARYMIME"
    }
  }
}

/// `RET`: how much of the message a failure notice returns.
package enum ReturnedContent: Int16, Sendable, Hashable {
  case full = 0
  case headers = 1

  package var keyword: String { self == .full ? "FULL" : "HDRS" }
}

/// `NOTIFY`: when the sender wants to hear. The empty set is `NEVER`.
package struct NotifyConditions: OptionSet, Hashable, Sendable {
  package let rawValue: Int16
  package init(rawValue: Int16) { self.rawValue = rawValue }

  package static let success = NotifyConditions(rawValue: 1)
  package static let failure = NotifyConditions(rawValue: 2)
  package static let delay = NotifyConditions(rawValue: 4)
  /// The sender said nothing, and the tenant wants to hear of success from us. It is never passed on.
  package static let assumed = NotifyConditions(rawValue: 8)
  package static let never: NotifyConditions = []

  /// What the sender said himself; nil: nothing.
  package var said: NotifyConditions? { contains(.assumed) ? nil : self }

  /// The parameter's value on the wire.
  package var keyword: String {
    if isEmpty { return "NEVER" }
    return [(NotifyConditions.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY")]
      .filter { contains($0.0) }.map(\.1).joined(separator: ",")
  }
}
