package struct SuppressionSection: SettingSection {
  package let prefix = "suppression"
  package let title = "Addresses that nothing is sent to"

  package let bounces = Setting(
    "suppression.bounces", .duration(.zero ... .seconds(3650 * 86400)), default: .seconds(14 * 86400),
    "For how long nothing more is sent to an address that a mail server has said to be unknown or disabled; 0: never "
      + "for that. Tenants may have their own.")
  package let complaints = Setting(
    "suppression.complaints", .duration(.zero ... .seconds(3650 * 86400)), default: .seconds(180 * 86400),
    "The same for an address whose owner complained about a message (a feedback report).")
}
