public import MailModel

/// What becomes of a recipient after a failed attempt.
public enum BounceAction: String, Sendable, Hashable, CaseIterable {
  /// Try this recipient again until the retry period is over.
  case retry
  /// As `retry`, and send less from this address of ours to this destination: the trouble is not this message's.
  case slowdown
  /// Give up now and tell the sender.
  case reject
}

/// What went wrong, coarsely. The raw values are what programs see; they stay.
public enum BounceCategory: String, Sendable, Hashable, CaseIterable {
  case userUnknown = "user_unknown"
  case mailboxDisabled = "mailbox_disabled"
  case mailboxFull = "mailbox_full"
  case blocklist
  case rateLimit = "rate_limit"
  case greylist
  case spam, virus, content, policy, auth, tls, relay, sender, size, dns, network
  case `protocol`
  case system, expired, other
}

/// What went wrong, more finely, where it is known. New ones may join; names stay.
public enum BounceDetail: String, Sendable, Hashable, CaseIterable {
  // A list or an opinion of us.
  case addressListed = "address_listed"
  case domainListed = "domain_listed"
  /// A list names an address, and it is not the one that we used.
  case otherAddressListed = "other_address_listed"
  case reputation
  case connectionRefused = "connection_refused"
  // Proofs of origin.
  case spf, dkim, dmarc, arc
  case reverseDNS = "reverse_dns"
  case login
  // The recipient.
  case moved
  case addressSyntax = "address_syntax"
  case restrictedRecipient = "restricted_recipient"
  // The destination's domain.
  case domainUnknown = "domain_unknown"
  case nullMX = "null_mx"
  case noMailServer = "no_mail_server"
  case lookupFailed = "lookup_failed"
  case forbiddenAddress = "forbidden_address"
  // The way there.
  case connection, timeout
  case mailLoop = "mail_loop"
  // How much.
  case recipients, connections, volume
  case storage
  // The message.
  case attachment, header, link
  case smtpUTF8 = "smtputf8"
  case missingExtension = "missing_extension"
  case senderDomain = "sender_domain"
  /// Our own side.
  case local
  /// We do not send to the recipient.
  case suppressed
}

/// What a failed attempt means.
public struct BounceInfo: Sendable, Hashable {
  public var action: BounceAction
  public var category: BounceCategory
  public var detail: BounceDetail?
  /// For the report (RFC 3463). The remote server's own where it gave one; its class follows our action.
  public var status: EnhancedStatus
  /// The line of the reply that decided, or what failed here. It comes from outside and is *not* escaped.
  public var line: String
  /// The rule that decided, for those who look after the rules.
  public var rule: String

  public var isTemporary: Bool { action != .reject }

  /// The address itself cannot be reached, and will not be tomorrow. Trouble of its domain or of the message is not
  /// meant, nor a mailbox that is full.
  public var isHardBounce: Bool { action == .reject && (category == .userUnknown || category == .mailboxDisabled) }

  /// One plain sentence for the sender. It is ours alone: it holds no remote text.
  public var sentence: String { BounceInfo.sentence(category, detail) }
}

/// What failed.
public enum DeliveryFailure: Sendable, Hashable {
  /// What a remote server answered to us.
  case reply(Reply)
  /// A reply as others pass it on: with or without code, one line or several, perhaps inside a sentence about it
  /// («the other server returned: 550 …»), in any charset.
  case text([UInt8])
  /// No reply says why.
  case local(LocalFailure)
}

/// What is known of the attempt. Everything may be left out.
public struct BounceSituation: Sendable, Hashable {
  /// Which of our addresses was used.
  public var ourAddress: String?
  public var mxHost: String?
  public var destinationDomain: String?
  public var stage: AttemptStage?

  public init(
    ourAddress: String? = nil, mxHost: String? = nil, destinationDomain: String? = nil, stage: AttemptStage? = nil
  ) {
    self.ourAddress = ourAddress
    self.mxHost = mxHost
    self.destinationDomain = destinationDomain
    self.stage = stage
  }
}
