internal import MailModel

/// What went wrong, in terms that a sender understands. New kinds may join; names stay.
package enum FailureCause: String, Sendable, Hashable, CaseIterable {
  // The address.
  case recipientUnknown, mailboxDisabled, mailboxFull, addressSyntax
  // The domain.
  case domainUnknown, domainTakesNoMail, noMailServer
  // The message.
  case messageTooLarge, contentRefused, needsSMTPUTF8, needsExtension, mailLoop
  // The other side's opinion of us.
  case blocklisted, throttled, greylisted, policy, loginRefused, connectionRefused
  // The way there.
  case dns, connection, timeout, tls, protocolViolation, forbiddenAddress
  // Anything else.
  case refused, deferredByServer, localTrouble, expired
}

extension FailureCause {
  /// Subject and detail of the status when the remote server gave none; the class comes from the verdict.
  var status: (subject: UInt16, detail: UInt16) {
    switch self {
    case .recipientUnknown: (1, 1)
    case .mailboxDisabled: (2, 1)
    case .mailboxFull: (2, 2)
    case .addressSyntax: (1, 3)
    case .domainUnknown: (1, 2)
    case .domainTakesNoMail: (1, 10)  // RFC 7505 §4.2
    case .noMailServer, .forbiddenAddress: (4, 4)
    case .messageTooLarge: (3, 4)
    case .contentRefused: (6, 0)
    case .needsSMTPUTF8: (6, 7)  // RFC 6531 §3.5
    case .needsExtension: (6, 3)
    case .mailLoop: (4, 6)
    case .blocklisted, .policy, .greylisted: (7, 1)
    case .throttled: (7, 0)
    case .loginRefused: (7, 8)
    case .connectionRefused, .timeout: (4, 2)
    case .dns: (4, 3)
    case .connection: (4, 1)
    case .tls: (7, 5)
    case .protocolViolation: (5, 0)
    case .refused, .deferredByServer: (0, 0)
    case .localTrouble: (3, 0)
    case .expired: (4, 7)
    }
  }

  /// One sentence for the sender.
  package var explanation: String {
    switch self {
    case .recipientUnknown: "The address does not exist at the destination."
    case .mailboxDisabled: "The mailbox exists but takes no mail."
    case .mailboxFull: "The recipient's mailbox is full."
    case .addressSyntax: "The destination does not accept the form of the address."
    case .domainUnknown: "The domain of the address does not exist; please check its spelling."
    case .domainTakesNoMail: "The domain of the address does not accept mail at all."
    case .noMailServer: "The domain of the address has no mail server."
    case .messageTooLarge: "The message is larger than the destination accepts."
    case .contentRefused: "The destination refused the content of the message."
    case .needsSMTPUTF8: "The message needs internationalized mail (SMTPUTF8), which the destination does not support."
    case .needsExtension: "The message has a form that the destination does not support."
    case .mailLoop: "The message would go round in a loop."
    case .blocklisted:
      "The destination refuses mail from this sending server because of its reputation or a block list."
    case .throttled: "The destination limits how much mail it takes at the moment."
    case .greylisted: "The destination wants the message to be sent again later."
    case .policy: "The destination refused the message because of its policy."
    case .loginRefused: "The relay that this mail must go through refused our login."
    case .connectionRefused: "The destination's mail server did not want to talk to us."
    case .dns: "The mail servers of the domain could not be looked up."
    case .connection: "The destination's mail server could not be reached."
    case .timeout: "The destination's mail server did not answer in time."
    case .tls: "No secure connection to the destination's mail server could be made."
    case .protocolViolation: "The destination's mail server answered in a way that could not be understood."
    case .forbiddenAddress:
      "The domain's mail server has an address to which no mail may be sent, such as a private one."
    case .refused: "The destination refused the message."
    case .deferredByServer: "The destination could not take the message at the moment."
    case .localTrouble: "The message could not be sent because of trouble at our side."
    case .expired: "The message could not be delivered within the time that delivery is tried."
    }
  }
}
