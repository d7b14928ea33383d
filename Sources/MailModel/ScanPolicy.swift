/// What is done with a message in which a scanner has found something.
public enum ScanTreatment: String, Sendable, Hashable, CaseIterable {
  /// It is refused, and never queued.
  case reject
  /// It is queued and set aside until a person releases or cancels it.
  case hold
  /// It is queued with header fields that say what was found.
  case tag
  /// Nobody looks for it.
  case off
}

/// What a tenant has decided about the content of its mail; nil: the node's settings.
public struct ScanChoice: Sendable, Hashable {
  public var malware: ScanTreatment?
  public var spam: ScanTreatment?
  /// From this score on a message is spam.
  public var spamScore: Double?
  /// From this score on it says so in its header, and goes on.
  public var tagScore: Double?

  public init(
    malware: ScanTreatment? = nil, spam: ScanTreatment? = nil, spamScore: Double? = nil, tagScore: Double? = nil
  ) {
    self.malware = malware
    self.spam = spam
    self.spamScore = spamScore
    self.tagScore = tagScore
  }
}

/// What is done about the content of one message.
public struct ScanPolicy: Sendable, Hashable {
  public var malware: ScanTreatment
  public var spam: ScanTreatment
  /// From this score on a message is spam; nil: when the spam filter would reject it.
  public var spamScore: Double?
  /// From this score on it is marked; nil: when the spam filter would mark it.
  public var tagScore: Double?
  /// What a scanner did not look at is accepted, and says so; otherwise the client comes again.
  public var acceptsUnscanned: Bool

  public init(
    malware: ScanTreatment = .reject, spam: ScanTreatment = .reject, spamScore: Double? = nil,
    tagScore: Double? = nil, acceptsUnscanned: Bool = false
  ) {
    self.malware = malware
    self.spam = spam
    self.spamScore = spamScore
    self.tagScore = tagScore
    self.acceptsUnscanned = acceptsUnscanned
  }

  /// The same with what a tenant has decided otherwise.
  public func changed(by choice: ScanChoice) -> ScanPolicy {
    ScanPolicy(
      malware: choice.malware ?? malware, spam: choice.spam ?? spam, spamScore: choice.spamScore ?? spamScore,
      tagScore: choice.tagScore ?? tagScore, acceptsUnscanned: acceptsUnscanned)
  }
}
