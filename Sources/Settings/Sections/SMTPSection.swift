package struct SMTPSection: SettingSection {
  package let prefix = "smtp"
  package let title = "Submission over SMTP"

  package let hostname = Setting(
    "smtp.hostname", .hostName, defaultFrom: "node.name", { $0.node.name },
    "The name in the greeting and the answer to EHLO; the certificate should cover it.")
  package let implicitTLS = ImplicitTLSSection()
  package let startTLS = StartTLSSection()
  package let plain = PlainSection()
  package let proxyProtocol = ProxyProtocolSection()
  package let certificateFile = Setting(
    "smtp.certificate_file", .optional(.file), default: nil, "The certificate chain, PEM. Read again when it changes.")
  package let keyFile = Setting(
    "smtp.key_file", .optional(.file), default: nil, "The certificate's private key, PEM.")
  package let messageSizeMax = Setting(
    "smtp.message_size_max", .size(64 << 10...1 << 30), default: 50 << 20,
    "The largest message, announced in SIZE (RFC 1870).")
  package let recipientsMax = Setting(
    "smtp.recipients_max", .count(1...100_000), default: 100, "Recipients in one message (RFC 5321 asks for 100).")
  package let headerSizeMax = Setting(
    "smtp.header_size_max", .size(4 << 10...16 << 20), default: 256 << 10, "The largest header section.")
  package let receivedMax = Setting(
    "smtp.received_max", .count(1...1000), default: 25, "More `Received` fields than this are a loop.")
  package let messageChecks = Setting(
    "smtp.message_checks", .choice(MessageChecks.self), default: .repair,
    "What becomes of malformed messages: `strict` refuses them, `repair` mends what has one meaning only and refuses "
      + "the rest, `pass` lets go what can go. `docs/message-checks.md` says it for each fault.")
  package let commandsWithoutMailMax = Setting(
    "smtp.commands_without_mail_max", .count(10...1_000_000), default: 100,
    "Commands in a session that lead to no message; then 421.")
  package let errorsMax = Setting(
    "smtp.errors_max", .count(1...10_000), default: 10, "Refused commands in a session; then 421.")
  package let commandTimeout = Setting(
    "smtp.command_timeout", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(300),
    "How long the node waits for a command (RFC 5321 §4.5.3.2.7).")
  package let dataTimeout = Setting(
    "smtp.data_timeout", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(180),
    "How long the node waits for the next piece of a message.")
  package let queueTimeout = Setting(
    "smtp.queue_timeout", .duration(.seconds(1) ... .seconds(300)), default: .seconds(10),
    "How long a client waits for the reply to a complete message, a second longer for each 4 MB; then 451. The message "
      + "may be queued all the same.")
  package let sessionTimeMax = Setting(
    "smtp.session_time_max", .duration(.seconds(10) ... .seconds(86400)), default: .seconds(3600),
    "How long one session may last in all.")
  package let sessionsMax = Setting(
    "smtp.sessions_max", .count(1...1_000_000), default: 10_000, "Sessions at once in one process; then 421.")
  package let spillThreshold = Setting(
    "smtp.spill_threshold", .size(0...64 << 20), default: 256 << 10,
    "A message beyond this size waits in a temporary file instead of memory.")
  package let receivedClientAddress = Setting(
    "smtp.received_client_address", .choice(ClientAddressExposure.self), default: .hide,
    "Whether the `Received` field tells the address of the submitting client.")
  package let passwordChecksMax = Setting(
    "smtp.password_checks_max", .count(1...64), default: 2,
    "Password hashes computed at once in one process; beyond a short line of waiting clients 454.")
  package let passwordCacheTime = Setting(
    "smtp.password_cache_time", .duration(.zero ... .seconds(3600)), default: .seconds(60),
    "How long a successful login is remembered; 0 turns it off.")
  package let ticketRotation = Setting(
    "smtp.ticket_rotation", .duration(.seconds(1) ... .seconds(86400)), default: .seconds(3600),
    "How long one key makes TLS session tickets; a session can be resumed for as long again. All acceptors share the "
      + "keys through Redis.")
  package let threads = Setting(
    "smtp.threads", .count(0...256), default: 0, "Event loops of an acceptor; 0 takes one for each core.")
}

package struct ImplicitTLSSection: SettingSection {
  package let prefix = "smtp.implicit_tls"
  package let title = "TLS from the first byte"

  package let listen = Setting(
    "smtp.implicit_tls.listen", .list(of: .listen),
    default: [ListenAddress(host: "0.0.0.0", port: 2465), ListenAddress(host: "::", port: 2465)],
    "Where to listen for TLS from the first byte (the standard port is 465).")
}

package struct StartTLSSection: SettingSection {
  package let prefix = "smtp.starttls"
  package let title = "STARTTLS"

  package let listen = Setting(
    "smtp.starttls.listen", .list(of: .listen),
    default: [ListenAddress(host: "0.0.0.0", port: 2587), ListenAddress(host: "::", port: 2587)],
    "Where to listen for STARTTLS (the standard port is 587).")
}

package struct PlainSection: SettingSection {
  package let prefix = "smtp.plain"
  package let title = "Neither TLS nor login"

  package let listen = Setting(
    "smtp.plain.listen", .list(of: .listen), default: [],
    "Where to listen for clients that submit without TLS and without a login; empty: nowhere.")
  package let tenant = Setting(
    "smtp.plain.tenant", .optional(.tenantName), default: nil, "The tenant that all such clients submit for.")
  package let senders = Setting(
    "smtp.plain.senders", .choice(PlainSenders.self), default: .tenant,
    "As whom they send: `tenant` for the tenant's domains only, `any` for everybody. Whoever logs in sends as the "
      + "credential says.")
  package let allowNetworks = Setting(
    "smtp.plain.allow_networks", .list(of: .network), default: [],
    "The networks that such clients may come from: IPv4 of /8 or smaller, IPv6 of /16 or smaller. Others are turned away."
  )
}

package struct ProxyProtocolSection: SettingSection {
  package let prefix = "smtp.proxy_protocol"
  package let title = "Behind a load balancer"

  package let allowNetworks = Setting(
    "smtp.proxy_protocol.allow_networks", .list(of: .network), default: [],
    "Where load balancers connect from: IPv4 of /8 or smaller, IPv6 of /16 or smaller. A peer from here must begin "
      + "with a PROXY protocol header (version 1 or 2), before TLS, and is believed about its client's address; from "
      + "anywhere else such a header is a bad command.")
  package let timeout = Setting(
    "smtp.proxy_protocol.timeout", .duration(.milliseconds(100) ... .seconds(60)), default: .seconds(5),
    "How long a load balancer may take for the whole header.")
}
