package import MailModel

/// A message as it is counted.
package struct CountedMessage: Sendable, Hashable {
  package var tenant: Int64
  /// nil: from a trusted network.
  package var credential: Int64?
  /// The sender's, in A-labels.
  package var domain: String?
  package var recipients: Int
  package var sizeBytes: Int

  package init(tenant: Int64, credential: Int64?, domain: String?, recipients: Int, sizeBytes: Int) {
    self.tenant = tenant
    self.credential = credential
    self.domain = domain
    self.recipients = recipients
    self.sizeBytes = sizeBytes
  }
}

/// Whose counts are kept together, under one key.
package struct Counter: Sendable, Hashable {
  /// One span in which is counted. nil: nothing limits that kind.
  package struct Window: Sendable, Hashable {
    package let span: Rates.Span
    package var messages: Int?
    package var recipients: Int?
    /// `messages` is a new tenant's.
    package var isWarmUp = false
  }

  package let scope: LimitRules.Scope
  package let key: String
  package var windows: [Window]

  /// What counts are kept under. A domain's name stands beside its tenant: nobody spends what is another's.
  package static func key(_ scope: LimitRules.Scope, tenant: Int64, credential: Int64? = nil, domain: String? = nil)
    -> String?
  {
    switch scope {
    case .credential: credential.map { "postrider:limit:credential:\($0)" }
    case .domain: domain.map { "postrider:limit:domain:\(tenant):\($0)" }
    case .tenant: "postrider:limit:tenant:\(tenant)"
    }
  }
}

extension LimitRules {
  /// Everything that one message counts for and that is limited.
  package func counters(for message: CountedMessage, ageDays: Int) -> [Counter] {
    Scope.allCases.compactMap { scope in
      let windows = windows(of: scope, ageDays: ageDays)
      let key = Counter.key(
        scope, tenant: message.tenant, credential: message.credential, domain: message.domain)
      guard let key, !windows.isEmpty else { return nil }
      return Counter(scope: scope, key: key, windows: windows)
    }
  }

  /// The spans in which a scope is limited.
  package func windows(of scope: Scope, ageDays: Int) -> [Counter.Window] {
    let amounts = self[scope]
    return Rates.Span.allCases.compactMap { span in
      var window = Counter.Window(span: span, messages: amounts.messages[span], recipients: amounts.recipients[span])
      if scope == .tenant, span == .day, let limit = warmUp?.limit(age: ageDays), limit < window.messages ?? .max {
        window.messages = limit
        window.isWarmUp = true
      }
      return window.messages == nil && window.recipients == nil ? nil : window
    }
  }
}

/// What a store of counters says to a message.
enum CounterAnswer: Sendable, Hashable {
  /// When each window began, in the order of the counters and their windows: tells it from the next one.
  case counted(starts: [Int64])
  /// Nothing was counted. `place` is the window's in that order: the one that is full for longest.
  case full(place: Int, kind: LimitRules.Kind, waitMilliseconds: Int64)
}

/// One span's counts, in whichever store.
struct WindowCount: Sendable, Hashable {
  /// Milliseconds on the store's clock: the first message's moment.
  var start: Int64
  var messages: Int64 = 0
  var recipients: Int64 = 0

  /// Why a message does not fit.
  func refusal(of recipients: Int, in window: Counter.Window) -> LimitRules.Kind? {
    if let limit = window.messages, messages + 1 > limit { return .messages }
    if let limit = window.recipients, self.recipients + Int64(recipients) > limit { return .recipients }
    return nil
  }
}
