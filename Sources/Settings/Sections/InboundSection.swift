package struct InboundSection: SettingSection {
  package let prefix = "inbound"
  package let title = "Bounces and complaints that come back"

  package let listen = Setting(
    "inbound.listen", .list(of: .listen), default: [],
    "Where `postrider inbound` listens for the mail servers of others (the standard port is 25); empty: nowhere. "
      + "Certificate, key and load balancers are those of `smtp`.")
  package let hostname = Setting(
    "inbound.hostname", .hostName, defaultFrom: "smtp.hostname", { $0.smtp.hostname },
    "The name in the greeting and the answer to EHLO.")
  package let messageSizeMax = Setting(
    "inbound.message_size_max", .size(64 << 10...1 << 30), default: 50 << 20,
    "The largest report, announced in SIZE. Many hold the whole message that they are about; only the beginning is read."
  )
  package let commandTimeout = Setting(
    "inbound.command_timeout", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(60),
    "How long the node waits for a command.")
  package let dataTimeout = Setting(
    "inbound.data_timeout", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(60),
    "How long the node waits for the next piece of a report.")
  package let sessionTimeMax = Setting(
    "inbound.session_time_max", .duration(.seconds(10) ... .seconds(86400)), default: .seconds(900),
    "How long one session may last in all.")
  package let sessionsMax = Setting(
    "inbound.sessions_max", .count(1...1_000_000), default: 500, "Sessions at once in one process; then 421.")
  package let sessionsPerAddressMax = Setting(
    "inbound.sessions_per_address_max", .count(1...1_000_000), default: 20,
    "Sessions at once of one client address; then 421.")
}
