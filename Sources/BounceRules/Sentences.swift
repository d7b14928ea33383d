extension BounceInfo {
  /// Each category and detail in words that a sender understands. ASCII, one sentence.
  package static func sentence(_ category: BounceCategory, _ detail: BounceDetail?) -> String {
    if let detail, let text = sentence(detail, in: category) { return text }
    return switch category {
    case .userUnknown: "The address does not exist at the destination."
    case .mailboxDisabled: "The mailbox exists but takes no mail."
    case .mailboxFull: "The recipient's mailbox is full."
    case .blocklist: "The destination refuses mail from this sending server because of its reputation or a block list."
    case .rateLimit: "The destination limits how much mail it takes at the moment."
    case .greylist: "The destination wants the message to be sent again later."
    case .spam: "The destination took the message for spam."
    case .virus: "The destination found something harmful in the message."
    case .content: "The destination refused the content of the message."
    case .policy: "The destination refused the message because of its policy."
    case .auth: "The destination could not verify that the message comes from its sender's domain."
    case .tls: "No secure connection to the destination's mail server could be made."
    case .relay: "The mail server that was asked does not take mail for this recipient."
    case .sender: "The destination does not accept the sender's address."
    case .size: "The message is larger than the destination accepts."
    case .dns: "The domain of the address could not be found or takes no mail."
    case .network: "The destination's mail server could not be reached."
    case .protocol: "The two mail servers did not understand each other."
    case .system: "The destination's mail server has trouble of its own."
    case .expired: "The message could not be delivered within the time that delivery is tried."
    case .other: "The destination could not take the message, for a reason that it did not make clear."
    }
  }

  private static func sentence(_ detail: BounceDetail, in category: BounceCategory) -> String? {
    switch detail {
    case .addressListed: "The address of this sending server is on a block list that the destination uses."
    case .domainListed: "A domain in the message is on a block list that the destination uses."
    case .otherAddressListed: "An address that the message came through is on a block list that the destination uses."
    case .reputation: nil
    case .connectionRefused: "The destination's mail server did not want to talk to us."
    case .spf: "The sender's domain does not permit this server to send for it (SPF)."
    case .dkim: "The message's signature (DKIM) was missing or not valid for the destination."
    case .dmarc: "The message does not meet the rules that the sender's domain has published (DMARC)."
    case .arc: "The destination could not verify the chain of servers that the message came through (ARC)."
    case .reverseDNS: "The destination wants the sending server's address to have a matching name (reverse DNS)."
    case .login:
      category == .auth ? "The server that this mail must go through refused our login." : nil
    case .moved: "The recipient has moved to another address."
    case .addressSyntax: "The destination does not accept the form of the address."
    case .restrictedRecipient: "The recipient takes mail from certain senders only."
    case .domainUnknown: "The domain of the address does not exist; please check its spelling."
    case .nullMX: "The domain of the address does not accept mail at all."
    case .noMailServer: "The domain of the address has no mail server."
    case .lookupFailed: "The mail servers of the domain could not be looked up."
    case .forbiddenAddress:
      "The domain's mail server has an address to which no mail may be sent, such as a private one."
    case .connection: nil
    case .timeout: "The destination's mail server did not answer in time."
    case .mailLoop: "The message would go round in a loop."
    case .recipients: "The destination takes fewer recipients at a time."
    case .connections: "The destination takes fewer connections at a time."
    case .volume: nil
    case .storage: "The destination's mail server has no room left."
    case .attachment: "The destination does not accept an attachment of the message."
    case .header: "The destination does not accept the form of the message's header."
    case .link: "The destination does not accept a link in the message."
    case .smtpUTF8: "The message needs internationalized mail (SMTPUTF8), which the destination does not support."
    case .missingExtension:
      category == .size ? nil : "The message has a form that the destination does not support."
    case .senderDomain: "The destination could not find the domain of the sender's address."
    case .local: "The message could not be sent because of trouble at our side."
    case .suppressed: "Nothing was sent: this mail service has the address on its suppression list."
    }
  }
}
