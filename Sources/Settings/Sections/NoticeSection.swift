package struct NoticeSection: SettingSection {
  package let prefix = "notices"
  package let title = "What senders are told"

  package let delayAfter = Setting(
    "notices.delay_after", .duration(.zero ... .seconds(30 * 86400)), default: .seconds(4 * 3600),
    "How long after acceptance a sender hears that his mail still waits, once for each recipient; 0 means never. Tenants "
      + "may have their own. It holds for mail that is accepted from then on.")
  package let language = Setting(
    "notices.language", .oneOf(["en", "nl", "fi"]), default: "en",
    "The language of notices. Tenants may have their own, and own texts: `postrider notice`.")
  package let returnMax = Setting(
    "notices.return_max", .size(0...16_777_216), default: 1_048_576,
    "Larger messages come back as their header, also when the sender asked for all of it (RET=FULL).")
}
