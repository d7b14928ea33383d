internal import MailModel

/// What can be set for one tenant, under the names that the settings have behind `limits.`.
package enum LimitName: String, CaseIterable, Sendable {
  case tenantMessages = "tenant.messages"
  case tenantRecipients = "tenant.recipients"
  case domainMessages = "domain.messages"
  case domainRecipients = "domain.recipients"
  case credentialMessages = "credential.messages"
  case credentialRecipients = "credential.recipients"
  /// Octets, or `unlimited`.
  case messageSize = "message_size"
  /// At once, or `unlimited`.
  case credentialSessions = "sessions.credential"
  /// `off`: the tenant counts as grown up.
  case warmUp = "warm_up"
}

/// One tenant's own limits. What is not here is as the settings say.
package struct LimitOverrides: Sendable, Hashable {
  private var rates: [LimitName: Rates] = [:]
  /// Size and sessions; `.some(nil)`: lifted.
  private var numbers: [LimitName: Int?] = [:]
  private var isGrownUp = false

  package init() {}

  /// Of what the database has: `name=value`, one a line. What this build does not understand is left out.
  package init(lines: String) {
    for line in lines.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let name = LimitName(rawValue: String(parts[0])) else { continue }
      set(name, String(parts[1]))
    }
  }

  private mutating func set(_ name: LimitName, _ value: String) {
    switch name {
    case .messageSize, .credentialSessions:
      if value == "unlimited" { numbers[name] = .some(nil) } else if let number = Int(value) { numbers[name] = number }
    case .warmUp: isGrownUp = value == "off"
    default: rates[name] = Rates(value) ?? rates[name]
    }
  }

  /// The limits that hold for this tenant.
  package func applied(to rules: LimitRules) -> LimitRules {
    guard self != LimitOverrides() else { return rules }
    var rules = rules
    rules.tenant.messages = rates[.tenantMessages] ?? rules.tenant.messages
    rules.tenant.recipients = rates[.tenantRecipients] ?? rules.tenant.recipients
    rules.domain.messages = rates[.domainMessages] ?? rules.domain.messages
    rules.domain.recipients = rates[.domainRecipients] ?? rules.domain.recipients
    rules.credential.messages = rates[.credentialMessages] ?? rules.credential.messages
    rules.credential.recipients = rates[.credentialRecipients] ?? rules.credential.recipients
    if let size = numbers[.messageSize] { rules.messageSizeMax = size }
    if let sessions = numbers[.credentialSessions] { rules.credentialSessionsMax = sessions }
    if isGrownUp { rules.warmUp = nil }
    return rules
  }
}
