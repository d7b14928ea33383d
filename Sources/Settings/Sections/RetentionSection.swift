package struct RetentionSection: SettingSection {
  package let prefix = "retention"
  package let title = "How long mail is kept after its end"

  package let body = Setting(
    "retention.body", .duration(.zero ... .seconds(3650 * 86400)), default: .seconds(30 * 86400),
    "How long a body is kept after its last recipient was delivered or cancelled; 0 means at once. Tenants and "
      + "credentials may have their own. It holds for mail that is accepted from then on.")
  package let bounced = Setting(
    "retention.bounced", .duration(.zero ... .seconds(3650 * 86400)), default: .seconds(30 * 86400),
    "The same for mail of which a recipient bounced or expired.")
  package let records = Setting(
    "retention.records", .duration(.seconds(86400) ... .seconds(3650 * 86400)), default: .seconds(90 * 86400),
    "How long envelopes and outcomes are kept after acceptance, in whole days. Never shorter than the body.")
  package let rewriteInterval = Setting(
    "retention.rewrite_interval", .duration(.seconds(60) ... .seconds(7 * 86400)), default: .seconds(6 * 3600),
    "How often a past day's tables are looked at: what remains in them of destroyed keys is overwritten, and bodies "
      + "that nothing can decrypt are dropped.")
}
