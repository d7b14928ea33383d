package import MailModel

package struct LimitsSection: SettingSection {
  package let prefix = "limits"
  package let title = "Limits"

  package let tenant = LimitedScopeSection("tenant", "one tenant")
  package let domain = LimitedScopeSection("domain", "one sender's domain of a tenant")
  package let credential = LimitedScopeSection("credential", "one credential")
  package let messageSize = Setting(
    "limits.message_size", .optional(.size(1 << 10...1 << 30)), default: nil,
    "The largest message of a tenant, where it is less than `smtp.message_size_max`; for tenants that differ.")
  package let sessions = LimitedSessionsSection()
  package let warmUp = WarmUpSection()
  package let failedLogins = FailedLoginsSection()
  package let shareWithoutRedis = Setting(
    "limits.share_without_redis", .number(0.01...1), default: 0.5,
    "Which part of each limit one acceptor allows by itself while Redis is away.")
  package let redisTimeout = Setting(
    "limits.redis_timeout", .duration(.milliseconds(10) ... .seconds(10)), default: .milliseconds(200),
    "How long Redis may take for a decision. After that the acceptor decides by itself until Redis answers again.")
}

package struct LimitedScopeSection: SettingSection {
  package let prefix: String
  package let title: String
  package let messages: Setting<Rates>
  package let recipients: Setting<Rates>

  init(_ name: String, _ whose: String) {
    prefix = "limits.\(name)"
    title = "Limits of \(whose)"
    messages = Setting(
      "limits.\(name).messages", .rates, default: Rates(),
      "How many messages of \(whose) are taken, by all acceptors together; then 451. `postrider tenant limit` sets it "
        + "for a tenant.")
    recipients = Setting(
      "limits.\(name).recipients", .rates, default: Rates(), "The same for recipients; then 452.")
  }
}

package struct LimitedSessionsSection: SettingSection {
  package let prefix = "limits.sessions"
  package let title = "Sessions at once"

  package let address = Setting(
    "limits.sessions.address", .optional(.count(1...1_000_000)), default: nil,
    "Sessions at once of one address (IPv6: one /64) at all acceptors together; then 421. Not set: no limit but "
      + "`smtp.sessions_max`.")
  package let credential = Setting(
    "limits.sessions.credential", .optional(.count(1...1_000_000)), default: nil,
    "The same for one credential.")
}

package struct WarmUpSection: SettingSection {
  package let prefix = "limits.warm_up"
  package let title = "New tenants"

  package let firstDay = Setting(
    "limits.warm_up.first_day", .optional(.count(1...1_000_000_000)), default: nil,
    "How many messages a tenant may send on the day that it is added; not set: as many as any other. `postrider tenant "
      + "limit NAME set warm_up=off` excepts one.")
  package let factor = Setting(
    "limits.warm_up.factor", .number(1...10), default: 2, "By how much that grows each day.")
  package let days = Setting(
    "limits.warm_up.days", .count(1...365), default: 14, "After so many days it no longer applies.")
}

package struct FailedLoginsSection: SettingSection {
  package let prefix = "limits.failed_logins"
  package let title = "Failed logins"

  package let address = Setting(
    "limits.failed_logins.address", .rates, default: Rates("30/hour") ?? Rates(),
    "How many different wrong logins may come from one address (IPv6: one /64). Then it gets 421, before any password is "
      + "checked, except for accounts that have logged in from there lately.")
  package let account = Setting(
    "limits.failed_logins.account", .rates, default: Rates("50/hour") ?? Rates(),
    "How many different wrong passwords may be tried for one account. Then addresses from which it has not logged in lately "
      + "get 454; each that has is counted by itself.")
  package let knownFor = Setting(
    "limits.failed_logins.known_for", .duration(.zero ... .seconds(90 * 86400)), default: .seconds(7 * 86400),
    "For how long a login makes its address known to its account.")
}
