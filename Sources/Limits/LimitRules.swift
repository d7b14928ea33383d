// How much may be sent, by whom, in which time: counted in Redis for all acceptors together, one script for each
// decision, and by each acceptor alone while Redis is away.
//
// Limits are no truth: nothing in PostgreSQL depends on a counter. A Redis that was emptied counts from nothing, one that
// is away lets each acceptor allow its share, and neither loses or repeats a message.
package import MailModel

/// The limits that hold for a tenant's mail: the node's settings, changed by what was set for the tenant.
package struct LimitRules: Sendable, Hashable {
  /// Whose messages are counted together.
  package enum Scope: String, CaseIterable, Sendable {
    case credential, domain, tenant
  }

  package enum Kind: String, CaseIterable, Sendable {
    case messages, recipients
  }

  /// Of one scope.
  package struct Amounts: Sendable, Hashable {
    package var messages = Rates()
    package var recipients = Rates()

    package init(messages: Rates = Rates(), recipients: Rates = Rates()) {
      self.messages = messages
      self.recipients = recipients
    }
  }

  package var credential = Amounts()
  package var domain = Amounts()
  package var tenant = Amounts()
  /// In octets; nil: only what holds for everybody.
  package var messageSizeMax: Int?
  /// Sessions at once of one credential; nil: no limit.
  package var credentialSessionsMax: Int?
  /// nil: new tenants are like others.
  package var warmUp: WarmUp?

  package init() {}

  package subscript(scope: Scope) -> Amounts {
    switch scope {
    case .credential: credential
    case .domain: domain
    case .tenant: tenant
    }
  }
}

/// How a new tenant's messages a day grow.
package struct WarmUp: Sendable, Hashable {
  package var firstDay: Int
  package var factor: Double
  /// Afterwards it no longer applies.
  package var days: Int

  package init(firstDay: Int, factor: Double, days: Int) {
    self.firstDay = firstDay
    self.factor = factor
    self.days = days
  }

  /// - Parameter age: whole days since the tenant was added.
  /// - Returns: messages a day; nil: no longer limited.
  package func limit(age: Int) -> Int? {
    guard age < days else { return nil }
    var limit = Double(firstDay)
    for _ in 0..<max(0, age) { limit = min(limit * factor, Double(Rates.countMax)) }
    return Int(limit)
  }
}

/// What is known of a tenant besides the settings.
package struct TenantTerms: Sendable, Hashable {
  package var overrides = LimitOverrides()
  /// Whole days since it was added.
  package var ageDays: Int

  package init(overrides: LimitOverrides = LimitOverrides(), ageDays: Int = .max) {
    self.overrides = overrides
    self.ageDays = ageDays
  }
}
